/**
 * Where published files lie: a folder or a part of a bucket. Files are whole or not there; names have slashes. Unlike a lake's
 * objects they carry no metadata and no condition: one program writes them.
 */
export interface FileStore {
  /** A folder's path or `gs://bucket/prefix`. */
  readonly url: string;
  /** A small text, undefined when there is none. Throws BadObjectError when it is over `limit` bytes. */
  readText(name: string, limit: number): Promise<string | undefined>;
  /** Replaces a small text, whole or not at all. */
  writeText(name: string, text: string): Promise<void>;
  /** Has `make` write a file at a path of this machine, and puts it in the place of what was there, whole or not at all. */
  writeFile<T>(name: string, make: (path: string) => Promise<T>): Promise<T>;
  /** A file's bytes in pieces; undefined when there is none. */
  readFile(name: string): Promise<AsyncIterable<Buffer> | undefined>;
  /** The names of all files below a folder (which ends with a slash), sorted. */
  names(folder: string): Promise<string[]>;
}
