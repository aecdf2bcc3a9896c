import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { UserError } from "../errors.ts";
import { gunzip, readAt } from "./unpack.ts";
import { unzip } from "./unzip.ts";

/** How rows are written down in a file. */
export type FileForm = "parquet" | "csv" | "json";

/** How large a file may be, in bytes: as it is, and unpacked. The largest known are a day of bids: 3 GB of Parquet. */
export const FILE_LIMITS = { stored: 2 ** 36, unpacked: 2 ** 35 };
export type FileLimits = typeof FILE_LIMITS;

/** A file whose length, end and checksums are right. */
export interface VerifiedFile {
  readonly form: FileForm;
  /** What is read: the file itself, or where it was unpacked. */
  readonly path: string;
  readonly sha256: string;
  readonly bytes: number;
  /** Its first line, of a CSV file; its first row, of a JSON file. */
  readonly head: string;
}

const HEAD_BYTES = 64 * 1024;

/** The digest of a file, hex. */
export async function digestOf(path: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash);
  return hash.digest("hex");
}

/**
 * Looks whether a file is whole, and unpacks it to `unpacked` where it is packed. Throws UserError, which says what is wrong with
 * it, but not its name.
 */
export async function verifyFile(
  path: string,
  unpacked: string,
  limits: FileLimits = FILE_LIMITS,
): Promise<VerifiedFile> {
  const { bytes, start, end } = await endsOf(path);
  if (bytes === 0) throw new UserError("it is empty");
  if (bytes > limits.stored) throw new UserError(`it has ${bytes} bytes, over the bound of ${limits.stored}`);
  const sha256 = await digestOf(path);
  const packed = start.subarray(0, 2).toString("latin1");
  if (packed !== "\u001f\u008b" && packed !== "PK")
    return { form: formOf(start, end, bytes), path, sha256, bytes, head: headOf(start) };
  if (packed === "PK") await unzip(path, unpacked, limits.unpacked);
  else await gunzip(path, unpacked, limits.unpacked);
  const inner = await endsOf(unpacked);
  if (inner.bytes === 0) throw new UserError("what is packed in it is empty");
  const form = formOf(inner.start, inner.end, inner.bytes);
  return { form, path: unpacked, sha256, bytes, head: headOf(inner.start) };
}

async function endsOf(path: string): Promise<{ bytes: number; start: Buffer; end: Buffer }> {
  const file = await open(path, "r");
  try {
    const { size } = await file.stat();
    const start = await readAt(file, 0, Math.min(size, HEAD_BYTES));
    return { bytes: size, start, end: await readAt(file, Math.max(0, size - 8), Math.min(8, size)) };
  } finally {
    await file.close();
  }
}

function formOf(start: Buffer, end: Buffer, bytes: number): FileForm {
  const text = start.toString("latin1").trimStart();
  if (text.startsWith("PAR1")) {
    const footer = end.readUInt32LE(0);
    if (end.subarray(4).toString("latin1") !== "PAR1" || bytes < 12 || footer > bytes - 12)
      throw new UserError("it is cut short: a Parquet file ends with its footer and PAR1");
    return "parquet";
  }
  if (text.startsWith("<")) throw new UserError("it is a page of HTML or XML, not the data");
  const last = end.toString("latin1").trimEnd().at(-1);
  if (text.startsWith("[")) {
    if (last !== "]") throw new UserError("it is cut short: its JSON array has no end");
    return "json";
  }
  if (end.at(-1) !== 0x0a) throw new UserError("it is cut short: its last line has no end");
  return "csv";
}

/** The line, or the object, that a text begins with. */
function headOf(start: Buffer): string {
  const text = start.toString("utf8");
  if (text.trimStart().startsWith("[")) return text.slice(0, text.indexOf("}") + 1);
  return (text.split("\n", 1)[0] ?? "").trimEnd();
}
