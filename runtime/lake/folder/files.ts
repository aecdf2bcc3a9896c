import { type FileHandle, mkdir, open, readdir, rename, rm, unlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { codeOf, messageOf, printable, UserError } from "../../errors.ts";
import { OWNER_PATTERN, ownerId, ownerState } from "./owner.ts";

/** Temporary files name their owner, so that anyone can see whether they are still needed. */
export const TEMPORARY_NAME = new RegExp(`^\\..+\\.(${OWNER_PATTERN})\\.\\d+\\.tmp$`);

/** The option of the command line that named the place. */
type PlaceOption = "--lake" | "--out";

let count = 0;

/**
 * Puts a file in the place of another: whole or not at all, on disk before it returns, and the name never
 * vanishes. `content` may be what writes it at a path. `place` decides when (and whether) `swap`, the rename, is called. When it
 * throws, nothing is left and the file is as it was.
 */
export async function replaceFile(
  path: string,
  content: Buffer | ((path: string) => Promise<void>),
  place: (swap: () => Promise<void>) => Promise<void>,
  option: PlaceOption = "--lake",
): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.${ownerId()}.${count++}.tmp`);
  try {
    await mkdir(dirname(path), { recursive: true });
    if (typeof content === "function") await content(temporary);
    await withFile(temporary, typeof content === "function" ? "r+" : "wx", async (file) => {
      if (typeof content !== "function") await file.writeFile(content);
      await file.sync();
    });
    await place(() => rename(temporary, path));
    // The name too must be on disk: a quarantine is written before its chunk, and a power cut must not turn
    // that round.
    await withFile(dirname(path), "r", (folder) => folder.sync());
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {
      // The first error says what is wrong here; a file that stays is swept by the next process.
    });
    throw folderError(error, "write", path, option);
  }
}

/** Removes from a folder what writers that died have left; one that isn't there has nothing. */
export async function sweepDead(folder: string, option: PlaceOption = "--lake"): Promise<void> {
  let names: string[] = [];
  try {
    names = await readdir(folder);
  } catch (error) {
    // What else is wrong the writing says.
    if (!["ENOENT", "ENOTDIR"].includes(codeOf(error) ?? ""))
      throw folderError(error, "read", folder, option);
  }
  for (const name of names) {
    const owner = TEMPORARY_NAME.exec(name)?.[1];
    if (owner !== undefined && ownerState(owner) === "dead")
      await unlink(join(folder, name)).catch(() => {
        // Another was faster, or may and this one may not.
      });
  }
}

async function withFile(
  path: string,
  flags: string,
  work: (file: FileHandle) => Promise<void>,
): Promise<void> {
  const file = await open(path, flags);
  try {
    await work(file);
  } finally {
    await file.close();
  }
}

/**
 * A system error that the person at the keyboard can mend, as one line that says how; anything else as it is.
 */
export function folderError(
  error: unknown,
  verb: "read" | "write",
  path: string,
  option: PlaceOption = "--lake",
): unknown {
  const what = `can't ${verb} ${printable(path, 4096)}`;
  const user = (text: string): UserError => new UserError(text, { cause: error });
  switch (codeOf(error)) {
    case "ENOSPC":
    case "EDQUOT":
      return user(
        `${what}: the disk is full; free some space and run again (what was written before is kept)`,
      );
    case "EACCES":
    case "EPERM":
      return user(
        `${what}: no permission; give this user the right to ${verb} there, or choose another ${option}`,
      );
    case "EROFS":
      return user(`${what}: the file system is read-only; mount it for writing, or choose another ${option}`);
    case "ENOTDIR":
    case "EEXIST":
      return user(`${what}: a file lies where a folder should be; move it away, or choose another ${option}`);
    case "EISDIR":
    case "ENOTEMPTY":
      return user(`${what}: a folder lies where a file should be; move it away and run again`);
    case "ENAMETOOLONG":
      return user(`${what}: the path is too long; choose another ${option}`);
    case "EIO":
      return user(`${what}: the disk reports an error (${messageOf(error)}); check it, then run again`);
    default:
      return error;
  }
}
