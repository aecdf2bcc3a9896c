import { crc32 } from "node:zlib";
import type { GzipBody } from "./gzip.ts";
import { jsonObject } from "./jsonObject.ts";

/**
 * Subfield of a gzip header's FEXTRA (RFC 1952 §2.3.1.1) in which the folder form keeps an object's metadata
 * and generation: one JSON object of string values.
 */
const SUBFIELD = Buffer.from("MB");
const FEXTRA = 4;
const FIXED_HEADER = 10;
/** Bytes after the deflate stream: CRC-32 and length. */
export const TRAILER_BYTES = 8;

/**
 * The FEXTRA field that holds `values` and, since gzip's own checksum is over the content alone, a checksum
 * of them: a bit that turned over on the disk must not make a slot covered. Throws RangeError beyond the
 * format's 65,535 bytes.
 */
export function encodeExtra(values: Readonly<Record<string, string>>): Buffer {
  const json = Buffer.from(JSON.stringify({ ...values, crc: checksum(values) }));
  if (json.length > 65_531)
    throw new RangeError(`metadata of ${json.length} bytes doesn't fit a gzip header`);
  const length = Buffer.alloc(2);
  length.writeUInt16LE(json.length);
  return Buffer.concat([SUBFIELD, length, json]);
}

export type MemberHeader =
  /** `values`: what the subfield holds, undefined without one. `length`: where the deflate stream begins. */
  | { readonly values: Readonly<Record<string, string>> | undefined; readonly length: number }
  | { readonly fault: string }
  /** The header goes on beyond the bytes given: that many are needed. */
  | { readonly needs: number };

/**
 * Reads the header of a gzip member from its first bytes. Only headers as gzipMember writes them are taken:
 * one with a file name or a comment comes from another program, which has not kept the metadata.
 */
export function parseMemberHeader(bytes: Buffer): MemberHeader {
  if (bytes.length < FIXED_HEADER) return { needs: FIXED_HEADER };
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b || bytes[2] !== 8) return { fault: "it is not a gzip file" };
  const flags = bytes[3];
  if (flags === 0) return { values: undefined, length: FIXED_HEADER };
  if (flags !== FEXTRA) return { fault: "its gzip header was written by another program" };
  if (bytes.length < FIXED_HEADER + 2) return { needs: FIXED_HEADER + 2 };
  const length = FIXED_HEADER + 2 + bytes.readUInt16LE(FIXED_HEADER);
  if (bytes.length < length) return { needs: length };
  const json = subfield(bytes.subarray(FIXED_HEADER + 2, length));
  if (json === undefined) return { values: undefined, length };
  const { crc, ...values } = stringRecord(json) ?? { crc: "" };
  if (crc === "") return { fault: "the metadata in its gzip header can't be read" };
  // Without a checksum it comes from another writer of the layout.
  if (crc !== undefined && crc !== checksum(values))
    return { fault: "the metadata in its gzip header doesn't match its checksum" };
  return { values, length };
}

/** A stored member's body as it is, to be stored again under another header; undefined when it is no whole member. */
export function bodyOfMember(bytes: Buffer): GzipBody | undefined {
  const header = parseMemberHeader(bytes);
  if (!("length" in header) || bytes.length < header.length + TRAILER_BYTES) return undefined;
  const end = bytes.length - TRAILER_BYTES;
  return {
    deflate: [bytes.subarray(header.length, end)],
    crc: bytes.readUInt32LE(end),
    size: bytes.readUInt32LE(end + 4),
  };
}

function checksum(values: Readonly<Record<string, string>>): string {
  return crc32(JSON.stringify(values)).toString(16).padStart(8, "0");
}

function subfield(extra: Buffer): string | undefined {
  for (let at = 0; at + 4 <= extra.length;) {
    const length = extra.readUInt16LE(at + 2);
    if (at + 4 + length > extra.length) return undefined;
    if (extra.compare(SUBFIELD, 0, 2, at, at + 2) === 0)
      return extra.toString("utf8", at + 4, at + 4 + length);
    at += 4 + length;
  }
  return undefined;
}

function stringRecord(json: string): Record<string, string> | undefined {
  const object = jsonObject(json);
  if (!object) return undefined;
  const entries = Object.entries(object);
  const strings = entries.filter((entry): entry is [string, string] => typeof entry[1] === "string");
  return strings.length === entries.length ? Object.fromEntries(strings) : undefined;
}
