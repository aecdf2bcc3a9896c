import { slotStartMs } from "../chain/slots.ts";
import { chunkRange } from "../datasets/chunks.ts";
import { DATASET_NAMES, type DatasetName, datasets } from "../datasets/dataset.ts";
import { UserError } from "../errors.ts";
import type { Lake } from "../lake/lake.ts";
import { sqlDialectOf } from "../warehouse/sql/dialects.ts";
import { loadedChunksSql, prunableSql } from "../warehouse/sql/prunable.ts";
import { numberIn, numberOrNull, textIn } from "../warehouse/sql/values.ts";
import type { Warehouse } from "../warehouse/warehouse.ts";
import { type Context, contextOf, lakeOf } from "./context.ts";
import { openWarehouse } from "./load.ts";
import { pruneLakeCommand } from "./pruneLake.ts";
import { type CommonOptions, DEFAULT_LAKE } from "./options.ts";

const DAY_MS = 86_400_000;
/** The rows of a dataset that would leave. */
interface Prunable {
  readonly dataset: DatasetName;
  readonly rows: number;
  readonly first_slot: number;
  readonly last_slot: number;
  /** UTC, YYYY-MM-DD. */
  readonly first_day: string;
  readonly last_day: string;
}

type PruneOptions = CommonOptions & {
  readonly older: number;
  readonly yes: boolean;
  /** Where the rows were published that leave the lake. */
  readonly published?: string;
};

/**
 * `prune`: takes rows older than so many whole UTC days out of the warehouse, with `--yes`; else it says what it would take. Ledgers
 * and lake stay. Throws UserError where the lake lacks what would leave: it could not come back.
 */
export async function prune(options: PruneOptions): Promise<number> {
  const context = contextOf(options);
  const { network, clock } = context;
  const beforeMs = (Math.floor(clock.now() / DAY_MS) - options.older) * DAY_MS;
  const { published } = options;
  if (published !== undefined) return pruneLakeCommand({ ...options, published }, beforeMs);
  const lake = await lakeOf(options, network);
  const warehouse = await openWarehouse(options, context);
  try {
    const found: Prunable[] = [];
    for (const dataset of DATASET_NAMES) {
      const of = await prunableOf(warehouse, context, dataset, beforeMs);
      if (of) found.push(of);
    }
    for (const one of found) await checkLake(lake, warehouse, one);
    if (options.yes) for (const { dataset } of found) await warehouse.prune(dataset, beforeMs);
    const pruned = options.yes && found.length > 0;
    const before = dayOf(beforeMs);
    if (options.json)
      process.stdout.write(
        `${JSON.stringify({ warehouse: warehouse.url, before, pruned, datasets: found })}\n`,
      );
    else if (!options.quiet)
      for (const line of linesOf(found, { options, warehouse, before })) process.stdout.write(`${line}\n`);
    return 0;
  } finally {
    await warehouse.close();
  }
}

async function prunableOf(
  warehouse: Warehouse,
  { network }: Context,
  dataset: DatasetName,
  beforeMs: number,
): Promise<Prunable | undefined> {
  const [row = {}] = await warehouse.query(prunableSql(sqlDialectOf(warehouse.url), dataset, beforeMs));
  const [first, last] = [numberOrNull(row, "first_slot"), numberOrNull(row, "last_slot")];
  if (first === null || last === null) return undefined;
  return {
    dataset,
    rows: numberIn(row, "rows_before"),
    first_slot: first,
    last_slot: last,
    first_day: dayOf(slotStartMs(network, first)),
    last_day: dayOf(slotStartMs(network, last)),
  };
}

/** What leaves the warehouse is still in the lake: each chunk of which rows were loaded has its object. */
async function checkLake(
  lake: Lake,
  warehouse: Warehouse,
  { dataset, first_slot, last_slot }: Prunable,
): Promise<void> {
  const { first } = chunkRange(datasets[dataset], first_slot);
  const { last } = chunkRange(datasets[dataset], last_slot);
  const wanted = new Map<string, Map<number, string>>();
  for (const row of await warehouse.query(loadedChunksSql(dataset, first, last))) {
    const relay = textIn(row, "relay");
    const chunks = wanted.get(relay) ?? new Map<number, string>();
    wanted.set(relay, chunks.set(numberIn(row, "first_slot"), textIn(row, "object")));
  }
  const lacking: string[] = [];
  for (const [relay, chunks] of wanted) {
    for await (const { chunk } of lake.list(dataset, relay, { first, last })) chunks.delete(chunk.first);
    lacking.push(...chunks.values());
  }
  const [object] = lacking;
  if (object === undefined) return;
  throw new UserError(
    `the lake ${lake.url} lacks ${lacking.length} objects whose rows would leave ${warehouse.url} (${object}): they could not come back; give --lake the lake that was loaded from. Nothing was done`,
  );
}

function linesOf(
  found: readonly Prunable[],
  { options, warehouse, before }: { options: PruneOptions; warehouse: Warehouse; before: string },
): string[] {
  const { older, yes, warehouse: file } = options;
  if (found.length === 0) return [`${warehouse.url} has no rows of before ${before} UTC: nothing to do`];
  const verb = yes ? "left" : "would leave";
  const [first, last] = [
    Math.min(...found.map(({ first_slot }) => first_slot)),
    Math.max(...found.map(({ last_slot }) => last_slot)),
  ];
  const place = file === undefined ? "" : ` --warehouse ${file}`;
  const lake = options.lake === DEFAULT_LAKE ? "" : ` --lake ${options.lake}`;
  const network = options.network === "simulated" ? "" : ` --network ${options.network}`;
  return [
    `rows of before ${before} UTC (--older ${older}d) ${verb} ${warehouse.url}:`,
    ...found.map(
      ({ dataset, rows, first_day, last_day }) =>
        `  ${dataset}: ${rows.toLocaleString("en-US")}, of ${first_day} to ${last_day}`,
    ),
    "ledgers stay: coverage doesn't change, and no load brings these rows back",
    ...(warehouse.url.includes("://") ? [] : ["the file keeps its size: later loads fill what is freed"]),
    `the lake keeps them: load --rebuild --slots ${first}-${last}${network}${lake}${place} restores them`,
    ...(yes ? [] : ["nothing was done: --yes does it"]),
  ];
}

function dayOf(unixMs: number): string {
  return new Date(unixMs).toISOString().slice(0, 10);
}
