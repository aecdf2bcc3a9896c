import { messageOf, printable, UserError } from "../../errors.ts";

/** DuckDB's message when another process has the file open, up to its own advice: how its command line could read the file. */
const LOCKED = /Could not set lock on file .*?Conflicting lock is held in (.+?)\. (?:However|See)/s;

/** Who holds the file, as DuckDB says it (`/usr/bin/node (PID 7)`); undefined when the error is another one. */
export function lockHolder(error: unknown): string | undefined {
  const match = LOCKED.exec(messageOf(error));
  return match ? printable(match[1] ?? "another process") : undefined;
}

/** True where a statement failed because of the data that it read, and not because of the machine or the program. */
export function isDataError(error: unknown): boolean {
  return /^(Conversion|Invalid Input|Out of Range|Constraint) Error/.test(messageOf(error));
}

/** True where a file that a statement reads is gone or can't be read. */
export function isReadError(error: unknown): boolean {
  return messageOf(error).startsWith("IO Error");
}

const causes: readonly (readonly [RegExp, string])[] = [
  [
    /No space left on device|Disk quota exceeded|File too large|max_temp_directory_size|out of disk/i,
    "the disk is full; free some space and run `load` (the lake is complete, the tables are as they were)",
  ],
  [
    /Permission denied/i,
    "no permission; give this user the right to write there, or choose another --warehouse",
  ],
  [/Read-only file system/i, "the file system is read-only; choose another --warehouse"],
  [/Is a directory/i, "it is a folder; name a file with --warehouse"],
  [/Not a directory/i, "a file lies where a folder should be; choose another --warehouse"],
  [
    /not a valid DuckDB database file|Could not read enough bytes|[Cc]orrupt|[Cc]hecksum|Failed to deserialize|Serialization Error|Failure while replaying WAL|database has been invalidated/,
    "it is damaged or not a DuckDB file; move it away and run `load`: it is made again from the lake",
  ],
  [
    /(older|newer) version of DuckDB|version number|storage version/i,
    "another version of DuckDB wrote it; move it away and run `load`: it is made again from the lake",
  ],
  [/Out of Memory|failed to allocate/i, "there isn't enough memory; close other programs and run it again"],
];

/** An error of DuckDB's about the file at `path` as one line with the remedy; anything else as it is. */
export function duckdbError(error: unknown, path: string): unknown {
  if (error instanceof UserError) return error;
  const message = messageOf(error);
  const advice = causes.find(([pattern]) => pattern.test(message))?.[1];
  if (advice === undefined) return error;
  return new UserError(`can't use the warehouse ${printable(path, 4096)}: ${advice}`, { cause: error });
}
