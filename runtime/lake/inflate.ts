import { isAscii, isUtf8 } from "node:buffer";
import { crc32, createInflateRaw } from "node:zlib";
import { codeOf } from "../errors.ts";
import { TRAILER_BYTES, parseMemberHeader } from "./member.ts";

/**
 * An object's body isn't what the lake writes. The message says what is wrong with "it"; the caller knows the
 * name.
 */
export class BodyFault extends Error {
  override readonly name = "BodyFault";
}

const NEWLINE = 0x0a;

/**
 * The lines of an object, each with its newline, as they are inflated. The body must be one gzip member to
 * its last byte, valid UTF-8, its lines no longer than `maxLine` bytes, all together no longer than `maxInflated`. Throws BodyFault, also after lines
 * were given: a caller takes all or nothing.
 */
export async function* inflateLines(
  body: Buffer,
  maxLine: number,
  maxInflated: number,
): AsyncGenerator<string[]> {
  const header = parseMemberHeader(body);
  if ("fault" in header) throw new BodyFault(header.fault);
  if ("needs" in header || body.length < header.length + TRAILER_BYTES)
    throw new BodyFault("it is cut short");
  const deflated = body.subarray(header.length, body.length - TRAILER_BYTES);

  const inflate = createInflateRaw({ chunkSize: 1 << 18 });
  inflate.end(deflated);
  let crc = 0;
  let size = 0;
  let rest: Buffer[] = [];
  let restBytes = 0;
  try {
    for await (const piece of inflate as AsyncIterable<Buffer>) {
      crc = crc32(piece, crc);
      size += piece.length;
      if (size > maxInflated) throw new BodyFault(`it inflates to over ${maxInflated} bytes`);
      const end = piece.lastIndexOf(NEWLINE) + 1;
      if (end > 0) {
        yield splitLines(Buffer.concat([...rest, piece.subarray(0, end)]), maxLine);
        rest = [];
        restBytes = 0;
      }
      rest.push(piece.subarray(end));
      restBytes += piece.length - end;
      if (restBytes > maxLine) throw new BodyFault(`it has a line of over ${maxLine} bytes`);
    }
  } catch (error) {
    if (codeOf(error)?.startsWith("Z_")) throw new BodyFault("its compressed data is damaged or cut short");
    throw error;
  }
  if (inflate.bytesWritten !== deflated.length) throw new BodyFault("it has more data behind its end");
  if (body.readUInt32LE(body.length - TRAILER_BYTES) !== crc || body.readUInt32LE(body.length - 4) !== size)
    throw new BodyFault("its content doesn't match its checksum");
  if (restBytes > 0) throw new BodyFault("its last line has no end");
}

/** Splits text that ends with a newline into lines with theirs. */
function splitLines(text: Buffer, maxLine: number): string[] {
  const ascii = isAscii(text);
  if (!ascii && !isUtf8(text)) throw new BodyFault("it isn't UTF-8 text");
  // Nearly all text is ASCII, which is copied as latin1 in half the time.
  const whole = text.toString(ascii ? "latin1" : "utf8");
  const lines: string[] = [];
  for (let at = 0; at < whole.length;) {
    const end = whole.indexOf("\n", at) + 1;
    if (end - at > maxLine) throw new BodyFault(`it has a line of over ${maxLine} bytes`);
    lines.push(whole.slice(at, end));
    at = end;
  }
  return lines;
}
