import type { CanonicalChain, CanonicalTable } from "../chain/canonicalChain.ts";
import type { SlotRange } from "../chain/slots.ts";
import type { DatasetName } from "../datasets/dataset.ts";
import type { Lake } from "../lake/lake.ts";
import type { Relay } from "../relays/relay.ts";
import type { KeyedTable, RowValues } from "./keyedTables.ts";

/** What one load did. */
export interface LoadSummary {
  /** Rows brought in, copies counted: as many as the relays' answers held. */
  readonly rows: number;
  /** Slots brought in, also those without rows. */
  readonly slots: number;
  /** Objects of which something new was taken. */
  readonly objects: number;
  /** Compressed bytes of these. */
  readonly bytes: number;
  /** Objects that were in the ledger as they are. */
  readonly unchanged: number;
  /** Objects that changed or vanished while they were read: left for the next load. */
  readonly left: number;
  /** Objects with something new that this load was told not to take yet (`maxObjects`, `replace`). */
  readonly waiting: number;
  /** Slots of new objects that had been pruned from the lake before they came here: the warehouse doesn't say that they are covered. */
  readonly pruned: number;
  /** How often a transaction began again because another loader's was faster. */
  readonly retried: number;
  /** Objects that can't be loaded as they are, those of earlier loads included. `error` is one line with the remedy. */
  readonly failed: readonly { readonly object: string; readonly error: string }[];
}

/** A day of a relay and dataset as view `coverage` shows it. */
export interface DayCoverage {
  readonly dataset: DatasetName;
  readonly relay: string;
  /** UTC, YYYY-MM-DD. */
  readonly day: string;
  /** Slots of that day that the relay should have, up to the newest settled one. */
  readonly slots: number;
  readonly covered: number;
  readonly missing: number;
  /** Not covered and older than what the relay remembers. */
  readonly unavailable: number;
  /** Covered, but doubtful. */
  readonly suspect: number;
}

/** A value of a query's result: INT64 and NUMERIC as decimal strings, times as `YYYY-MM-DD hh:mm:ss[.ffffff]` in UTC. */
export type Value = string | number | boolean | null | readonly Value[] | { readonly [key: string]: Value };

/** How much of what is loaded is to be settled. */
export interface SettleOptions {
  /** Only what was loaded since then, Unix ms: how far back is worth its bytes. Everything without it. */
  readonly loadedSince?: number;
}

/** What settling did. */
export interface SettleSummary {
  /** Rows that came into canonical_blocks. */
  readonly blocks: number;
}

/** Which rows are exported, into a file a UTC day. */
export interface ExportOptions {
  readonly datasets: readonly DatasetName[];
  /** Only these; all without it. */
  readonly relays?: readonly string[];
  /** Only rows of these slots, and only the days that they touch. */
  readonly slots?: SlotRange;
  /** Days that aren't over, or of which slots are missing, too: as `<day>.partial.parquet`. */
  readonly partial: boolean;
}

/** The files that an export wrote, and the days that it left out. */
export interface ExportSummary {
  readonly files: readonly { readonly path: string; readonly rows: number; readonly complete: boolean }[];
  /** Days with rows that weren't written because they aren't complete. */
  readonly incomplete: readonly {
    readonly dataset: DatasetName;
    readonly day: string;
    readonly missing: number;
  }[];
  /** Days that weren't written because rows of them have been pruned. */
  readonly pruned: readonly {
    readonly dataset: DatasetName;
    readonly day: string;
    /** What `load --rebuild` restores. */
    readonly slots: SlotRange;
  }[];
}

/**
 * The tables of one network: a projection of the lake, which can be made again from it at any time. All methods throw
 * UserError for what the person at the keyboard can mend.
 */
export interface Warehouse {
  /** A file's path or `bigquery://project/dataset`. */
  readonly url: string;
  readonly network: string;

  /**
   * Brings the tables up to the lake: inserts the slots that are covered in an object and not yet in the ledger, and
   * writes the ledger in the same transaction. Running it twice, twice at once, or dying in the middle changes nothing.
   * `relays` go into table relays, with their horizons from the lake; table rereads is what the lake says of re-reading.
   */
  load(lake: Lake, relays: readonly Relay[], options?: LoadOptions): Promise<LoadSummary>;

  /**
   * Fills canonical_blocks for the days (from a chain: the slots) whose payloads aren't settled yet, as far as the source is
   * two epochs past them, and settles `reorged` by hash.
   */
  settle(source: CanonicalChain | CanonicalTable, options?: SettleOptions): Promise<SettleSummary>;

  /** Puts rows into a keyed table, in place of those with the same keys; all of them or none. */
  put(table: KeyedTable, rows: readonly RowValues[]): Promise<void>;

  /** The rows of a query. */
  query(sql: string): Promise<Record<string, Value>[]>;

  /** View `coverage`, by dataset, relay and day. */
  coverage(): Promise<DayCoverage[]>;

  /** Writes Parquet files `<out>/<network>/<dataset>/<day>.parquet`, one a complete UTC day; each whole or not at all. */
  export(out: string, options: ExportOptions): Promise<ExportSummary>;

  /**
   * Takes the rows of UTC days before a moment (Unix ms, the start of a day) out of a dataset's table. Its ledger stays, so that no
   * load brings them back and coverage doesn't change. Throws RangeError within a day.
   */
  prune(dataset: DatasetName, beforeMs: number): Promise<void>;

  /** Waits for what is under way. Nothing can be asked afterwards. */
  close(): Promise<void>;
}

/** What a load takes, and what it leaves for later; the value in parentheses holds without the option. */
export interface LoadOptions {
  /** Only these; both without it. */
  readonly datasets?: readonly DatasetName[];
  /** Only chunks that touch one of these; all without it. */
  readonly ranges?: readonly SlotRange[];
  /** Takes at most so many objects with something new, the newest first. */
  readonly maxObjects?: number;
  /** False: objects of which rows would have to be replaced wait. In BigQuery that bills whole days (true). */
  readonly replace?: boolean;
  /** False: tables relays and rereads stay as they are (true). With `ranges` not all of rereads is brought up to date. */
  readonly relayTables?: boolean;
  /** Drops rows and ledger first, and so makes them again from nothing; with `ranges` only those of their chunks. */
  readonly rebuild?: boolean;
  /** Stops after the transaction that is under way; the next load goes on. */
  readonly signal?: AbortSignal;
}
