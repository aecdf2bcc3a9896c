import pLimit from "p-limit";
import { integerOf, textOf } from "./cells.ts";
import type { Network } from "../chain/networks.ts";
import type { SlotRange } from "../chain/slots.ts";
import type { DatasetName } from "../datasets/dataset.ts";
import { type BadObjectError, type Lake, trusted } from "../lake/lake.ts";
import { monthsOf, slotsIn } from "../lake/rereads.ts";
import type { TableRows } from "./keyedTables.ts";
import type { Value } from "./warehouse.ts";

/** The run of slots from the first to the last chunk that the ledger has of a relay's dataset. */
export interface Held extends SlotRange {
  readonly dataset: DatasetName;
  readonly relay: string;
}

/** The query whose rows `heldOf` reads, the same in both warehouses; `loads` is how it names view loads. */
export const heldSql = (loads: string): string =>
  `SELECT dataset, relay, MIN(first_slot) AS first_slot, MAX(last_slot) AS last_slot FROM ${loads} GROUP BY dataset, relay`;

/** Reads a row of `heldSql`. Throws TypeError on any other row. */
export function heldOf(row: Readonly<Record<string, Value>>): Held {
  return {
    dataset: textOf(row["dataset"]) as DatasetName,
    relay: textOf(row["relay"]),
    first: integerOf(row["first_slot"]),
    last: integerOf(row["last_slot"]),
  };
}

const READS_AT_ONCE = 16;
const HOUR_MS = 3_600_000;

/**
 * The rows that table rereads is to have, from the lake's months. With `ranges`, only the months that these touch are read, and one of the
 * older ones by turns, another each hour: a service sees them all within some days, and no more than three an hour.
 */
export async function rereadRows(
  lake: Lake,
  network: Network,
  held: readonly Held[],
  ranges: readonly SlotRange[] | undefined,
  nowMs: number,
): Promise<TableRows> {
  const failed: { object: string; error: string }[] = [];
  const limit = pLimit(READS_AT_ONCE);
  const onBad = ({ object, message: error }: BadObjectError) => failed.push({ object, error });
  const read = async ({ dataset, relay }: Held, month: string) =>
    [...(await trusted(() => lake.readRereads(dataset, relay, month), [], onBad))].map(
      ([day, { slots, differing, rowsGained }]) =>
        [dataset, relay, day, slotsIn(slots), differing, rowsGained] as const,
    );
  const wanted = held.flatMap((run) => {
    const months = monthsOf(network, run);
    const inTurn = months[Math.floor(nowMs / HOUR_MS) % months.length];
    const near = new Set(ranges?.flatMap((range) => monthsOf(network, range)));
    return months
      .filter((month) => ranges === undefined || near.has(month) || month === inTurn)
      .map((month) => limit(() => read(run, month)));
  });
  return { rows: (await Promise.all(wanted)).flat(), failed };
}
