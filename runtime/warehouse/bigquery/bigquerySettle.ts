import { SLOTS_AT_ONCE, type CanonicalChain, type CanonicalTable } from "../../chain/canonicalChain.ts";
import { integerOf } from "../cells.ts";
import type { Network } from "../../chain/networks.ts";
import type { SlotRange } from "../../chain/slots.ts";
import { payloads } from "../../datasets/payloads.ts";
import { type BigQueryParts, runGuarded } from "./transactionLock.ts";
import {
  dayRuns,
  loadedChunksQuery,
  progressQuery,
  settleFromBlocks,
  settleFromTable,
  unsettledQuery,
} from "./bigquerySettleSql.ts";
import type { SettleOptions, SettleSummary } from "../warehouse.ts";

type SettleParts = BigQueryParts & { readonly network: Network };

/** Runs of slots that are settled in one transaction have about this many slots: some five days. */
const RUN_SLOTS = 36_000;
/** Unsettled slots that lie further apart than this are settled apart from each other: an hour. */
const GAP_SLOTS = 300;

/** Fills canonical_blocks and settles `reorged` in BigQuery; reads only the days of chunks that `options` name. */
export async function settleInBigQuery(
  parts: SettleParts,
  source: CanonicalChain | CanonicalTable,
  options: SettleOptions,
): Promise<SettleSummary> {
  const { jobs, places, network } = parts;
  const chunks = await jobs.run(loadedChunksQuery(places.tables, options.loadedSince));
  const runs = dayRuns(
    network,
    chunks.map(({ first_slot: slot }) => integerOf(slot)),
  );
  if (runs.length === 0) return { blocks: 0 };
  const rows = await jobs.run(unsettledQuery(places.tables, runs));
  const unsettled = rows.map(({ slot }) => integerOf(slot));
  const [oldest] = unsettled;
  if (oldest === undefined) return { blocks: 0 };
  return "table" in source
    ? fromTable(parts, source, unsettled, oldest)
    : fromChain(parts, source, unsettled);
}

async function fromTable(
  parts: SettleParts,
  source: CanonicalTable,
  unsettled: readonly number[],
  oldest: number,
): Promise<SettleSummary> {
  const { jobs, places, network } = parts;
  const [progress] = await jobs.run(progressQuery(network, source, oldest));
  const settled = progress?.["settled"];
  if (settled === null || settled === undefined) return { blocks: 0 };
  const known = integerOf(settled);
  let blocks = 0;
  for (const { first, last } of slotRuns(unsettled.filter((slot) => slot <= known))) {
    await runGuarded(parts, payloads, settleFromTable(places, network, source, { first, last }));
    blocks += last - first + 1;
  }
  return { blocks };
}

async function fromChain(
  parts: SettleParts,
  chain: CanonicalChain,
  unsettled: readonly number[],
): Promise<SettleSummary> {
  const settled = await chain.settled();
  const slots = unsettled.filter((slot) => slot <= settled);
  for (const { first, last } of slotRuns(slots)) {
    const ofRun = slots.filter((slot) => slot >= first && slot <= last);
    for (let at = 0; at < ofRun.length; at += SLOTS_AT_ONCE) {
      const asked = ofRun.slice(at, at + SLOTS_AT_ONCE);
      const range = { first: asked[0] ?? first, last: asked.at(-1) ?? last };
      const told = await chain.blocks(asked);
      const blocks = new Map(asked.map((slot) => [slot, told.get(slot) ?? null]));
      await runGuarded(parts, payloads, settleFromBlocks(parts.places, parts.network, range, blocks));
    }
  }
  return { blocks: slots.length };
}

/** Runs of slots that lie close together, cut into lengths that one transaction takes. */
function slotRuns(slots: readonly number[]): SlotRange[] {
  const runs: { first: number; last: number }[] = [];
  for (const slot of slots) {
    const run = runs.at(-1);
    if (run && slot - run.last <= GAP_SLOTS && slot - run.first < RUN_SLOTS) run.last = slot;
    else runs.push({ first: slot, last: slot });
  }
  return runs;
}
