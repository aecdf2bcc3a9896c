import { randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Bucket, FileMetadata } from "@google-cloud/storage";
import { type Clock, systemClock } from "../../chain/clock.ts";
import { printable, UserError } from "../../errors.ts";
import { keyFileError } from "../../googleKey.ts";
import { storageClient } from "./storageClient.ts";
import { storageError, GarbledAnswerError, isPassing, statusOf } from "./storageErrors.ts";
import { download, measured, upload, type Upload } from "./download.ts";
import type { FileStore } from "../fileStore.ts";
import { type GzipBody, gzipMember } from "../gzip.ts";
import { BadObjectError, type Lake, StaleGenerationError } from "../lake.ts";
import { openLake } from "../objectLake.ts";
import { OBJECT_LIMITS, type ObjectEntry, type ObjectStore } from "../store.ts";

export interface GcsOptions {
  /** An emulator's URL; by default what STORAGE_EMULATOR_HOST says, and Cloud Storage itself without it. */
  readonly emulator?: string | undefined;
  /** For waiting between attempts only. */
  readonly clock?: Clock;
  /** A transfer is given up and tried again when nothing has moved for this long, ms. */
  readonly stallMs?: number;
  /** Objects from this size on are uploaded in a session, smaller ones in a single request, bytes. */
  readonly resumableFrom?: number;
  /** The option of the command line that named the place. */
  readonly option?: "--lake" | "--out";
}

/** Opens (and need not yet have) the lake of a network at `gs://bucket/prefix`. Throws UserError when that can't be one. */
export function openGcsLake(url: string, network: string, options: GcsOptions = {}): Lake {
  return openLake(new GcsStore(url, options), network);
}

/** Published files at `gs://bucket/prefix`. Throws UserError when that can't be a place. */
export function openGcsFiles(url: string, options: GcsOptions = {}): FileStore {
  return new GcsStore(url, { option: "--out", ...options });
}

/** How often a request is sent that fails in a way that passes. */
const ATTEMPTS = 8;
/** The longest pause before the second attempt, ms; it doubles from one to the next, up to the other. */
const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 32_000;
/** How often an object may be replaced between the two requests of a read. */
const REPLACED_MEANWHILE = 20;
/** As many as a listing gives at once. */
const PAGE = 1000;
const GZIP = "application/gzip";
/** What is replaced must not be had from a cache beside what is new. */
const cacheControl = "no-cache";
/** Files are read so many bytes at a time. */
const PIECE_BYTES = 1 << 24;
/** Key of an object's metadata that says which write made it, by a random id. The lake's own keys stand beside it. */
const WRITE = "write";

/**
 * Objects of a bucket. Every write is conditional on a generation, so any of them may be sent twice. Bodies are gzip members
 * without `contentEncoding`: what is stored is what is read, and nothing on the way unpacks it.
 */
export class GcsStore implements ObjectStore, FileStore {
  readonly url: string;
  readonly #prefix: string;
  readonly #bucket: Bucket;
  readonly #options: Required<Omit<GcsOptions, "emulator">>;
  #credentials: Promise<unknown> | undefined;
  #bucketSeen = false;

  constructor(url: string, options: GcsOptions = {}) {
    const { bucket, prefix } = parsedUrl(url, options.option);
    this.url = `gs://${bucket}${prefix === "" ? "" : `/${prefix}`}`;
    this.#prefix = prefix === "" ? "" : `${prefix}/`;
    this.#options = {
      clock: systemClock,
      stallMs: 10_000,
      resumableFrom: 8 * 2 ** 20,
      option: "--lake",
      ...options,
    };
    // The first byte may take longer than the next one: a server that is busy answers late.
    const timeout = 3 * this.#options.stallMs;
    // What fails is tried again here, where it is known what a lost answer means.
    const retryOptions = { autoRetry: false, retryableErrorFn: () => false };
    const client = storageClient({ timeout, retryOptions, userAgent: "mev-boost-etl" }, options.emulator);
    this.#bucket = client.bucket(bucket);
  }

  async folders(prefix: string): Promise<string[]> {
    const whole = this.#prefix + prefix;
    const folders: string[] = [];
    for await (const page of this.#pages(`list ${this.locate(prefix)}`, { prefix: whole }))
      for (const folder of page.prefixes ?? []) folders.push(folder.slice(whole.length, -1));
    return folders.sort();
  }

  async *list(prefix: string, start: string, end: string): AsyncGenerator<ObjectEntry, void, undefined> {
    if (start >= end) return;
    const query = {
      prefix: this.#prefix + prefix,
      startOffset: this.#prefix + start,
      endOffset: this.#prefix + end,
    };
    for await (const page of this.#pages(`list ${this.locate(prefix)}`, query))
      for (const item of page.items ?? []) yield this.#entry(item);
  }

  async head(name: string): Promise<ObjectEntry | undefined> {
    const metadata = await this.#asked(`read ${this.locate(name)}`, () => this.#metadata(name));
    return metadata && this.#entry(metadata);
  }

  async read(name: string): Promise<{ entry: ObjectEntry; body?: Buffer } | undefined> {
    const found = await this.#read(name, OBJECT_LIMITS.stored);
    if (!found) return undefined;
    const entry = this.#entry(found.metadata);
    return "fault" in entry || !found.body ? { entry } : { entry, body: found.body };
  }

  async write(
    name: string,
    body: GzipBody,
    metadata: Readonly<Record<string, string>>,
    ifGeneration: number,
  ): Promise<number> {
    return this.#put(name, gzipMember(body), GZIP, metadata, ifGeneration);
  }

  async readText(name: string, limit: number): Promise<string | undefined> {
    const found = await this.#read(name, limit);
    if (found && !found.body)
      throw new BadObjectError(
        name,
        `${this.locate(name)} is over ${limit} bytes; move it away and run again`,
      );
    return found?.body?.toString("utf8");
  }

  async writeText(name: string, text: string): Promise<void> {
    const parts = [Buffer.from(text)];
    const contentType = name.endsWith(".json") ? "application/json" : "text/plain; charset=utf-8";
    await this.#replace(name, { parts, ...(await measured(parts)), contentType, cacheControl, metadata: {} });
  }

  async writeFile<T>(name: string, make: (path: string) => Promise<T>): Promise<T> {
    const folder = await mkdtemp(join(tmpdir(), "mev-boost-etl-"));
    try {
      const path = join(folder, "file");
      const made = await make(path);
      const parts = () => createReadStream(path, { highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>;
      const contentType = "application/vnd.apache.parquet";
      await this.#replace(name, {
        parts,
        ...(await measured(parts())),
        contentType,
        cacheControl,
        metadata: {},
      });
      return made;
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  async readFile(name: string): Promise<AsyncIterable<Buffer> | undefined> {
    const metadata = await this.#asked(`read ${this.locate(name)}`, () => this.#metadata(name));
    return metadata && this.#pieces(name, metadata);
  }

  /** An object's bytes, of one generation. */
  async *#pieces(name: string, metadata: FileMetadata): AsyncGenerator<Buffer, void, undefined> {
    const file = this.#bucket.file(this.#prefix + name, { generation: generationOf(metadata) });
    const size = Number(metadata.size);
    for (let at = 0; at < size; at += PIECE_BYTES) {
      const bytes = Math.min(PIECE_BYTES, size - at);
      const { stallMs } = this.#options;
      yield await this.#asked(`read ${this.locate(name)}`, () => download(file, bytes, stallMs, at));
    }
  }

  async names(folder: string): Promise<string[]> {
    const query = { prefix: this.#prefix + folder, delimiter: "" };
    const names: string[] = [];
    for await (const page of this.#pages(`list ${this.locate(folder)}`, query))
      for (const { name = "" } of page.items ?? []) names.push(name.slice(this.#prefix.length));
    return names.toSorted();
  }

  /** Without a condition an attempt that arrives late could undo what another has written since. */
  async #replace(name: string, content: Upload): Promise<void> {
    for (;;) {
      const generation = (await this.head(name))?.generation ?? 0;
      try {
        await this.#send(name, content, generation);
        return;
      } catch (error) {
        if (!(error instanceof StaleGenerationError)) throw error;
      }
    }
  }

  async tidy(): Promise<void> {
    // An upload that was broken off leaves no object; its session expires by itself.
  }

  locate(name: string): string {
    return `${this.url}/${name}`;
  }

  async #put(
    name: string,
    parts: readonly Buffer[],
    contentType: string,
    metadata: Readonly<Record<string, string>>,
    ifGeneration: number,
  ): Promise<number> {
    const content = { parts, ...(await measured(parts)), contentType, metadata };
    return this.#send(name, content, ifGeneration);
  }

  async #send(name: string, given: Upload, ifGeneration: number): Promise<number> {
    const id = randomUUID();
    const content = { ...given, metadata: { ...given.metadata, [WRITE]: id } };
    const resumable = content.bytes >= this.#options.resumableFrom;
    const file = this.#bucket.file(this.#prefix + name);
    let uncertain = false;
    return this.#asked(`write ${this.locate(name)}`, async () => {
      try {
        const answer = await upload(file, content, ifGeneration, resumable, this.#options.stallMs);
        this.#bucketSeen = true;
        return generationOf(answer);
      } catch (error) {
        if (statusOf(error) !== 412) {
          uncertain = true;
          throw error;
        }
        // An attempt whose answer was lost may be what changed the object. Its bytes don't tell: another may have written the same.
        const now = uncertain
          ? await this.#asked(`read ${this.locate(name)}`, () => this.#metadata(name))
          : undefined;
        if (now?.metadata?.[WRITE] === id) return generationOf(now);
        throw new StaleGenerationError(`${this.locate(name)} isn't of generation ${ifGeneration} any more`);
      }
    });
  }

  /** An object with its stored bytes, both of one generation; without them when it has more than `limit`. */
  async #read(name: string, limit: number): Promise<{ metadata: FileMetadata; body?: Buffer } | undefined> {
    const what = `read ${this.locate(name)}`;
    for (let number = 1; number <= REPLACED_MEANWHILE; number++) {
      const metadata = await this.#asked(what, () => this.#metadata(name));
      if (!metadata) return undefined;
      if (!(Number(metadata.size) <= limit)) return { metadata };
      const body = await this.#asked(what, () => this.#body(name, metadata));
      if (body) return { metadata, body };
    }
    throw new UserError(
      `can't ${printable(what, 1200)}: it is replaced faster than it can be read; run it again`,
    );
  }

  /** The object's metadata as it is now; undefined when there is no object. One attempt. */
  async #metadata(name: string): Promise<FileMetadata | undefined> {
    let metadata: FileMetadata;
    try {
      [metadata] = await this.#bucket.file(this.#prefix + name).getMetadata();
    } catch (error) {
      if (statusOf(error) !== 404) throw error;
      await this.#requireBucket();
      return undefined;
    }
    this.#bucketSeen = true;
    if (metadata.name !== this.#prefix + name) throw new GarbledAnswerError("an answer is of another object");
    generationOf(metadata);
    return metadata;
  }

  /** The stored bytes of one generation; undefined when it was replaced or removed since. One attempt. */
  async #body(name: string, metadata: FileMetadata): Promise<Buffer | undefined> {
    const file = this.#bucket.file(this.#prefix + name, { generation: generationOf(metadata) });
    let body: Buffer;
    try {
      body = await download(file, Number(metadata.size), this.#options.stallMs);
    } catch (error) {
      if (statusOf(error) === 404) return undefined;
      throw error;
    }
    if ((await measured([body])).crc32c !== metadata.crc32c)
      throw new GarbledAnswerError("what was read doesn't match the checksum that Cloud Storage has of it");
    return body;
  }

  /** The pages of a listing of what lies right under a prefix. */
  async *#pages(
    what: string,
    query: { prefix: string; startOffset?: string; endOffset?: string; delimiter?: string },
  ): AsyncGenerator<Page, void, undefined> {
    let pageToken: string | undefined;
    do {
      const page = await this.#asked(what, async () => {
        const [, , answer] = await this.#bucket.getFiles({
          delimiter: "/",
          ...query,
          maxResults: PAGE,
          autoPaginate: false,
          fields: "kind,nextPageToken,prefixes,items(name,generation,size,crc32c,metadata)",
          ...(pageToken === undefined ? {} : { pageToken }),
        });
        const found = answer as Page | undefined;
        // Anything else would be taken for an empty page.
        if (found?.kind !== "storage#objects") throw new GarbledAnswerError("a listing was cut");
        return found;
      });
      this.#bucketSeen = true;
      yield page;
      pageToken = page.nextPageToken;
    } while (pageToken !== undefined && pageToken !== "");
  }

  /** Both a missing object and a missing bucket are 404. Throws what says that the bucket is missing. */
  async #requireBucket(): Promise<void> {
    if (this.#bucketSeen) return;
    // Whoever may write objects may list them, but not look at the bucket itself.
    await this.#bucket.getFiles({ maxResults: 1, autoPaginate: false, prefix: this.#prefix, fields: "kind" });
    this.#bucketSeen = true;
  }

  #entry(metadata: FileMetadata): ObjectEntry {
    const name = (metadata.name ?? "").slice(this.#prefix.length);
    const bytes = Number(metadata.size);
    const known = { name, generation: generationOf(metadata), bytes };
    if (!(bytes <= OBJECT_LIMITS.stored))
      return { ...known, fault: `it is over ${OBJECT_LIMITS.stored} bytes` };
    const values = Object.entries(metadata.metadata ?? {}).filter(([key]) => key !== WRITE);
    return { ...known, metadata: Object.fromEntries(values.map(([key, value]) => [key, String(value)])) };
  }

  /** Reads the credentials once; an emulator needs none. */
  async #signIn(): Promise<void> {
    const { customEndpoint, authClient } = this.#bucket.storage;
    if (customEndpoint) return;
    try {
      await (this.#credentials ??= authClient.getClient());
    } catch (error) {
      this.#credentials = undefined;
      throw keyFileError(error) ?? error;
    }
  }

  /** Sends a request until it succeeds, fails for good, or has failed too often. Throws UserError for what can be mended. */
  async #asked<T>(what: string, attempt: () => Promise<T>): Promise<T> {
    const { clock } = this.#options;
    const shown = printable(what, 1200);
    try {
      await this.#signIn();
      for (let number = 1; ; number++) {
        try {
          return await attempt();
        } catch (error) {
          if (number >= ATTEMPTS || !isPassing(error)) throw error;
        }
        await clock.sleep(Math.random() * Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (number - 1)));
      }
    } catch (error) {
      if (error instanceof StaleGenerationError || error instanceof BadObjectError) throw error;
      throw storageError(error, shown, this.#bucket.name, this.#options.option);
    }
  }
}

/** What a listing answers; the client's own types leave it open. */
interface Page {
  readonly kind?: string;
  readonly nextPageToken?: string;
  readonly prefixes?: readonly string[];
  readonly items?: readonly FileMetadata[];
}

function generationOf({ generation }: FileMetadata): number {
  const number = Number(generation);
  if (!Number.isSafeInteger(number) || number < 1)
    throw new GarbledAnswerError("an answer has no generation");
  return number;
}

/** Throws UserError (exit 2). */
function parsedUrl(url: string, option: GcsOptions["option"] = "--lake"): { bucket: string; prefix: string } {
  const bad = (why: string): UserError =>
    new UserError(
      `${option === "--lake" ? "a lake" : "published files"} can't lie at "${printable(url)}": ${why}; write gs://BUCKET or gs://BUCKET/PREFIX`,
      {
        exitCode: 2,
      },
    );
  const [, bucket = "", rest = ""] = /^gs:\/\/([^/]*)(?:\/([^]*))?$/.exec(url) ?? [];
  if (!/^[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]$/.test(bucket)) throw bad("that names no bucket");
  const prefix = rest.replace(/\/+$/, "");
  // BigQuery takes * for a pattern, and an empty or dotted part is nothing that a path could be.
  if (!/^[\w.=+@ -]*(\/[\w.=+@ -]+)*$/.test(prefix) || /(^|\/)(\.\.?)?(\/|$)/.test(`${prefix || "x"}`))
    throw bad("letters, digits and . _ = + @ - between single slashes are what its prefix may have");
  return { bucket, prefix };
}
