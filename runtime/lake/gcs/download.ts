import { Readable, type Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { CRC32C, type File, type FileMetadata } from "@google-cloud/storage";
import { GarbledAnswerError, saidBy, StalledError, statusOf } from "./storageErrors.ts";

/** What is uploaded: the bytes in pieces, or what reads them anew for each attempt, and what is said of them. */
export interface Upload {
  readonly parts: Iterable<Buffer> | (() => AsyncIterable<Buffer>);
  readonly bytes: number;
  /** Base64, as Cloud Storage writes it. */
  readonly crc32c: string;
  readonly contentType: string;
  /** Cloud Storage lets caches keep what is public for an hour unless it is told otherwise. */
  readonly cacheControl?: string;
  readonly metadata: Readonly<Record<string, string>>;
}

/** A line that is slower than this isn't waited for, bytes per ms. */
const SLOWEST = 50;

/**
 * Uploads an object on the condition that it is of that generation (0: that there is none), and returns what the bucket
 * says it has now. The checksum goes along, so that the bucket refuses bytes that were changed on the way.
 */
export async function upload(
  file: File,
  { parts, bytes, crc32c, contentType, cacheControl, metadata }: Upload,
  ifGeneration: number,
  resumable: boolean,
  stallMs: number,
): Promise<FileMetadata> {
  const target = file.createWriteStream({
    resumable,
    // The client's own check would delete what doesn't match; ours is made before anything is stored.
    validation: false,
    metadata: {
      contentType,
      crc32c,
      ...(cacheControl === undefined ? {} : { cacheControl }),
      metadata: { ...metadata },
      ...(resumable ? { contentLength: bytes } : {}),
    },
    preconditionOpts: { ifGenerationMatch: ifGeneration },
    timeout: stallMs + bytes / SLOWEST,
  });
  let session = false;
  target.on("uri", () => (session = true));
  try {
    await watched(target, stallMs, (moved) =>
      pipeline(Readable.from(typeof parts === "function" ? parts() : parts), target.on("progress", moved)),
    );
  } catch (error) {
    const status = statusOf(error);
    if (session && (status === 404 || status === 410))
      throw new GarbledAnswerError("the upload's session is gone", { cause: error });
    // The client throws some answers as they came.
    throw error instanceof Error ? error : Object.assign(new Error(saidBy(error)), { code: status });
  }
  const answer = file.metadata;
  if (answer.crc32c !== crc32c || Number(answer.size) !== bytes)
    throw new GarbledAnswerError(`an upload of ${bytes} bytes was answered with another object`);
  return answer;
}

/**
 * Downloads an object of `bytes` bytes as it is stored, or so many of them from a place on, into one buffer. When it fails, the client ends all connections of
 * the process (createReadStream of @google-cloud/storage 7 calls agent.destroy): other requests in flight are tried again.
 */
export async function download(file: File, bytes: number, stallMs: number, from?: number): Promise<Buffer> {
  const range = from === undefined ? {} : { start: from, end: from + bytes - 1 };
  // The checksum is compared by the caller, against the metadata of the same generation.
  const source = file.createReadStream({ decompress: false, validation: false, ...range });
  const body = Buffer.allocUnsafe(bytes);
  let at = 0;
  await watched(source, stallMs, async (moved) => {
    for await (const piece of source as AsyncIterable<Buffer>) {
      moved();
      if (at + piece.length > bytes)
        throw new GarbledAnswerError(`a download has more than its ${bytes} bytes`);
      at += piece.copy(body, at);
    }
  });
  if (at < bytes) throw new GarbledAnswerError(`a download ended after ${at} of ${bytes} bytes`);
  return body;
}

/** Ends a stream on which nothing has moved for `stallMs`; `work` says when something has. */
async function watched(
  stream: Readable | Writable,
  stallMs: number,
  work: (moved: () => void) => Promise<void>,
): Promise<void> {
  const timer = setTimeout(() => {
    stream.destroy(new StalledError(`nothing has moved for ${stallMs / 1000} s`));
  }, stallMs);
  try {
    await work(() => timer.refresh());
  } finally {
    clearTimeout(timer);
  }
}

/** How many bytes there are, and their checksum as Cloud Storage writes it. */
export async function measured(
  parts: AsyncIterable<Buffer> | Iterable<Buffer>,
): Promise<{ bytes: number; crc32c: string }> {
  const sum = new CRC32C();
  let bytes = 0;
  for await (const part of parts) {
    sum.update(part);
    bytes += part.length;
  }
  return { bytes, crc32c: sum.toString() };
}
