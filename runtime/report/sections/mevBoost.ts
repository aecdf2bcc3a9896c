import { FINAL_LAG_SLOTS } from "../../chain/networks.ts";
import { slotAt, slotCount } from "../../chain/slots.ts";
import { nameInExtraData } from "../../builders/extraData.ts";
import { quotedText } from "../../datasets/schema.ts";
import { blocksQuery } from "../../warehouse/sql/blocksView.ts";
import type { SqlDialect } from "../../warehouse/sql/dialect.ts";
import { type Scope, bucketSql, inScope, scopeSlots } from "../../warehouse/sql/scope.ts";
import { lackingRelaysSql } from "../../warehouse/sql/slotsView.ts";
import { groupBy, numberIn, sumOf, textIn } from "../../warehouse/sql/values.ts";
import type { Results } from "../asking.ts";
import { count, percent, slotsAndTime } from "../format.ts";
import type { Figure, PageTable, Section, Showing, Tile } from "../section.ts";
import { type Part, stackedBars } from "../stackedBars.ts";
import { columnsOf, viewOf } from "../view.ts";

const ORIGINS = [
  { key: "yes", label: "delivered by a relay", colour: "var(--c0)" },
  { key: "no", label: "by no known relay", colour: "var(--c1)" },
  { key: "none", label: "no block on the chain", colour: "var(--c4)" },
  { key: "not_final", label: "delivered by a relay, the chain not final yet", colour: "var(--c5)" },
  { key: "not_loaded", label: "delivered by a relay, the chain not loaded", colour: "var(--c3)" },
  { key: "unknown", label: "not known", colour: "var(--unavailable)" },
] as const;
type Origin = (typeof ORIGINS)[number]["key"];

/** Names that the table lists; texts of extra_data that are read for it: a chain holds any number of odd ones. */
const NAMES = 20;
const TEXTS = 1000;
/** What blocks are summed up as that name nobody, and those of names beyond the list. */
const NOBODY = "no name, or an execution client's";
const OTHERS = "others";

/**
 * Table expression `origins`, to follow WITH: a row a slot of the chain or with a payload, with view slots' `mev_boost`, whether it
 * could be either (`open`), the slot's status and its block's extra_data_text. Of all relays: a block that one delivered came by none only if
 * no other did. Unlike the view it reads no bids, which are dear.
 */
function originsSql(d: SqlDialect, scope: Scope): string {
  const all = inScope(d, { ...scope, relays: undefined });
  // The names of sources, which alone are texts there, are the same literal in both dialects.
  const chain = blocksQuery({ ...d, text: quotedText }, (table) => table, all);
  return `chain AS (
${chain}
), delivered_hashes AS (
  SELECT DISTINCT slot, block_hash FROM payloads WHERE ${all}
), delivered_in AS (
  SELECT DISTINCT slot FROM delivered_hashes
), told_slots AS (
  SELECT slot FROM chain UNION DISTINCT SELECT slot FROM delivered_in
), ${lackingRelaysSql((table) => table, scope.network, "told_slots")}, origins AS (
  SELECT told_slots.slot AS slot, chain.status AS status, chain.extra_data_text AS extra_data_text,
    CASE WHEN chain.status = 'canonical' AND lacking = 0 THEN 1 ELSE 0 END AS open,
    CASE
      WHEN delivered_hashes.slot IS NOT NULL THEN 'yes'
      WHEN chain.status = 'canonical' AND lacking = 0 THEN 'no'
      WHEN chain.status = 'canonical' THEN NULL
      WHEN delivered_in.slot IS NOT NULL THEN 'yes'
    END AS mev_boost
  FROM told_slots
  LEFT JOIN chain ON chain.slot = told_slots.slot
  LEFT JOIN delivered_hashes ON delivered_hashes.slot = chain.slot AND delivered_hashes.block_hash = chain.block_hash
    AND chain.status = 'canonical'
  LEFT JOIN delivered_in ON delivered_in.slot = told_slots.slot
  LEFT JOIN asked_relays ON asked_relays.slot = told_slots.slot
)`;
}

/** How a slot's block came; one that a relay delivered is on the chain only where that is known. */
function originSql({ network, nowMs }: Scope): string {
  const final = slotAt(network, nowMs) - FINAL_LAG_SLOTS;
  return `CASE
    WHEN mev_boost = 'yes' AND status IS NULL AND slot > ${final} THEN 'not_final'
    WHEN mev_boost = 'yes' AND status IS NULL THEN 'not_loaded'
    WHEN mev_boost IS NOT NULL THEN mev_boost
    WHEN status IN ('missed', 'orphaned') THEN 'none'
    ELSE 'unknown' END`;
}

export const mevBoostSection: Section = {
  id: "mev-boost",
  title: "How blocks came",
  statements: (d, { scope, coarse }) => ({
    mev_boost: `WITH ${originsSql(d, scope)}
SELECT ${bucketSql(d, coarse)} AS bucket, ${originSql(scope)} AS origin, open,
  CASE WHEN status IS NULL THEN 0 ELSE 1 END AS on_chain, count(*) AS slots
FROM origins GROUP BY bucket, origin, open, on_chain`,
    by_no_relay: `WITH ${originsSql(d, scope)}
SELECT coalesce(extra_data_text, '') AS extra_data_text, count(*) AS blocks, max(slot) AS newest
FROM origins WHERE mev_boost = 'no' GROUP BY extra_data_text ORDER BY blocks DESC, extra_data_text LIMIT ${TEXTS}`,
  }),
  view: viewOf(originsFound, originFigures, originTables, originTiles),
};

function originsFound(results: Results, { scope }: Showing) {
  const rows = (results["mev_boost"] ?? []).map((row) => ({
    bucket: numberIn(row, "bucket"),
    origin: textIn(row, "origin") as Origin,
    isOpen: numberIn(row, "open") === 1,
    isOnChain: numberIn(row, "on_chain") === 1,
    slots: numberIn(row, "slots"),
  }));
  const slotsOf = (holds: (row: (typeof rows)[number]) => boolean) =>
    sumOf(rows.filter(holds), ({ slots }) => slots);
  const known = (origin: Origin) => slotsOf((row) => row.origin === origin);
  const [notFinal, notLoaded] = [known("not_final"), known("not_loaded")];
  const yes = known("yes") + notFinal + notLoaded;
  const [no, none] = [known("no"), known("none")];
  const openYes = slotsOf((row) => row.isOpen && row.origin === "yes");
  const numbers = {
    slots: slotCount(scope.range),
    chain_slots: slotsOf((row) => row.isOnChain),
    yes,
    /** Slots among these of which it isn't known whether a delivered block is on the chain. */
    yes_not_final: notFinal,
    yes_not_loaded: notLoaded,
    no,
    no_block: none,
    unknown: slotCount(scope.range) - yes - no - none,
    /** Slots in which either answer was possible, and those of them with MEV-Boost: of others only a yes can be known. */
    either: openYes + no,
    either_yes: openYes,
    share: openYes + no === 0 ? null : openYes / (openYes + no),
    /** Slots with a payload that the share leaves out, since no other answer was possible. */
    delivered_alone: yes - openYes,
    by_no_relay: namesOf(results, no),
  };
  const nothing =
    numbers.chain_slots === 0
      ? "Nothing of the chain is loaded for this range, so blocks that came by no relay can't be told: `run --dataset chain_blocks --chain` collects it."
      : undefined;
  return { numbers, rows, nothing };
}

/** Blocks that came by no known relay by the name that their extra_data gives; most first, what names nobody last. */
function namesOf(results: Results, total: number) {
  const rows = (results["by_no_relay"] ?? []).map((row) => ({
    name: nameInExtraData(textIn(row, "extra_data_text")) ?? NOBODY,
    blocks: numberIn(row, "blocks"),
    newest: numberIn(row, "newest"),
  }));
  const names = Array.from(
    groupBy(rows, ({ name }) => name),
    ([name, own]) => ({
      name,
      blocks: sumOf(own, ({ blocks }) => blocks),
      newest_slot: Math.max(...own.map(({ newest }) => newest)),
    }),
  ).toSorted((a, b) => b.blocks - a.blocks || (a.name < b.name ? -1 : 1));
  const nobody = names.filter(({ name }) => name === NOBODY);
  const listed = names.filter(({ name }) => name !== NOBODY).slice(0, NAMES);
  const others = total - sumOf([...listed, ...nobody], ({ blocks }) => blocks);
  return [...listed, ...nobody, ...(others > 0 ? [{ name: OTHERS, blocks: others, newest_slot: null }] : [])];
}

type Origins = ReturnType<typeof originsFound>;

function originFigures({ numbers, rows }: Origins, { scope, coarse }: Showing): Figure[] {
  const parts: Part[] = rows.map(({ bucket, origin, slots }) => ({ bucket, name: origin, amount: slots }));
  const labelled = [...parts, ...unknownIn(parts, scope, coarse)].map((part) => ({
    ...part,
    name: ORIGINS.find(({ key }) => key === part.name)?.label ?? part.name,
  }));
  return [
    {
      id: "mev-boost-share",
      title: "Slots by how their block came",
      units: `share of slots, a bar ${slotsAndTime(coarse.step)}; n = ${count(numbers.slots)} slots, of ${count(numbers.chain_slots)} the chain is known`,
      read:
        "By no known relay: the canonical block is none that any relay delivered, and the payloads of all relays of that time are covered. Where " +
        "the chain isn't known (it is kept once final, some 20 minutes later) or a relay's payloads are missing, that a block was delivered can be known, but not that it is on the chain: bars of such slots say nothing of shares.",
      from: ["mev_boost"],
      legend: ORIGINS.map(({ label, colour }) => ({ label, colour })),
      plot: (plotting, width) =>
        stackedBars(plotting, width, {
          scope,
          buckets: coarse,
          parts: labelled,
          names: ORIGINS.map(({ label }) => label),
          colour: (name) => ORIGINS.find(({ label }) => label === name)?.colour ?? "var(--rest)",
          shares: true,
          label: "share of slots",
          say: (amount) => `${count(amount)} slots`,
        }),
    },
  ];
}

/** The slots of each bucket of which no row tells. */
function unknownIn(parts: readonly Part[], { range }: Showing["scope"], buckets: Showing["coarse"]): Part[] {
  const told = groupBy(parts, ({ bucket }) => bucket);
  return Array.from({ length: buckets.last - buckets.first + 1 }, (_, index) => {
    const bucket = buckets.first + index;
    const slots = slotCount(scopeSlots(buckets, bucket, range));
    return { bucket, name: "unknown", amount: slots - sumOf(told.get(bucket) ?? [], ({ amount }) => amount) };
  }).filter(({ amount }) => amount > 0);
}

function originTiles({ numbers }: Origins): Tile[] {
  const { slots, share, either, either_yes: yes, delivered_alone: alone, no_block: none } = numbers;
  const unknown = slots - either - alone - none;
  const left = [
    ...(alone > 0 ? [`${count(alone)} of which only a delivery is known`] : []),
    ...(unknown > 0 ? [`${count(unknown)} of which nothing is known`] : []),
    ...(none > 0 ? [`${count(none)} without a block`] : []),
  ];
  return [
    {
      label: "MEV-Boost share of slots",
      value: share === null ? "unknown" : percent(share),
      n: `${count(yes)} of ${count(either)} slots of which either could be told`,
      gap: left.length === 0 ? "" : `not counted: ${left.join(", ")}`,
    },
  ];
}

function originTables({ numbers: { no, either, by_no_relay: names } }: Origins): PageTable[] {
  return [
    {
      title: `Blocks by no known relay, by the name in their \`extra_data\` (which can be forged): ${count(no)} of ${count(either)}`,
      columns: columnsOf(["name"], ["blocks", "share of them", "newest slot"]),
      rows: names.map(({ name, blocks, newest_slot: newest }) => [
        name,
        count(blocks),
        { shown: percent(blocks / no), value: blocks / no },
        newest === null ? "" : String(newest),
      ]),
      from: ["by_no_relay"],
    },
  ];
}
