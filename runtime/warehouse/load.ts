import { MAX_SLOT, type Network } from "../chain/networks.ts";
import { DATASET_NAMES, type Dataset, datasets } from "../datasets/dataset.ts";
import { UserError } from "../errors.ts";
import { isBad, type Lake } from "../lake/lake.ts";
import type { Log } from "../log.ts";
import {
  changeOf,
  failureOf,
  type LedgerPart,
  type LedgerRow,
  type LedgerState,
  withheld,
} from "./ledger.ts";
import {
  type CheckedChunk,
  type LoadEngine,
  type LoadSize,
  rowsToInsert,
  type TransactionResult,
} from "./loadEngine.ts";
import { readVerified } from "./readVerified.ts";
import { noCount, type Waiting, waitingObjects, wholeChunks } from "./waiting.ts";
import type { LoadOptions, LoadSummary } from "./warehouse.ts";

/** What a load works with; lake, engine and network belong together (`sameNetwork`). */
export interface LoadParts<Source> {
  readonly engine: LoadEngine<Source>;
  readonly lake: Lake;
  readonly network: Network;
  readonly log: Log;
}

/** Objects are read so many at once, and so many compressed bytes: some 30 MB of lines. */
const WAVE = { objects: 8, bytes: 4 * 2 ** 20 };
/** Ledger rows are asked for so many chunks at a time. */
const LEDGER_GROUP = 200;

/** Brings rows and ledger of a warehouse up to the lake. Throws what lake and engine throw; an object that can't be loaded only stands in `failed`. */
export async function loadObjects<Source>(
  parts: LoadParts<Source>,
  options: LoadOptions,
): Promise<LoadSummary> {
  const names = DATASET_NAMES.filter((name) => options.datasets?.includes(name) ?? true);
  for (const name of options.rebuild ? names : []) {
    const dataset = datasets[name];
    await refusePruned(parts.lake, dataset, options.ranges);
    if (options.ranges) await parts.engine.forget(dataset, wholeChunks(dataset, options.ranges));
    else await parts.engine.empty(dataset);
  }
  const loader = new Loader(parts, options);
  for (const name of names) await loader.load(datasets[name]);
  return loader.summary();
}

/** What was pruned from the lake couldn't come back. Throws UserError. */
async function refusePruned(lake: Lake, dataset: Dataset, ranges?: LoadOptions["ranges"]): Promise<void> {
  for (const relay of await lake.relays(dataset.name)) {
    for (const range of wholeChunks(dataset, ranges ?? [{ first: 0, last: MAX_SLOT }])) {
      for await (const entry of lake.list(dataset.name, relay, range)) {
        if (isBad(entry) || !entry.meta.pruned) continue;
        throw new UserError(
          `${lake.locate(entry.object)} was pruned once it had been published: a rebuild would lose its rows here too; give --slots without it. Nothing of ${dataset.name} was done`,
        );
      }
    }
  }
}

/** Reads and checks the objects that come next while the engine works on those before. */
class Loader<Source> {
  readonly #count = noCount();
  readonly #failures = new Map<string, string>();
  readonly #parts: LoadParts<Source>;
  readonly #options: LoadOptions;
  #taken = 0;
  #transactions = 0;
  #writing: Promise<void> = Promise.resolve();
  /** The last pieces of writing, in their order. */
  readonly #pieces: Promise<void>[] = [];

  constructor(parts: LoadParts<Source>, options: LoadOptions) {
    this.#parts = parts;
    this.#options = options;
  }

  summary(): LoadSummary {
    const failed = [...this.#failures].map(([object, error]) => ({ object, error }));
    return { ...this.#count, failed: failed.toSorted((a, b) => (a.object < b.object ? -1 : 1)) };
  }

  async load(dataset: Dataset): Promise<void> {
    const { engine } = this.#parts;
    let transaction = engine.begin(dataset);
    let whole = new Size(engine.limits.transaction);
    let group: CheckedChunk<Source>[] = [];
    let part = new Size(engine.limits.group);
    const hand = async (last: boolean): Promise<void> => {
      const [to, chunks] = [transaction, group];
      [group, part] = [[], new Size(engine.limits.group)];
      if (last) {
        this.#transactions++;
        [transaction, whole] = [engine.begin(dataset), new Size(engine.limits.transaction)];
      }
      await this.#then(async () => {
        await to.add(chunks);
        if (last) this.#note(await to.finish());
      });
    };
    try {
      for await (const checked of this.#checked(dataset)) {
        group.push(checked);
        part.add(checked);
        whole.add(checked);
        if (whole.full || part.full) await hand(whole.full);
      }
      if (whole.objects > 0) await hand(true);
      await this.#writing;
    } finally {
      // What is under way ends also where the load broke off; whoever waited for it has had its error, or one that came before.
      await Promise.allSettled([this.#writing]);
    }
  }

  /** Has a piece of writing begin when the one before has ended; an error shows at a later call or at the end. */
  async #then(work: () => Promise<void>): Promise<void> {
    if (this.#pieces.length === this.#parts.engine.limits.waitingGroups) await this.#pieces.shift();
    this.#writing = this.#writing.then(work);
    this.#pieces.push(this.#writing);
    this.#writing.catch(() => {
      // Kept in #writing, which is always awaited; this only tells Node that it will be.
    });
  }

  #note({ loaded, unchanged, left, retried }: TransactionResult<Source>): void {
    const count = this.#count;
    count.unchanged += unchanged;
    count.left += left;
    count.retried += retried;
    for (const chunk of loaded) {
      const { after, stored, insert } = chunk;
      if (after.error === null) this.#failures.delete(after.object);
      else {
        this.#failures.set(after.object, after.error);
        this.#parts.log.error({ object: after.object }, after.error);
      }
      if (!stored || insert.length === 0) continue;
      count.objects++;
      count.bytes += stored.bytes;
      count.slots += insert.length;
      count.rows += rowsToInsert(chunk);
    }
  }

  /** The chunks whose objects aren't in the ledger as they are, read and checked. */
  async *#checked(dataset: Dataset): AsyncGenerator<CheckedChunk<Source>> {
    const { lake, engine } = this.#parts;
    const { maxObjects = Infinity, replace = true, signal } = this.#options;
    const generations = await this.#generations(dataset);
    const options = { ...this.#options, maxObjects: maxObjects - this.#taken };
    const waiting = waitingObjects(lake, dataset, generations, options, this.#count);
    for await (const wave of waves(this.#withLedger(dataset, waiting))) {
      if (signal?.aborted) return;
      if (this.#transactions >= engine.limits.transactions) {
        this.#count.waiting += wave.length;
        continue;
      }
      for (const checked of await Promise.all(wave.map((candidate) => this.#check(candidate)))) {
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
    const read = async (part: LedgerPart): Promise<LedgerState> => {
      const state = await this.#parts.engine.state(dataset, part);
      for (const [object, error] of state.errors) this.#failures.set(object, error);
      return state;
    };
    if (!this.#options.ranges) return async (relay) => (await read({ relay })).of(relay);
    const state = await read({ ranges: wholeChunks(dataset, this.#options.ranges) });
    return async (relay) => state.of(relay);
  }

  async *#withLedger(dataset: Dataset, waiting: AsyncIterable<Waiting>): AsyncGenerator<Candidate> {
    let group: Waiting[] = [];
    for await (const object of waiting) {
      if (group.push(object) < LEDGER_GROUP) continue;
      yield* await this.#candidates(dataset, group);
      group = [];
    }
    yield* await this.#candidates(dataset, group);
  }

  async #candidates(dataset: Dataset, group: readonly Waiting[]): Promise<Candidate[]> {
    const known = group.filter((waiting) => waiting.known !== undefined).map(({ entry }) => entry.chunk);
    const rows = known.length === 0 ? undefined : await this.#parts.engine.rows(dataset, known);
    return group.map(({ entry }) => ({ entry, before: rows?.get(entry.chunk) }));
  }

  /** Undefined when the object has vanished. */
  async #check({ entry, before }: Candidate): Promise<CheckedChunk<Source> | undefined> {
    const none = { stored: undefined, counts: new Map<number, number>(), source: undefined };
    const bad = (fault: string) => ({ ...failureOf(entry, before, fault), ...none });
    if (isBad(entry)) return bad(entry.fault);
    this.#count.pruned += withheld(entry, before).length;
    const known = changeOf(entry, before);
    if (known.insert.length === 0) return { ...known, ...none, stored: entry };
    const sound = await readVerified(this.#parts.lake, this.#parts.network, entry);
    if (!sound) return undefined;
    if ("fault" in sound) return bad(sound.fault);
    const change = changeOf(sound.stored, before);
    const taken = await this.#parts.engine.source(sound, change.insert);
    if ("fault" in taken) return bad(taken.fault);
    const counts = new Map(Array.from(sound.lines, ([slot, lines]) => [slot, lines.length]));
    return { ...change, stored: sound.stored, counts, source: taken.source };
  }
}

interface Candidate {
  readonly entry: Waiting["entry"];
  readonly before: LedgerRow | undefined;
}

/** Objects that are read at once: few, and small ones; a large one comes alone. */
async function* waves(candidates: AsyncIterable<Candidate>): AsyncGenerator<Candidate[]> {
  let wave: Candidate[] = [];
  let bytes = 0;
  for await (const candidate of candidates) {
    const size = candidate.entry.bytes;
    if (wave.length >= WAVE.objects || (wave.length > 0 && bytes + size > WAVE.bytes)) {
      yield wave;
      [wave, bytes] = [[], 0];
    }
    wave.push(candidate);
    bytes += size;
  }
  if (wave.length > 0) yield wave;
}

/** How much a group or a transaction has taken. */
class Size {
  readonly #limit: LoadSize;
  #bytes = 0;
  #rows = 0;
  objects = 0;

  constructor(limit: LoadSize) {
    this.#limit = limit;
  }

  add(chunk: CheckedChunk<unknown>): void {
    this.objects++;
    this.#bytes += chunk.stored?.bytes ?? 0;
    this.#rows += rowsToInsert(chunk);
  }

  get full(): boolean {
    const { objects, bytes, rows } = this.#limit;
    return this.objects >= objects || this.#bytes >= bytes || this.#rows >= rows;
  }
}

/** Throws UserError (exit 2) unless lake and warehouse are of one network. */
export function sameNetwork(lake: Lake, network: string): void {
  if (lake.network !== network)
    throw new UserError(`the lake is of network ${lake.network}, the warehouse of ${network}`, {
      exitCode: 2,
    });
}
