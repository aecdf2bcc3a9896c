import { type Network, SECONDS_PER_SLOT } from "../../chain/networks.ts";
import { datasets } from "../../datasets/dataset.ts";
import { quotedText } from "../../datasets/schema.ts";
import { loadTables, paymentsTable, relaysTable, rowTables } from "../../datasets/tables.ts";
import { directoryOf } from "../../relays/directory.ts";
import { blocksQuery } from "./blocksView.ts";
import { builderNameOf, namedBuildersSql } from "./builderNames.ts";
import { countWhere, type SqlDialect } from "./dialect.ts";
import { believedSql, ceilingSql, magnitudeSql } from "./plausibleValues.ts";
import type { TableNamer } from "./views.ts";

/** What the view is made for: a warehouse's dialect, names and network, and which days of its tables it reads. */
export interface SlotsSettings {
  readonly d: SqlDialect;
  readonly table: TableNamer;
  readonly network: Network;
  /** A condition on block_timestamp: a filter outside a view doesn't reach through its joins. */
  readonly window: string;
}

/**
 * View slots: a row a slot of which anything is known. The block is the canonical one; where the slot was missed or the chain isn't
 * known, the delivered one, of several the one that most relays delivered.
 */
export function slotsQuery(settings: SlotsSettings): string {
  const { d, network } = settings;
  const seconds = `${network.genesis} + ${SECONDS_PER_SLOT} * all_slots.slot`;
  return `WITH ${chosenBlocks(settings)},
${bestBids(settings)},
${whoHadIt(settings)},
${besideTheBlock(settings)},
${namedBuildersSql(settings.table)}
SELECT all_slots.slot AS slot, ${d.timeOf(seconds)} AS block_timestamp, chain.status AS status,
  chosen.block_hash AS block_hash, chosen.block_number AS block_number, chain.proposer_index AS proposer_index,
  chosen.proposer_pubkey AS proposer_pubkey,
  CASE WHEN chosen.builder_pubkey IS NOT NULL THEN ${builderNameOf(d, network, "chosen.builder_pubkey")} END AS builder,
  chosen.builder_pubkey AS builder_pubkey, ${d.listOrEmpty("deliverers.relays")} AS relays, ${d.listOrEmpty("holders.relays")} AS bid_relays,
  chosen.claimed AS claimed, paid.paid AS paid, adjusted.taken AS adjusted, merged.added AS merged,
  best.value AS best_bid, 
  CASE WHEN best.value > chosen.claimed THEN best.value - chosen.claimed WHEN best.value <= chosen.claimed THEN 0 END AS value_left,
  CASE
    WHEN best.value <= chosen.claimed OR best.value IS NULL OR chosen.claimed IS NULL THEN NULL
    WHEN best.value - chosen.claimed <= adjusted.taken THEN 'adjusted'
    WHEN best_shown.first_shown > asked.last_header THEN 'late'
    WHEN best_shown.by_deliverer = 0 THEN 'other_relay'
    ELSE 'unknown'
  END AS why,
  asked.headers_asked AS headers_asked, asked.first_header AS first_header, asked.last_header AS last_header,
  CASE WHEN chain.status = 'canonical' THEN chain.blobs END AS blobs,
  CASE
    WHEN chosen.claimed IS NOT NULL THEN 'yes'
    WHEN chain.status = 'canonical' AND asked_relays.lacking = 0 THEN 'no'
  END AS mev_boost
FROM all_slots
LEFT JOIN chain ON chain.slot = all_slots.slot
LEFT JOIN chosen ON chosen.slot = all_slots.slot
LEFT JOIN best ON best.slot = all_slots.slot
LEFT JOIN best_shown ON best_shown.slot = all_slots.slot
LEFT JOIN deliverers ON deliverers.slot = all_slots.slot
LEFT JOIN holders ON holders.slot = all_slots.slot
LEFT JOIN asked ON asked.slot = all_slots.slot
LEFT JOIN asked_relays ON asked_relays.slot = all_slots.slot
LEFT JOIN paid ON paid.slot = all_slots.slot AND paid.block_hash = chosen.block_hash
LEFT JOIN adjusted ON adjusted.slot = all_slots.slot AND adjusted.block_hash = chosen.block_hash
LEFT JOIN merged ON merged.slot = all_slots.slot AND merged.block_hash = chosen.block_hash
LEFT JOIN named_builders ON named_builders.pubkey = chosen.builder_pubkey
  AND all_slots.slot >= named_builders.since AND all_slots.slot < named_builders.until`;
}

/**
 * `chain` (a row a slot), `delivered_blocks`, `chosen` (slot, and of its block: block_hash, parent_hash, block_number,
 * proposer_pubkey, builder_pubkey, claimed: wei, the least that a relay states, 0 only where all state it; NULL where no relay delivered it).
 */
function chosenBlocks({ d, table, window }: SlotsSettings): string {
  return `chain AS (
${blocksQuery(d, table, window)}
), delivered_blocks AS (
  SELECT slot, block_hash, COALESCE(MIN(CASE WHEN value > 0 THEN value END), MIN(value)) AS claimed, MIN(parent_hash) AS parent_hash, MIN(block_number) AS block_number,
    MIN(proposer_pubkey) AS proposer_pubkey, MIN(builder_pubkey) AS builder_pubkey, COUNT(DISTINCT relay) AS relays
  FROM ${table(rowTables.payloads.name)} WHERE ${window} GROUP BY slot, block_hash
), placed AS (
  SELECT delivered_blocks.slot AS slot, delivered_blocks.block_hash AS block_hash,
    ROW_NUMBER() OVER (PARTITION BY delivered_blocks.slot
      ORDER BY CASE WHEN delivered_blocks.block_hash = chain.block_hash THEN 0 ELSE 1 END, relays DESC, delivered_blocks.block_hash) AS place
  FROM delivered_blocks LEFT JOIN chain ON chain.slot = delivered_blocks.slot
), known_blocks AS (
  SELECT placed.slot AS slot, placed.block_hash AS block_hash FROM placed
  LEFT JOIN chain ON chain.slot = placed.slot AND chain.status = 'canonical'
  WHERE place = 1 AND chain.slot IS NULL
  UNION ALL
  SELECT slot, block_hash FROM chain WHERE status = 'canonical'
), chosen AS (
  SELECT known_blocks.slot AS slot, known_blocks.block_hash AS block_hash, claimed, builder_pubkey,
    COALESCE(chain.parent_hash, delivered_blocks.parent_hash) AS parent_hash,
    COALESCE(chain.block_number, delivered_blocks.block_number) AS block_number,
    COALESCE(delivered_blocks.proposer_pubkey, chain.proposer_pubkey) AS proposer_pubkey
  FROM known_blocks
  LEFT JOIN delivered_blocks ON delivered_blocks.slot = known_blocks.slot AND delivered_blocks.block_hash = known_blocks.block_hash
  LEFT JOIN chain ON chain.slot = known_blocks.slot AND chain.block_hash = known_blocks.block_hash
)`;
}

/** `steps`, `best` (slot, value: the largest bid, on the block's parent where that is known, that can be believed), and `all_slots`. */
function bestBids({ d, table, window }: SlotsSettings): string {
  const wei = d.double("value");
  const claimed = d.double("chosen.claimed");
  const believed = `CASE WHEN ${believedSql(claimed, "usual.wei")} THEN ${claimed} END`;
  return `steps AS (
  SELECT slot, parent_hash, ${magnitudeSql(wei)} AS magnitude, COUNT(*) AS bids, SUM(LN(${wei})) AS logarithms, MAX(value) AS value
  FROM ${table(rowTables.bids.name)} WHERE ${window} AND value > 0 GROUP BY slot, parent_hash, magnitude
), usual AS (
  SELECT slot, EXP(SUM(logarithms) / SUM(bids)) AS wei FROM steps GROUP BY slot
), ceilings AS (
  SELECT usual.slot AS slot, chosen.parent_hash AS parent_hash, ${ceilingSql("usual.wei", believed)} AS wei
  FROM usual LEFT JOIN chosen ON chosen.slot = usual.slot
), best AS (
  SELECT steps.slot AS slot, MAX(steps.value) AS value
  FROM steps JOIN ceilings ON ceilings.slot = steps.slot AND magnitude <= ${magnitudeSql("ceilings.wei")}
    AND steps.parent_hash = COALESCE(ceilings.parent_hash, steps.parent_hash)
  GROUP BY steps.slot
), all_slots AS (
  SELECT slot FROM chain UNION DISTINCT SELECT slot FROM chosen UNION DISTINCT SELECT slot FROM usual
)`;
}

/** Which relays delivered the block, had its bid, and showed the best bid, and since when. */
function whoHadIt({ d, table, window }: SlotsSettings): string {
  const payloads = table(rowTables.payloads.name);
  const bids = table(rowTables.bids.name);
  return `deliveries AS (
  SELECT DISTINCT payload.slot AS slot, payload.relay AS relay
  FROM (SELECT slot, relay, block_hash FROM ${payloads} WHERE ${window}) AS payload
  JOIN chosen ON chosen.slot = payload.slot AND chosen.block_hash = payload.block_hash
), deliverers AS (
  SELECT slot, ${d.sortedList("relay")} AS relays FROM deliveries GROUP BY slot
), holders AS (
  SELECT slot, ${d.sortedList("relay")} AS relays FROM (
    SELECT DISTINCT bid.slot AS slot, bid.relay AS relay
    FROM (SELECT slot, relay, block_hash FROM ${bids} WHERE ${window}) AS bid
    JOIN chosen ON chosen.slot = bid.slot AND chosen.block_hash = bid.block_hash
  ) AS held GROUP BY slot
), best_shown AS (
  SELECT bid.slot AS slot, MIN(bid.shown) AS first_shown, MAX(CASE WHEN deliveries.relay IS NULL THEN 0 ELSE 1 END) AS by_deliverer
  FROM (SELECT slot, relay, value, ${d.column("timestamp")} AS shown FROM ${bids} WHERE ${window}) AS bid
  JOIN best ON best.slot = bid.slot AND best.value = bid.value
  LEFT JOIN deliveries ON deliveries.slot = bid.slot AND deliveries.relay = bid.relay
  GROUP BY bid.slot
)`;
}

const { chunkSlots } = datasets.payloads;
const isIn = (bits: string): string => `SUBSTR(ledger.${bits}, slot - ledger.first_slot + 1, 1) = '1'`;
/**
 * Whether a payload slot is covered and beyond doubt. A payload in quarantine is a delivery too, of which no row tells. Where its
 * slot wasn't kept, as it once wasn't, it may be any of the chunk's.
 */
const isSure = `${isIn("covered")} AND NOT ${isIn("suspect")} AND (ledger.quarantined = 0 OR NOT ${isIn("quarantined_slots")})`;

/** What was paid, adjusted, merged and asked for; `asked_relays` (slot, lacking: relays of that time whose payloads aren't sure). */
function besideTheBlock({ d, table, network, window }: SlotsSettings): string {
  const { headers, adjustments, merged_blocks: mergers } = rowTables;
  return `paid AS (
  SELECT slot, block_hash, MIN(paid) AS paid FROM ${table(paymentsTable.name)} WHERE ${window} GROUP BY slot, block_hash
), adjusted AS (
  SELECT slot, adjusted_block_hash AS block_hash, MAX(delta) AS taken
  FROM ${table(adjustments.name)} WHERE ${window} GROUP BY slot, adjusted_block_hash
), merged AS (
  SELECT slot, block_hash, MAX(proposer_value - original_value) AS added
  FROM ${table(mergers.name)} WHERE ${window} GROUP BY slot, block_hash
), asked AS (
  SELECT slot, ${d.whole("SUM(copies)", "headers_asked")}, MIN(${d.column("timestamp")}) AS first_header, MAX(${d.column("timestamp")}) AS last_header
  FROM ${table(headers.name)} WHERE ${window} GROUP BY slot
), ${lackingRelaysSql(table, network, "all_slots")}`;
}

/**
 * Table expression `asked_relays` (slot, lacking), to follow WITH: of each slot of a table expression, how many relays that worked then
 * have no payloads there that are covered and beyond doubt (with none in quarantine). Relays of the directory that nobody asked are
 * among them: table relays has those alone that a load was told of, and, without a URL, what only the lake knows. Of a slot without
 * relays there is no row.
 */
export function lackingRelaysSql(table: TableNamer, network: Pick<Network, "name">, slots: string): string {
  const relays = table(relaysTable.name);
  const known = directoryOf(network.name).filter(({ state, aliasOf }) => state !== "off" && aliasOf === null);
  // Names of relays are the same literals in both dialects.
  const literals = known.map(
    ({ name, activeFrom, activeTo }) =>
      `SELECT ${quotedText(name)} AS name, ${activeFrom ?? "NULL"} AS active_from, ${activeTo ?? "NULL"} AS active_to`,
  );
  const unasked =
    literals.length === 0
      ? ""
      : `
  UNION ALL
  SELECT name, active_from, active_to FROM (
    ${literals.join("\n    UNION ALL ")}
  ) AS directory
  WHERE name NOT IN (SELECT name FROM ${relays} WHERE url IS NOT NULL)`;
  return `worked AS (
  SELECT name, active_from, active_to FROM ${relays}
  WHERE state <> 'off' AND alias_of IS NULL AND COALESCE(dialect, '') <> 'chain'${unasked}
), asked_relays AS (
  SELECT slot, ${countWhere(`NOT COALESCE(${isSure}, FALSE)`)} AS lacking
  FROM ${slots} CROSS JOIN worked
  LEFT JOIN ${table(loadTables.payloads.name)} AS ledger
    ON ledger.relay = worked.name AND ledger.first_slot = slot - MOD(slot, ${chunkSlots})
  WHERE slot >= COALESCE(worked.active_from, 0) AND slot <= COALESCE(worked.active_to, slot)
  GROUP BY slot
)`;
}
