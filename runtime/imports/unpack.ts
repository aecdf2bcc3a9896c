import { createReadStream, createWriteStream } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { messageOf, printable, UserError } from "../errors.ts";

/** So many bytes of a file from a place on, or as many as there are. */
export async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, position);
  return buffer.subarray(0, bytesRead);
}

/** Unpacks a gzip file, whose checksum and length zlib compares. Throws UserError, which says what is wrong with it. */
export async function gunzip(path: string, to: string, limit: number): Promise<void> {
  try {
    await pipeline(createReadStream(path), createGunzip(), bounded(limit), createWriteStream(to));
  } catch (error) {
    throw unpackError(error);
  }
}

/** A fault of what is packed as one line; any other as it is. */
export function unpackError(error: unknown): unknown {
  const message = messageOf(error);
  if (error instanceof UserError) return error;
  if (/unexpected end of file/i.test(message)) return new UserError("it is cut short");
  if (/incorrect|invalid|unknown compression/i.test(message))
    return new UserError(`it is damaged (${printable(message, 80)})`);
  return error;
}

/** Passes bytes on until there are too many. */
export function bounded(limit: number): Transform {
  let bytes = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      if (bytes > limit) done(new UserError(`it unpacks to more than the bound of ${limit} bytes`));
      else done(null, chunk);
    },
  });
}
