import type { Results } from "../asking.ts";
import type { Showing } from "../section.ts";
import { EXPLANATIONS } from "./leftBehind.ts";
import { scopeSlots } from "../../warehouse/sql/scope.ts";
import {
  type ResultRow,
  groupBy,
  numberIn,
  numberOrNull,
  sumOf,
  textIn,
} from "../../warehouse/sql/values.ts";

/** The distribution has so many steps to a power of ten. */
export const STEPS_PER_DECADE = 5;

/** Delivered blocks by value, and what can explain that they weren't the best. */
export function valuesOf(results: Results, showing: Showing) {
  const values = results["delivered_values"] ?? [];
  const believed = groupBy(
    values.filter((row) => row["believed"] === true),
    (row) => numberIn(row, "step"),
  );
  const distribution = Array.from(believed, ([step, rows]) => ({
    step,
    blocks: sumOf(rows, (row) => numberIn(row, "blocks")),
    eth: sumOf(rows, (row) => numberIn(row, "eth")),
  }));
  const beyond = sumOf(
    values.filter((row) => row["believed"] !== true),
    (row) => numberIn(row, "blocks"),
  );
  const left = leftOf(results);
  const medians = values.map((row) => numberOrNull(row, "median_of_all"));
  const explained = EXPLANATIONS.map(({ key }) => {
    const own = left.filter(({ explanation }) => explanation === key);
    return {
      explanation: key,
      blocks: sumOf(own, ({ blocks }) => blocks),
      eth_left: sumOf(own, ({ eth_left }) => eth_left),
    };
  });
  const numbers = {
    blocks: sumOf(distribution, ({ blocks }) => blocks),
    eth: sumOf(distribution, (one) => one.eth),
    blocks_beyond_belief: beyond,
    distribution: distribution
      .toSorted((a, b) => a.step - b.step)
      .map(({ step, blocks, eth: sum }) => ({ from_eth: 10 ** (step / STEPS_PER_DECADE), blocks, eth: sum })),
    median_eth: medians.find((median) => median !== null) ?? null,
    over_time: overTimeOf(results, showing),
    most_left: mostLeftOf(results, showing.names),
    compared_blocks: sumOf(left, ({ blocks }) => blocks),
    left: explained,
  };
  return { numbers, distribution, left };
}

export type ValuesFound = ReturnType<typeof valuesOf>;

/** Compared blocks by explanation and by how much more was offered. */
function leftOf(results: Results) {
  const groups = groupBy(
    results["value_left"] ?? [],
    (row) => `${textIn(row, "explanation")} ${numberIn(row, "size")}`,
  );
  return Array.from(groups, ([key, rows]) => {
    const [explanation = "", size = ""] = key.split(" ");
    const total = (column: string) => sumOf(rows, (row) => numberIn(row, column));
    return {
      explanation,
      size: Number(size),
      blocks: total("blocks"),
      eth_left: total("eth_left"),
      eth_delivered: total("eth_delivered"),
    };
  });
}

function overTimeOf(results: Results, { coarse, scope }: Showing) {
  const believed = (results["delivered_values"] ?? []).filter((row) => row["believed"] === true);
  const buckets = groupBy(believed, (row) => numberIn(row, "bucket"));
  /** A bucket's quantile stands in one of its rows. */
  const of = (rows: readonly ResultRow[], column: string) =>
    Math.max(...rows.map((row) => numberOrNull(row, column) ?? 0));
  return Array.from(buckets, ([bucket, rows]) => ({
    bucket,
    first_slot: scopeSlots(coarse, bucket, scope.range).first,
    blocks: sumOf(rows, (row) => numberIn(row, "blocks")),
    eth: sumOf(rows, (row) => numberIn(row, "eth")),
    p10: of(rows, "p10"),
    median: of(rows, "median"),
    p90: of(rows, "p90"),
  })).toSorted((a, b) => a.bucket - b.bucket);
}

/** Delivered blocks of which most was left behind, those with most first. */
export function mostLeftOf(results: Results, names: Showing["names"]) {
  return (results["value_left"] ?? [])
    .filter((row) => row["place"] !== null)
    .map((row) => ({
      slot: numberIn(row, "slot"),
      block_hash: textIn(row, "block_hash"),
      builder: names.nameOf(textIn(row, "builder_pubkey")),
      eth_delivered: numberIn(row, "eth_delivered"),
      eth_left: numberIn(row, "eth_left"),
      explanation: textIn(row, "explanation"),
      rival: names.nameOf(textIn(row, "rival_pubkey")),
      rival_relay: textIn(row, "rival_relay"),
      rival_relays: numberIn(row, "rival_relays"),
    }))
    .toSorted((a, b) => b.eth_left - a.eth_left || a.slot - b.slot);
}
