import { constants } from "node:fs";
import { copyFile, link, mkdir, readdir, readFile, rename } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { IMPORT_DATASETS, type ImportDataset, type ImportSource } from "../datasets/importTables.ts";
import { codeOf, printable, UserError } from "../errors.ts";
import { folderError, replaceFile, sweepDead } from "../lake/folder/files.ts";
import { ownerId } from "../lake/folder/owner.ts";
import { type Provenance, provenanceOf } from "./provenance.ts";

/** A file's name in the lake. */
const FILE_NAME = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,199}$/;

let count = 0;

/**
 * Where a lake in a folder keeps the files of others' archives, `<network>/imports/<source>/<dataset>/<file>`, each with its
 * provenance beside it (`<file>.json`, written last: a file without one may be half known).
 */
export class ImportLake {
  readonly #root: string;

  constructor(lake: string, network: string) {
    if (lake.includes("://"))
      throw new UserError("import keeps files in a lake that is a folder; give --lake DIR", { exitCode: 2 });
    this.#root = join(resolve(lake), network);
  }

  pathOf(source: ImportSource, dataset: ImportDataset, name: string): string {
    return join(this.#root, "imports", source, dataset, name);
  }

  quarantineOf(source: ImportSource, dataset: ImportDataset, name: string): string {
    return join(this.#root, "quarantine", "imports", source, dataset, `${name}.ndjson.gz`);
  }

  /** A name for a file that isn't whole yet, in a folder that is there. What dead imports left there is removed. */
  async temporary(source: ImportSource, name: string): Promise<string> {
    if (!FILE_NAME.test(name))
      throw new UserError(
        `${printable(name)}: a file's name is made of letters, digits and ._- ; give it another one`,
        { exitCode: 2 },
      );
    const folder = join(this.#root, "imports", source);
    await guarded(folder, async () => void (await mkdir(folder, { recursive: true })));
    await sweepDead(folder);
    return join(folder, `.${name}.${ownerId()}.${count++}.tmp`);
  }

  /** Gives a temporary file its name, on disk before it returns. */
  async place(temporary: string, path: string): Promise<void> {
    await sweepDead(dirname(path));
    await replaceFile(
      path,
      (to) => rename(temporary, to),
      async (swap) => swap(),
    );
  }

  /** What is known of a file; undefined where there is nothing, or nothing that can be read. */
  async provenance(
    source: ImportSource,
    dataset: ImportDataset,
    name: string,
  ): Promise<Provenance | undefined> {
    try {
      return provenanceOf(await readFile(`${this.pathOf(source, dataset, name)}.json`, "utf8"));
    } catch (error) {
      if (codeOf(error) === "ENOENT") return undefined;
      throw folderError(error, "read", this.pathOf(source, dataset, name));
    }
  }

  async writeProvenance(of: Provenance): Promise<void> {
    const path = `${this.pathOf(of.source, of.dataset, of.source_file)}.json`;
    await replaceFile(path, Buffer.from(`${JSON.stringify(of)}\n`), async (swap) => swap());
  }

  /** What is known of every file of a dataset. */
  async *all(dataset: ImportDataset): AsyncGenerator<Provenance> {
    for (const source of await namesIn(join(this.#root, "imports"))) {
      const folder = join(this.#root, "imports", source, dataset);
      for (const name of await namesIn(folder)) {
        if (!name.endsWith(".json") || name.startsWith(".")) continue;
        const read = provenanceOf(await readFile(join(folder, name), "utf8"));
        if (read?.dataset === dataset && IMPORT_DATASETS.includes(dataset)) yield read;
      }
    }
  }
}

/** The names in a folder, in order; none where there is no such folder. */
async function namesIn(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).sort();
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes(codeOf(error) ?? "")) return [];
    throw folderError(error, "read", folder);
  }
}

/** Copies a file to where it will be placed from; where `linked`, no bytes are copied if that can be. */
export async function stageFile(from: string, to: string, linked: boolean): Promise<void> {
  await guarded(to, async () => {
    if (linked) {
      try {
        await link(from, to);
        return;
      } catch (error) {
        // Another disk, or one without links.
        if (codeOf(error) === "ENOENT") throw error;
      }
    }
    await copyFile(from, to, constants.COPYFILE_FICLONE);
  });
}

async function guarded(path: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    throw folderError(error, "write", path);
  }
}
