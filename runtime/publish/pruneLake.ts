import type { SlotRange } from "../chain/slots.ts";
import type { DatasetName } from "../datasets/dataset.ts";
import type { FileStore } from "../lake/fileStore.ts";
import { BadObjectError, type Lake, StaleGenerationError, type StoredChunk } from "../lake/lake.ts";
import { type CatalogEntry, readCatalog } from "./catalog.ts";
import type { RowSource } from "./dayFile.ts";
import { dayState } from "./dayRows.ts";
import { dayOfEntry, differencesOf } from "./verify.ts";

/** What pruning a lake took out, or would take, of a dataset. */
export interface LakePruned {
  readonly dataset: DatasetName;
  readonly chunks: number;
  readonly rows: number;
  /** Bytes of the objects that held them. */
  readonly bytes: number;
}

/** What pruning a lake came to. */
export interface LakePruning {
  readonly pruned: readonly LakePruned[];
  /** Why days stay in the lake, one line each. */
  readonly kept: readonly string[];
}

/**
 * Takes rows out of the lake's chunks of which every covered slot lies in a published day that ended before a moment (Unix ms) and
 * is what the catalog and the lake say; the chunks stay, covered and marked. Each under the condition that its object still is the
 * one that was published. Without `apply` it only tells.
 */
export async function pruneLake(
  source: RowSource,
  store: FileStore,
  beforeMs: number,
  apply: boolean,
): Promise<LakePruning> {
  const { files } = await readCatalog(store, source.network.name);
  const kept: string[] = [];
  const sound: CatalogEntry[] = [];
  for (const entry of files.filter(({ date }) => Date.parse(date) + 86_400_000 <= beforeMs)) {
    const differences = await differencesOf(source, store, entry);
    if (differences.length === 0) sound.push(entry);
    kept.push(...differences);
  }
  const pruned: LakePruned[] = [];
  for (const dataset of new Set(sound.map((entry) => entry.dataset))) {
    const days = sound.filter((entry) => entry.dataset === dataset);
    pruned.push(await new DatasetPruner(source, dataset, days, apply).prune(kept));
  }
  return { pruned: pruned.filter(({ chunks }) => chunks > 0), kept };
}

class DatasetPruner {
  readonly #source: RowSource;
  readonly #dataset: DatasetName;
  readonly #days: readonly CatalogEntry[];
  readonly #ranges: readonly SlotRange[];
  readonly #apply: boolean;

  constructor(source: RowSource, dataset: DatasetName, days: readonly CatalogEntry[], apply: boolean) {
    this.#source = source;
    this.#dataset = dataset;
    this.#days = days;
    this.#ranges = days.map((day) => dayOfEntry(source, day).range);
    this.#apply = apply;
  }

  async prune(kept: string[]): Promise<LakePruned> {
    const sums = { chunks: 0, rows: 0, bytes: 0 };
    for (const [index, range] of this.#ranges.entries()) {
      const state = await dayState(this.#source.lake, this.#dataset, range);
      // What has come since it was verified isn't in the file.
      const entry = this.#days[index];
      if (entry?.chunks !== state.digest) {
        kept.push(`${entry?.path}: its chunks aren't those that it was made from; publish again`);
        continue;
      }
      for (const chunk of state.chunks) {
        // One that lies in two days is met with both, and pruned by then.
        if (chunk.meta.pruned || !this.#isPublished(chunk)) continue;
        const left = this.#apply ? await dropRows(this.#source.lake, chunk) : undefined;
        if (left !== undefined) kept.push(left);
        else if (this.#apply || chunk.chunk.first >= range.first) add(sums, chunk);
      }
    }
    return { dataset: this.#dataset, ...sums };
  }

  #isPublished({ meta }: StoredChunk): boolean {
    const inAny = (slot: number) => this.#ranges.some(({ first, last }) => slot >= first && slot <= last);
    return [...meta.covered.slots()].every(inAny);
  }
}

function add(sums: { chunks: number; rows: number; bytes: number }, { meta, bytes }: StoredChunk): void {
  sums.chunks++;
  sums.rows += meta.rows;
  sums.bytes += bytes;
}

/** Replaces a chunk's object by one without rows that says how many each slot had. Returns why it can't be, or undefined. */
async function dropRows(lake: Lake, { chunk, object, generation }: StoredChunk): Promise<string | undefined> {
  try {
    const content = await lake.read(chunk);
    if (content?.stored.generation !== generation) return `${object} changed meanwhile; it stays`;
    const rows = new Map([...content.lines].map(([slot, lines]) => [slot, lines.length]));
    await lake.write(chunk, new Map(), { ...content.stored.meta, pruned: { rows, generation } }, generation);
    return undefined;
  } catch (error) {
    if (error instanceof StaleGenerationError) return `${object} changed meanwhile; it stays`;
    if (error instanceof BadObjectError) return error.message;
    throw error;
  }
}
