import { FINAL_LAG_SLOTS, type Network, SETTLE_LAG_SLOTS } from "../chain/networks.ts";
import { type SlotRange, slotAt, slotsOfDay, slotStartMs } from "../chain/slots.ts";
import { type DatasetName, datasets } from "../datasets/dataset.ts";
import type { FileStore } from "../lake/fileStore.ts";
import type { Lake } from "../lake/lake.ts";
import {
  type CatalogEntry,
  entryOf,
  publishedPath,
  readCatalog,
  type RelayDay,
  writeEntry,
} from "./catalog.ts";
import { contentOf, type PartWriter, type PublishedDay, writeDayFile, type WrittenFile } from "./dayFile.ts";
import { type DayState, dayState, UnreadableDayError } from "./dayRows.ts";
import { documentsOf } from "./documents.ts";

const DAY_MS = 86_400_000;
/** A day so old is published with what it lacks, ms after its end. */
const GIVEN_UP_MS = 7 * DAY_MS;
/** How often a day is begun again whose objects change while they are read. */
const TURNS = 5;

/** What publishing is given. */
export interface PublishOptions {
  readonly lake: Lake;
  readonly network: Network;
  readonly store: FileStore;
  readonly nowMs: number;
  /** What is had of a day, relay by relay: of every relay that owes it, and of those that left anything. */
  readonly coverage: (dataset: DatasetName, range: SlotRange) => Promise<readonly RelayDay[]>;
  /** What makes the files' parts: DuckDB where it can be had, else this program. */
  readonly openParts: () => Promise<PartWriter>;
  readonly onDay?: (outcome: DayOutcome) => void;
}

/** What became of a day: `waiting` has slots that are missing, `restated` the same rows as before, and other figures. */
export interface DayOutcome {
  readonly dataset: DatasetName;
  readonly date: string;
  readonly outcome: "published" | "restated" | "unchanged" | "waiting" | "unreadable" | "pruned";
  readonly entry?: CatalogEntry;
  /** Missing slots that are not unproven, of relays that owe them. */
  readonly missing?: number;
  readonly fault?: string;
}

/** The whole UTC days that a run of slots touches, of which all can have been asked for, oldest first. */
function daysIn(
  { network, nowMs }: PublishOptions,
  dataset: DatasetName,
  range: SlotRange,
): { date: string; range: SlotRange }[] {
  const lag = datasets[dataset].asked === "range" ? FINAL_LAG_SLOTS : SETTLE_LAG_SLOTS;
  const dayAt = (slot: number) => Math.floor(slotStartMs(network, slot) / DAY_MS);
  const days: { date: string; range: SlotRange }[] = [];
  for (let day = dayAt(range.first); day <= dayAt(range.last); day++) {
    const slots = slotsOfDay(network, day);
    if (slots.last > slotAt(network, nowMs) - lag) break;
    days.push({ date: new Date(day * DAY_MS).toISOString().slice(0, 10), range: slots });
  }
  return days;
}

/**
 * Publishes the days of datasets that a range touches and that are due: nothing of them is missing but unproven slots, or they
 * ended a week ago. A file is only written where its rows changed.
 */
export async function publish(
  options: PublishOptions,
  names: readonly DatasetName[],
  range: SlotRange,
): Promise<DayOutcome[]> {
  const { store, network, onDay } = options;
  const catalog = await readCatalog(store, network.name);
  const there = new Set(await store.names(`${network.name}/`));
  const parts = await options.openParts();
  const outcomes: DayOutcome[] = [];
  try {
    for (const [name, text] of documentsOf(network)) await replaceText(store, name, text);
    for (const dataset of names) {
      for (const day of daysIn(options, dataset, range)) {
        const entry = entryOf(catalog, dataset, day.date);
        const before = { entry, isThere: entry !== undefined && there.has(entry.path) };
        const outcome = await new DayPublisher(options, parts, { dataset, ...day }, before).publish();
        if (!outcome) continue;
        outcomes.push(outcome);
        onDay?.(outcome);
      }
    }
  } finally {
    await parts.close();
  }
  return outcomes;
}

/** Missing slots that no relay has answered, of relays that owe them. What tells of the chain is had where one source tells all. */
export function owed(dataset: DatasetName, coverage: readonly RelayDay[]): number {
  const lacking = ({ missing, unproven }: RelayDay) => missing - unproven;
  if (datasets[dataset].asked === "range")
    return coverage.length === 0 ? 0 : Math.min(...coverage.map(lacking));
  return coverage.filter(({ state }) => state === "active").reduce((sum, relay) => sum + lacking(relay), 0);
}

/** What was published of a day. */
interface Before {
  readonly entry: CatalogEntry | undefined;
  readonly isThere: boolean;
}

class DayPublisher {
  readonly #options: PublishOptions;
  readonly #parts: PartWriter;
  readonly #day: PublishedDay;
  readonly #before: CatalogEntry | undefined;
  /** Whether the file that was published still lies there. */
  readonly #isThere: boolean;

  constructor(options: PublishOptions, parts: PartWriter, day: PublishedDay, before: Before) {
    this.#options = options;
    this.#parts = parts;
    this.#day = day;
    this.#before = before.entry;
    this.#isThere = before.isThere;
  }

  /** Undefined where nothing of the day is covered. */
  async publish(): Promise<DayOutcome | undefined> {
    for (let turn = 1; ; turn++) {
      try {
        return await this.#attempt();
      } catch (error) {
        if (!(error instanceof UnreadableDayError)) throw error;
        if (error.fault !== undefined) return this.#said("unreadable", { fault: error.fault });
        if (turn === TURNS)
          return this.#said("unreadable", {
            fault: `its objects change faster than they are read; publish it later`,
          });
      }
    }
  }

  #said(outcome: DayOutcome["outcome"], more: Partial<DayOutcome> = {}): DayOutcome {
    const { dataset, date } = this.#day;
    return { dataset, date, outcome, ...more };
  }

  async #attempt(): Promise<DayOutcome | undefined> {
    const { lake, nowMs, network, store, coverage: coverageOf } = this.#options;
    const { dataset, date, range } = this.#day;
    const before = this.#before;
    const state = await dayState(lake, dataset, range);
    if (state.chunks.length === 0) return undefined;
    if (state.pruned) return this.#said("pruned");
    const coverage = (await coverageOf(dataset, range)).toSorted((a, b) => (a.relay < b.relay ? -1 : 1));
    const missing = owed(dataset, coverage);
    const isOld = nowMs - Date.parse(date) - DAY_MS >= GIVEN_UP_MS;
    if (missing > 0 && !isOld && !before) return this.#said("waiting", { missing });
    const facts = { coverage, chunks: state.digest, complete: missing === 0 };
    if (this.#isThere && before?.chunks === state.digest) {
      if (JSON.stringify(before.coverage) === JSON.stringify(coverage))
        return this.#said("unchanged", { entry: before });
      return this.#entered("restated", { ...before, ...facts });
    }
    if (before && this.#isThere && before.content === (await contentOf({ lake, network }, this.#day, state)))
      return this.#entered("restated", { ...before, ...facts });
    const path = publishedPath(network.name, dataset, date);
    const file = await store.writeFile(path, (to) => this.#write(to, state));
    const published_at = new Date(nowMs).toISOString();
    const revision = (before?.revision ?? -1) + 1;
    return this.#entered("published", { dataset, date, path, revision, ...file, published_at, ...facts });
  }

  /** Throws UnreadableDayError where the lake has changed by the end: then the coverage isn't of these rows. */
  async #write(to: string, state: DayState): Promise<WrittenFile> {
    const { lake, network } = this.#options;
    const { dataset, range } = this.#day;
    const written = await writeDayFile({ lake, network }, this.#parts, this.#day, state, to);
    if ((await dayState(lake, dataset, range)).digest !== state.digest)
      throw new UnreadableDayError(undefined);
    return written;
  }

  async #entered(outcome: "published" | "restated", entry: CatalogEntry): Promise<DayOutcome> {
    const { store, network } = this.#options;
    await writeEntry(store, network.name, entry);
    return this.#said(outcome, { entry });
  }
}

async function replaceText(store: FileStore, name: string, text: string): Promise<void> {
  if ((await store.readText(name, 1 << 20)) !== text) await store.writeText(name, text);
}
