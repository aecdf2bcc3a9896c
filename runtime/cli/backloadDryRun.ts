import type { BackloadCommandOptions } from "./backloadRelays.ts";
import { type Estimate, type RelayEstimate, estimate } from "../backload/estimate.ts";
import { UNIT_SLOTS } from "../backload/plan.ts";
import { type SlotRange, settledSlot, slotCount } from "../chain/slots.ts";
import { BadObjectError } from "../lake/lake.ts";
import { type Context, lakeOf, tellRange } from "./context.ts";
import { duration, terminalColumns, scaledBytes, scaledCount, wrapped } from "./numbers.ts";
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
    print(`${report(figures, workers, terminalColumns(process.stdout))}\n`);
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
  const lines = [relayTable(figures, columns), ""];
  lines.push(
    `${scaledCount(figures.slots)} slots, ${scaledCount(total.requests)} requests, ${scaledCount(total.rows)} rows expected: ${scaledBytes(total.raw_bytes)} as sent,`,
    `${scaledBytes(total.lake_bytes)} in the lake in ${scaledCount(total.objects)} objects, ${scaledCount(total.list_calls)} list calls`,
    "slots without bids are asked twice; how many there are is an assumption",
    `${shards.count} shards, the longest of ${scaledCount(shards.longest_slots)} slots`,
    "",
    `workers      hours      days  bound by, each worker with an address of its own`,
    ...[...new Map(hours.map((one) => [one.workers, one])).values()].map(
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

/** What each relay will be asked for, in so many columns; relays' names are never cut. */
export function relayTable(
  { relays, hours, total }: Pick<Estimate, "relays" | "hours" | "total">,
  columns: number,
): string {
  const wide = columns >= WIDE;
  const time = (seconds: number) => (hours.length === 1 ? duration(seconds) : (seconds / 3600).toFixed(1));
  const fleets = hours.filter(({ workers }, at) => hours.findIndex((one) => one.workers === workers) === at);
  const row = (name: string, of: Estimate["total"] | RelayEstimate, own: readonly string[]) => [
    name,
    scaledCount(of.slots),
    scaledCount(of.requests),
    scaledCount(of.rows),
    scaledBytes(of.lake_bytes),
    ...(wide ? [scaledBytes(of.raw_bytes), scaledCount(of.gone)] : []),
    ...own,
  ];
  const rows = relays.map((one) => {
    const times = fleets.map(({ workers }) => time(one.requests / one.per_second / workers));
    return row(one.relay, one, [String(one.per_second), ...times]);
  });
  const longest = fleets.map((fleet) => time(3600 * fleet.hours));
  if (rows.length > 1) rows.push(row("total", total, ["", ...longest]));
  const times =
    fleets.length === 1
      ? [hours.length === 1 ? "time" : "hours"]
      : fleets.map(({ workers }, at) => `${at === 0 ? "h " : ""}by ${workers}`);
  const wideHead = wide ? ["as sent", "no longer kept"] : [];
  return tableText(["relay", "slots", "requests", "rows", "lake", ...wideHead, "req/s", ...times], rows, {
    gap: wide ? "   " : " ",
  });
}

function dollars(value: number): string {
  return `$${value < 10 ? value.toFixed(2) : Math.round(value).toLocaleString("en-US")}`.padStart(9);
}
