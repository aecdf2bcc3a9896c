import type { Network } from "../../chain/networks.ts";
import { DATASET_NAMES, type Dataset, datasets, lakeColumns } from "../../datasets/dataset.ts";
import { UserError } from "../../errors.ts";
import { isBad, type Lake, type StoredChunk } from "../../lake/lake.ts";
import type { Log } from "../../log.ts";
import type { BigQueryApi } from "./bigqueryApi.ts";
import { type BatchContext, type BatchResult, type CheckedChunk, loadBatch } from "./bigqueryBatch.ts";
import type { BigQueryJobs } from "./bigqueryJobs.ts";
import { ledgerRows, type LedgerRows, ledgerState, type LedgerState } from "./bigqueryLedger.ts";
import { runGuarded } from "./transactionLock.ts";
import { emptyScript, type LoadPlaces } from "./bigqueryLoadSql.ts";
import type { Staging } from "./bigqueryStaging.ts";
import { changeOf, failureOf, type LedgerRow } from "../ledger.ts";
import { soundObject } from "../soundObject.ts";
import { noCount, type Waiting, waitingObjects, wholeChunks } from "../waiting.ts";
import type { LoadOptions, LoadSummary } from "../warehouse.ts";

/**
 * What a batch, which is a load job and a transaction, takes at most: a tenth of the URIs that a job may name, and about 20 GB
 * of rows; its chunks fit into a query's parameters (10 MB) six times over.
 */
const BATCH = { objects: 1000, bytes: 2 * 2 ** 30 };
/** Batches of one load: far under the 100,000 load jobs that a project has a day. What is more waits for the next load. */
const MAX_BATCHES = 1000;
/** Objects are read so many at once, and so many compressed bytes: some 30 MB of lines. */
const WAVE = { objects: 8, bytes: 4 * 2 ** 20 };
/** Ledger rows are asked for so many chunks at a time. */
const LEDGER_GROUP = 200;

export interface BigQueryLoadParts {
  readonly api: BigQueryApi;
  readonly jobs: BigQueryJobs;
  readonly staging: Staging;
  readonly places: LoadPlaces;
  readonly lake: Lake;
  readonly network: Network;
  readonly log: Log;
  /** Unix ms. */
  readonly now: number;
}

/** Brings rows and ledger of a BigQuery warehouse up to the lake. */
export async function loadIntoBigQuery(parts: BigQueryLoadParts, options: LoadOptions): Promise<LoadSummary> {
  const { lake, places } = parts;
  if (!lake.locate("").startsWith("gs://"))
    throw new UserError(
      `BigQuery can't read the lake ${lake.url}: it must be in Cloud Storage; give --lake gs://BUCKET/PREFIX, or a DuckDB file as --warehouse`,
      { exitCode: 2 },
    );
  const names = DATASET_NAMES.filter((name) => options.datasets?.includes(name) ?? true);
  if (options.rebuild)
    for (const name of names) await runGuarded(parts, datasets[name], emptyScript(places, datasets[name]));
  const loader = new BigQueryLoader(parts, options);
  for (const name of names) await loader.load(datasets[name]);
  return loader.summary();
}

/** Reads and checks the objects of the next batch while BigQuery works on the one before. */
class BigQueryLoader {
  readonly #count = noCount();
  readonly #failures = new Map<string, string>();
  readonly #parts: BigQueryLoadParts;
  readonly #options: LoadOptions;
  readonly #context: BatchContext;
  #writing: Promise<void> = Promise.resolve();
  #taken = 0;
  #batches = 0;

  constructor(parts: BigQueryLoadParts, options: LoadOptions) {
    this.#parts = parts;
    this.#options = options;
    this.#context = { ...parts, loadedAt: new Date(parts.now).toISOString() };
  }

  summary(): LoadSummary {
    const failed = [...this.#failures].map(([object, error]) => ({ object, error }));
    return { ...this.#count, failed: failed.toSorted((a, b) => (a.object < b.object ? -1 : 1)) };
  }

  async load(dataset: Dataset): Promise<void> {
    let batch: CheckedChunk[] = [];
    let bytes = 0;
    try {
      for await (const checked of this.#checked(dataset)) {
        batch.push(checked);
        bytes += checked.stored?.bytes ?? 0;
        if (batch.length < BATCH.objects && bytes < BATCH.bytes) continue;
        await this.#hand(dataset, batch);
        [batch, bytes] = [[], 0];
      }
      await this.#hand(dataset, batch);
    } finally {
      await this.#writing;
    }
  }

  /** Begins a batch when the one before has ended; its error shows at the next call or at the end. */
  async #hand(dataset: Dataset, batch: readonly CheckedChunk[]): Promise<void> {
    await this.#writing;
    if (batch.length === 0) return;
    this.#batches++;
    this.#writing = loadBatch(this.#context, dataset, batch).then((result) => this.#note(result));
    this.#writing.catch(() => {
      // Whoever waits for the batch next gets its error.
    });
  }

  #note({ loaded, unchanged, left, retried }: BatchResult): void {
    const count = this.#count;
    count.unchanged += unchanged;
    count.left += left;
    count.retried += retried;
    for (const { after, stored, insert, counts } of loaded) {
      if (after.error === null) this.#failures.delete(after.object);
      else {
        this.#failures.set(after.object, after.error);
        this.#parts.log.error({ object: after.object }, after.error);
      }
      if (!stored || insert.length === 0) continue;
      count.objects++;
      count.bytes += stored.bytes;
      count.slots += insert.length;
      count.rows += insert.reduce((sum, slot) => sum + (counts.get(slot) ?? 0), 0);
    }
  }

  /** The chunks whose objects aren't in the ledger as they are, read and checked. */
  async *#checked(dataset: Dataset): AsyncGenerator<CheckedChunk> {
    const { lake } = this.#parts;
    const { maxObjects = Infinity, replace = true, signal } = this.#options;
    const most = maxObjects - this.#taken;
    const waiting = waitingObjects(
      lake,
      dataset,
      await this.#generations(dataset),
      this.#options,
      most,
      this.#count,
    );
    for await (const wave of waves(this.#withLedger(dataset, waiting))) {
      if (signal?.aborted) return;
      if (this.#batches >= MAX_BATCHES) {
        this.#count.waiting += wave.length;
        continue;
      }
      for (const checked of await Promise.all(
        wave.map(([{ entry }, before]) => this.#check(entry, before)),
      )) {
        if (!checked) this.#count.left++;
        else if (checked.remove.length > 0 && !replace) this.#count.waiting++;
        else {
          this.#taken++;
          yield checked;
        }
      }
    }
  }

  /** What the ledger has: asked once for ranges, which are few chunks, and else relay by relay. */
  async #generations(dataset: Dataset): Promise<(relay: string) => Promise<ReadonlyMap<number, number>>> {
    const { jobs, places } = this.#parts;
    const none: ReadonlyMap<number, number> = new Map();
    const noted = ({ generations, errors }: LedgerState, relay: string) => {
      for (const [object, error] of errors) this.#failures.set(object, error);
      return generations.get(relay) ?? none;
    };
    if (!this.#options.ranges)
      return async (relay) => noted(await ledgerState(jobs, places.tables, dataset, { relay }), relay);
    const ranges = wholeChunks(dataset, this.#options.ranges);
    const state = await ledgerState(jobs, places.tables, dataset, { ranges });
    return (relay) => Promise.resolve(noted(state, relay));
  }

  async *#withLedger(dataset: Dataset, waiting: AsyncIterable<Waiting>): AsyncGenerator<Candidate> {
    let group: Waiting[] = [];
    for await (const one of waiting) {
      group.push(one);
      if (group.length < LEDGER_GROUP) continue;
      const rows = await this.#ledger(dataset, group);
      for (const each of group) yield [each, rows.get(each.entry.chunk)];
      group = [];
    }
    const rows = await this.#ledger(dataset, group);
    for (const each of group) yield [each, rows.get(each.entry.chunk)];
  }

  async #ledger(dataset: Dataset, group: readonly Waiting[]): Promise<LedgerRows> {
    const known = group.filter((one) => one.known !== undefined).map(({ entry }) => entry.chunk);
    return ledgerRows(this.#parts.jobs, this.#parts.places.tables, dataset, known);
  }

  /** Undefined when the object has vanished. */
  async #check(entry: Waiting["entry"], before: LedgerRow | undefined): Promise<CheckedChunk | undefined> {
    const none: ReadonlyMap<number, number> = new Map();
    const bad = (error: string): CheckedChunk => ({
      ...failureOf(entry, before, error),
      stored: undefined,
      counts: none,
    });
    if (isBad(entry)) return bad(entry.fault);
    const change = changeOf(entry, before);
    if (change.insert.length === 0) return { ...change, stored: entry, counts: none };
    const found = await soundObject(this.#parts.lake, this.#parts.network, entry);
    if (!found) return undefined;
    if ("fault" in found) return bad(found.fault);
    const { stored, lines } = found;
    const fault = this.#rangeFault(stored, lines);
    if (fault !== undefined) return bad(fault);
    const counts = new Map(Array.from(lines, ([slot, slotLines]) => [slot, slotLines.length]));
    return { ...changeOf(stored, before), stored, counts };
  }

  /** BigQuery would refuse the whole job for an integer outside 64 bits, which the lake's lines may hold. */
  #rangeFault(stored: StoredChunk, lines: ReadonlyMap<number, readonly string[]>): string | undefined {
    const { lake } = this.#parts;
    const integers = lakeColumns(datasets[stored.chunk.dataset]).filter(({ type }) => type === "INT64");
    for (const [slot, slotLines] of lines)
      for (const line of slotLines) {
        if (!/"-?\d{19}"/.test(line)) continue;
        const row = JSON.parse(line) as Record<string, string | null>;
        const outside = integers.find(({ name }) => {
          const text = row[name] ?? null;
          return text !== null && BigInt.asIntN(64, BigInt(text)) !== BigInt(text);
        });
        if (outside)
          return `${lake.locate(stored.object)} can't be loaded: ${outside.name} of a row of slot ${slot} is outside 64 bits; move it away and its slots will be asked again`;
      }
    return undefined;
  }
}

type Candidate = [Waiting, LedgerRow | undefined];

/** Objects that are read at once: few, and small ones; a large one comes alone. */
async function* waves(candidates: AsyncIterable<Candidate>): AsyncGenerator<Candidate[]> {
  let wave: Candidate[] = [];
  let bytes = 0;
  for await (const candidate of candidates) {
    const size = candidate[0].entry.bytes;
    if (wave.length >= WAVE.objects || (wave.length > 0 && bytes + size > WAVE.bytes)) {
      yield wave;
      [wave, bytes] = [[], 0];
    }
    wave.push(candidate);
    bytes += size;
  }
  if (wave.length > 0) yield wave;
}
