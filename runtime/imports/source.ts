import type { Network } from "../chain/networks.ts";
import { type SlotRange, slotStartMs } from "../chain/slots.ts";
import type { ImportDataset, ImportSource } from "../datasets/importTables.ts";
import type { Relay } from "../relays/relay.ts";
import type { RowPlan } from "../warehouse/importEngine.ts";
import type { FileForm } from "./verifyFile.ts";

/** What a plan is made with. */
export interface PlanScope {
  readonly network: Network;
  /** Unix ms. */
  readonly nowMs: number;
  /** The network's directory. */
  readonly relays: readonly Pick<Relay, "name" | "url">[];
}

/** A file of an archive that can be downloaded. */
export interface RemoteFile {
  readonly url: string;
  readonly sourceFile: string;
  readonly dataset: ImportDataset;
  /** As a listing says; a calendar doesn't know it. */
  readonly bytes?: number;
}

/** How the files of a range are found. */
export interface ArchiveRequest {
  /** Where the archive stands, without a slash at the end. */
  readonly archive: string;
  readonly network: Network;
  readonly range: SlotRange;
  readonly datasets: readonly ImportDataset[];
  /** The text of a page of the archive; undefined where there is none (404). */
  readonly page: (url: string) => Promise<string | undefined>;
}

/** An archive of others': its files' form, what their rows mean, and where they are. */
export interface ArchiveSource {
  readonly name: ImportSource;
  /** Under which the data is given away; null where none is stated. */
  readonly licence: string | null;
  readonly archive: string;
  readonly forms: readonly FileForm[];
  /** Each dataset that it has. */
  readonly datasets: readonly ImportDataset[];
  /** Networks that it has; all of them without. */
  readonly networks?: readonly string[];
  /** Headers of its CSV files, or the fields of its JSON files, by dataset; it has Parquet files alone without. */
  readonly headers?: Readonly<Partial<Record<ImportDataset, readonly string[]>>>;
  /** The file's name in the lake, by its path or URL. Throws UserError where that says too little. */
  readonly nameOf: (path: string) => string;
  /** `columns`: names and DuckDB's types. Throws UserError where it isn't a file of this source. */
  readonly plan: (columns: ReadonlyMap<string, string>, scope: PlanScope) => RowPlan;
  readonly filesOf: (request: ArchiveRequest) => Promise<readonly RemoteFile[]>;
}

/** The last part of a path or URL. */
export function baseName(path: string): string {
  const [plain = ""] = path.split(/[?#]/);
  return plain.slice(plain.lastIndexOf("/") + 1);
}

/** The UTC day (counted since 1970) that a slot begins in. */
export function utcDay(network: Network, slot: number): number {
  return Math.floor(slotStartMs(network, slot) / 86_400_000);
}
