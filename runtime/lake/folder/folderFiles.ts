import { open, readdir } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { codeOf } from "../../errors.ts";
import type { FileStore } from "../fileStore.ts";
import { BadObjectError } from "../lake.ts";
import { folderError, replaceFile, sweepDead } from "./files.ts";

/** Published files in a folder, which need not be there yet. */
export function openFolderFiles(path: string): FileStore {
  return new FolderFiles(path);
}

class FolderFiles implements FileStore {
  readonly url: string;
  readonly #root: string;

  constructor(path: string) {
    this.url = path;
    this.#root = resolve(path);
  }

  async readText(name: string, limit: number): Promise<string | undefined> {
    const pieces: Buffer[] = [];
    let size = 0;
    for await (const piece of (await this.readFile(name)) ?? []) {
      size += pieces.push(piece) && piece.length;
      if (size > limit)
        throw new BadObjectError(name, `${join(this.#root, name)} is over ${limit} bytes; move it away`);
    }
    return pieces.length === 0 ? undefined : Buffer.concat(pieces).toString("utf8");
  }

  async writeText(name: string, text: string): Promise<void> {
    await this.#replace(name, Buffer.from(text));
  }

  async writeFile<T>(name: string, make: (path: string) => Promise<T>): Promise<T> {
    const made: T[] = [];
    await this.#replace(name, async (path) => void made.push(await make(path)));
    return made[0] as T;
  }

  async readFile(name: string): Promise<AsyncIterable<Buffer> | undefined> {
    const path = join(this.#root, name);
    try {
      const file = await open(path, "r");
      return file.createReadStream({ highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>;
    } catch (error) {
      if (codeOf(error) === "ENOENT") return undefined;
      throw folderError(error, "read", path, "--out");
    }
  }

  async names(folder: string): Promise<string[]> {
    const names: string[] = [];
    for (const entry of await entriesOf(join(this.#root, folder))) {
      if (entry.name.startsWith(".")) continue;
      if (entry.isDirectory()) names.push(...(await this.names(`${folder}${entry.name}/`)));
      else names.push(folder + entry.name);
    }
    return names.toSorted();
  }

  async #replace(name: string, content: Parameters<typeof replaceFile>[1]): Promise<void> {
    const path = join(this.#root, name);
    await sweepDead(dirname(path), "--out");
    await replaceFile(path, content, (swap) => swap(), "--out");
  }
}

async function entriesOf(folder: string) {
  try {
    return await readdir(folder, { withFileTypes: true });
  } catch (error) {
    // A folder that isn't there holds nothing; what else is wrong the writing says.
    if (["ENOENT", "ENOTDIR"].includes(codeOf(error) ?? "")) return [];
    throw folderError(error, "read", folder, "--out");
  }
}
