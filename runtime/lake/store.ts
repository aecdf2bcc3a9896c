import type { GzipBody } from "./gzip.ts";

/** What a store knows of an object without reading its rows. */
export type ObjectEntry = {
  readonly name: string;
  /** Only grows; 0 stands for "no object". */
  readonly generation: number;
  /** Stored (compressed) bytes. */
  readonly bytes: number;
} & (
  | { readonly metadata: Readonly<Record<string, string>> }
  /** What keeps the metadata from being read. */
  | { readonly fault: string }
);

/**
 * Where a lake keeps its objects: names with slashes, gzip bodies, string metadata and a generation for each.
 * The folder form is FolderStore; a bucket gives the same by its own means. Knows nothing of chunks.
 */
export interface ObjectStore {
  /** A folder's path or `gs://bucket/prefix`. */
  readonly url: string;

  /**
   * The folders right under `prefix` (which ends with a slash) that hold objects, by name without the slash,
   * sorted.
   */
  folders(prefix: string): Promise<string[]>;

  /** The objects right under `prefix` with `start` ≤ name < `end` (whole names), in the order of names. */
  list(prefix: string, start: string, end: string): AsyncIterable<ObjectEntry>;

  head(name: string): Promise<ObjectEntry | undefined>;

  /**
   * An object as it is stored (a gzip member), of one generation. An entry with a fault comes without a body.
   */
  read(name: string): Promise<{ entry: ObjectEntry; body?: Buffer } | undefined>;

  /**
   * Writes a whole object or nothing, if the object still is of generation `ifGeneration` (0: if there is
   * none). Returns the new generation. Throws UserError for what the user can mend, and StaleGenerationError, after which
   * the object isn't what was to be written. Where an answer was lost it may have been, until another wrote on top: whoever merges
   * again must find its own rows there, and not add them twice.
   */
  write(
    name: string,
    body: GzipBody,
    metadata: Readonly<Record<string, string>>,
    ifGeneration: number,
  ): Promise<number>;

  /**
   * A small text object, undefined when there is none. Throws BadObjectError when it is over `limit` bytes.
   */
  readText(name: string, limit: number): Promise<string | undefined>;

  /** Replaces a small text object, whole or not at all, whatever was there. A bucket serves it as `contentType` (JSON). */
  writeText(name: string, text: string, contentType?: string): Promise<void>;

  /**
   * Removes what writers that died have left under `prefix`; nothing to do where the store keeps that away by
   * itself.
   */
  tidy(prefix: string): Promise<void>;

  /** Where an engine reads an object: a file's path or a gs:// URI. */
  locate(name: string): string;
}

/** How large an object may be, in bytes, as it is stored and inflated. */
export interface ObjectLimits {
  readonly stored: number;
  readonly inflated: number;
}

/**
 * What is read and written. The busiest relays show about 2,500 bids a slot, which is 75 MB a chunk inflated; this
 * leaves room for seven times that, and is what a process with Node's own limits can hold.
 */
export const OBJECT_LIMITS: ObjectLimits = { stored: 256 * 2 ** 20, inflated: 512 * 2 ** 20 };
