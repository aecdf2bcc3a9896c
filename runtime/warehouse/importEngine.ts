import type { ImportDataset, ImportSource } from "../datasets/importTables.ts";

/** The importer's version: rows of a file that an older one brought in are brought in anew. */
export const IMPORT_VERSION = 1;

/** How the rows of a file become rows of a table: SQL over the file, in the words of DuckDB. */
export interface RowPlan {
  readonly dataset: ImportDataset;
  /** True for the rows that are meant; all of them without it. The others aren't refused, they are something else. */
  readonly where?: string;
  /** By column of the table what it is made of; columns without an entry are NULL. */
  readonly given: Readonly<Record<string, string>>;
  /** What keeps a row out, over the columns above (those that a relay or a cause is told by included): the first that is true. */
  readonly refuse: readonly (readonly [cause: string, condition: string])[];
  /**
   * Rows of a Parquet file that are equal in these columns are one, since each was seen by several: the first; without it equal rows
   * are. `reads`: all columns of the file that are mentioned above and below.
   */
  readonly oneBy?: { readonly columns: readonly string[]; readonly reads: readonly string[] };
  /** What the file calls the relay, for what is said of names that nobody knows. */
  readonly relayName: string;
}

/** A verified file that waits to be brought in. */
export interface WaitingFile {
  readonly source: ImportSource;
  readonly sourceFile: string;
  readonly url: string | null;
  readonly etag: string | null;
  readonly sha256: string;
  readonly bytes: number;
  readonly licence: string | null;
  /** RFC 3339. */
  readonly importedAt: string;
  /** What stands behind FROM. */
  readonly reader: string;
  /** `columns`: the file's, with DuckDB's types. Throws UserError where it is another file. */
  plan(columns: ReadonlyMap<string, string>): RowPlan;
  /** Brings it in even where it is in already: the lake lacks it. */
  readonly again: boolean;
  /** Where the rows that were refused are written, before `keep`. */
  readonly refusedPath: string;
  /** Called when the rows are in and nothing is committed: puts the file into the lake. */
  keep(brought: Brought): Promise<void>;
  /** Called when they are committed, before anybody else can bring in another state of the file. */
  told(brought: Brought): Promise<void>;
}

/** What a file brought. */
export interface Brought {
  readonly dataset: ImportDataset;
  readonly rows: number;
  readonly refused: Readonly<Record<string, number>>;
  readonly firstSlot: number | null;
  readonly lastSlot: number | null;
  /** The slots with rows by relay. */
  readonly slots: ReadonlyMap<string, readonly number[]>;
  /** Names of relays that nobody knows, as the file has them; not all where there are many. */
  readonly unknownRelays: readonly string[];
  /** Whether rows of an earlier state of the file left. */
  readonly replaced: boolean;
}

/** A warehouse as imports see it. All methods throw UserError for what the person can mend. */
export interface ImportEngine {
  /** Digests of the files that are in, by `importKey`; of this version alone. */
  held(): Promise<ReadonlyMap<string, string>>;
  /** Brings the rows of a file in, in one transaction with its row in table imports; undefined where it is in already. */
  bring(file: WaitingFile): Promise<Brought | undefined>;
}

/** What tells files apart. */
export function importKey(source: string, dataset: string, sourceFile: string): string {
  return `${source}/${dataset}/${sourceFile}`;
}

/** How many rows were refused. */
export function refusedRowsOf({ refused }: Brought): number {
  return Object.values(refused).reduce((sum, rows) => sum + rows, 0);
}
