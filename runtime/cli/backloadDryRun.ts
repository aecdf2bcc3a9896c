import type { BackloadCommandOptions } from "./backloadRelays.ts";
import { type Estimate, estimate } from "../backload/estimate.ts";
import { UNIT_SLOTS } from "../backload/plan.ts";
import { type SlotRange, settledSlot, slotCount } from "../chain/slots.ts";
import { BadObjectError } from "../lake/lake.ts";
import { type Context, lakeOf, tellRange } from "./context.ts";
import { tableText } from "./tables.ts";
import { resolved } from "./relays.ts";

/** A fleet as large as the one this was first done with. */
const DEFAULT_WORKERS = 20;
/** So many shards even the load of a large fleet, and each is done within a day or two. */
const DEFAULT_SHARDS = 1000;
/** Columns from which there is room for more figures. */
const WIDE = 120;

/** `backload --dry-run`: what it would take. Asks no relay and no cloud; reads at most horizons in a lake in a folder. */
export async function dryRun(
  options: BackloadCommandOptions,
  context: Context,
  range: SlotRange,
): Promise<number> {
  const { network, clock, datasets, say, print } = context;
  const relays = (await resolved(options, context)).map(({ relay }) => relay);
  const workers = options.workers ?? DEFAULT_WORKERS;
  const shards = options.shard?.count ?? Math.min(DEFAULT_SHARDS, Math.ceil(slotCount(range) / UNIT_SLOTS));
  const figures = estimate({
    network,
    range,
    head: settledSlot(network, clock.now()),
    relays,
    datasets,
    shards,
    order: options.order,
    workers,
    ceiling: options.rate,
    horizons: await horizonsOf(options, context, relays, say),
  });
  tellRange(options, context, range);
  if (options.json) {
    const input = { network: network.name, range, datasets, workers };
    process.stdout.write(`${JSON.stringify({ ...input, ...figures })}\n`);
  } else {
    print(`an estimate, nobody was asked\n\n`);
    print(`${report(figures, workers, process.stdout.columns ?? 80)}\n`);
  }
  return 0;
}

async function horizonsOf(
  options: BackloadCommandOptions,
  { network }: Context,
  relays: readonly { readonly name: string }[],
  say: (line: string) => void,
): Promise<Map<string, number>> {
  const horizons = new Map<string, number>();
  if (options.lake.startsWith("gs://")) return horizons;
  const lake = await lakeOf(options, network);
  for (const { name } of relays) {
    try {
      const horizon = await lake.readHorizon("bids", name);
      if (horizon) horizons.set(name, horizon.oldest_slot);
    } catch (error) {
      if (!(error instanceof BadObjectError)) throw error;
      say(error.message);
    }
  }
  return horizons;
}

function report(figures: Estimate, workers: number, columns: number): string {
  const { relays, total, hours, cost, shards } = figures;
  const wide = columns >= WIDE;
  const lines = [relayTable(figures, wide), ""];
  lines.push(
    `${count(figures.slots)} slots, ${count(total.requests)} requests, ${count(total.rows)} rows expected: ${bytes(total.raw_bytes)} as sent,`,
    `${bytes(total.lake_bytes)} in the lake in ${count(total.objects)} objects, ${count(total.list_calls)} list calls`,
    "slots without bids are asked twice; how many there are is an assumption",
    `${shards.count} shards, the longest of ${count(shards.longest_slots)} slots`,
    "",
    `workers      hours      days  bound by, each worker with an address of its own`,
    ...hours.map(
      (estimate) =>
        `${String(estimate.workers).padStart(7)} ${estimate.hours.toFixed(1).padStart(10)} ${(estimate.hours / 24).toFixed(1).padStart(9)}  ${estimate.bound_by}`,
    ),
    "",
    `lake               ${dollars(cost.storage_month)} a month`,
    `warehouse          ${dollars(cost.warehouse_month)} a month`,
    `writes and lists   ${dollars(cost.operations)} once`,
    `loading            ${dollars(cost.load)} once`,
    `${`${workers} spot nodes`.padEnd(18)} ${dollars(cost.workers)} once, the cluster included`,
  );
  if (figures.gone.length > 0) lines.push("", ...figures.gone);
  lines.push("", `in the cloud ${workers} nodes need:`, ...figures.quotas.map((quota) => `  ${quota}`));
  if (relays.length === 0) lines.push("", "no active relay: nothing would be asked");
  return lines.flatMap((line) => wrapped(line, columns)).join("\n");
}

function relayTable({ relays, hours }: Estimate, wide: boolean): string {
  const head = ["relay", "slots", "requests", "rows", "lake", "req/s"];
  const wideHead = wide ? ["as sent", "no longer kept"] : [];
  const rows = relays.map((estimate) => [
    estimate.relay,
    count(estimate.slots),
    count(estimate.requests),
    count(estimate.rows),
    bytes(estimate.lake_bytes),
    String(estimate.per_second),
    ...(wide ? [bytes(estimate.raw_bytes), count(estimate.gone)] : []),
    ...hours.map(({ workers }) => (estimate.requests / estimate.per_second / workers / 3600).toFixed(1)),
  ]);
  return tableText([...head, ...wideHead, ...hours.map(({ workers }) => `h by ${workers}`)], rows, {
    padding: wide ? 2 : 0,
  });
}

/** Lines of words broken to fit; tables fit by themselves. */
function wrapped(line: string, columns: number): string[] {
  if (line.length <= columns || line.includes("\n")) return [line];
  const at = line.lastIndexOf(" ", columns);
  if (at <= 0) return [line];
  const indent = /^ */.exec(line)?.[0] ?? "";
  return [line.slice(0, at), ...wrapped(`${indent}  ${line.slice(at + 1)}`, columns)];
}

function count(value: number): string {
  return scaled(value, 1000, ["", " k", " M", " G"]);
}

function bytes(value: number): string {
  return scaled(value, 1000, [" B", " kB", " MB", " GB", " TB", " PB"]);
}

function scaled(value: number, base: number, units: readonly string[]): string {
  let rest = value;
  let unit = 0;
  while (rest >= base && unit < units.length - 1) {
    rest /= base;
    unit++;
  }
  const digits = unit === 0 || rest >= 100 ? 0 : 1;
  return `${rest.toFixed(digits)}${units[unit] ?? ""}`;
}

function dollars(value: number): string {
  return `$${value < 10 ? value.toFixed(2) : Math.round(value).toLocaleString("en-US")}`.padStart(9);
}
