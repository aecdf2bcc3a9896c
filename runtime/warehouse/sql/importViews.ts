import { AUCTION, type AuctionDataset, datasets } from "../../datasets/dataset.ts";
import { IMPORT_SOURCES, importRowTables } from "../../datasets/importTables.ts";
import { loadTables } from "../../datasets/tables.ts";
import type { SqlDialect } from "./dialect.ts";
import type { TableNamer } from "./views.ts";

/** Own rows in the columns of imported ones. */
function ownRows(d: SqlDialect, dataset: AuctionDataset): string {
  return importRowTables[dataset].columns
    .map(({ name }) => {
      if (name === "source") return "'relay' AS source";
      if (name === "source_file") return "CAST(NULL AS STRING) AS source_file";
      if (name === "value_eth_float") return `${d.double("NULL")} AS value_eth_float`;
      return d.column(name);
    })
    .join(", ");
}

/** Which source's row is taken where several have one: the own first. */
function precedence(d: SqlDialect): string {
  const cases = IMPORT_SOURCES.map((source, index) => `WHEN ${d.text(source)} THEN ${index + 1}`);
  return `CASE source WHEN 'relay' THEN 0 ${cases.join(" ")} ELSE ${IMPORT_SOURCES.length + 1} END`;
}

/** View payloads_all: a row a relay, slot and block hash. */
export function payloadsAllQuery(d: SqlDialect, table: TableNamer, window: string): string {
  const { name, columns } = importRowTables.payloads;
  const list = d.columns(columns);
  // block_timestamp follows from the slot; with it a filter on days reaches the tables.
  return `SELECT ${list}
FROM (
  SELECT ${list}, ROW_NUMBER() OVER (PARTITION BY relay, slot, block_timestamp, block_hash
    ORDER BY ${precedence(d)}, value DESC, value_eth_float DESC, source_file, builder_pubkey) AS place
  FROM (
    SELECT ${ownRows(d, "payloads")} FROM ${table("payloads")} WHERE ${window}
    UNION ALL
    SELECT ${list} FROM ${table(name)} WHERE ${window}
  ) AS told
) AS placed
WHERE place = 1`;
}

/** View bids_all: of each relay and slot the own rows, else those of one file. */
export function bidsAllQuery(d: SqlDialect, table: TableNamer, window: string): string {
  const { name, columns } = importRowTables.bids;
  const list = d.columns(columns);
  return `SELECT ${ownRows(d, "bids")} FROM ${table("bids")} WHERE ${window}
UNION ALL
SELECT ${d.columns(columns, "imported")}
FROM (
  SELECT ${list}, RANK() OVER (PARTITION BY relay, slot, block_timestamp ORDER BY ${precedence(d)}, source_file) AS place
  FROM ${table(name)} WHERE ${window}
) AS imported
LEFT JOIN (SELECT DISTINCT relay, slot FROM ${table("bids")} WHERE ${window}) AS own
  ON own.relay = imported.relay AND own.slot = imported.slot
WHERE imported.place = 1 AND own.slot IS NULL`;
}

/** View import_agreement: imported rows beside own ones, where the ledger says that the slot is covered. */
export function agreementQuery(d: SqlDialect, table: TableNamer, window: string): string {
  const parts = AUCTION.map((dataset) => agreementParts(d, table, dataset, window));
  return `WITH ${parts.map(({ tables }) => tables).join(", ")}
${parts.map(({ rows }) => rows).join("\nUNION ALL\n")}`;
}

function agreementParts(d: SqlDialect, table: TableNamer, dataset: AuctionDataset, window: string) {
  const { chunkSlots } = datasets[dataset];
  const key = "relay, slot, block_timestamp, block_hash";
  const [own, imported, covered, span, met, mine] = ["own", "sent", "covered", "span", "met", "mine"].map(
    (what) => `${what}_${dataset}`,
  );
  const tables = `${own} AS (
  SELECT ${key}, MIN(value) AS value FROM ${table(dataset)} WHERE ${window} GROUP BY ${key}
), ${imported} AS (
  SELECT source, ${key}, MIN(value) AS value FROM ${table(importRowTables[dataset].name)} WHERE ${window} GROUP BY source, ${key}
), ${covered} AS (
  SELECT sent.source, sent.relay, sent.slot, ${d.dateOf("sent.block_timestamp")} AS day, sent.block_hash, sent.value
  FROM ${imported} AS sent JOIN ${table(loadTables[dataset].name)} AS ledger
    ON ledger.relay = sent.relay AND ledger.first_slot = ${chunkSlots} * ${d.div("sent.slot", chunkSlots)}
  WHERE SUBSTR(ledger.covered, sent.slot - ledger.first_slot + 1, 1) = '1'
), ${span} AS (
  SELECT source, relay, day, MIN(slot) AS first_slot, MAX(slot) AS last_slot FROM ${covered} GROUP BY source, relay, day
), ${met} AS (
  SELECT sent.source, sent.relay, sent.day, COUNT(own.block_hash) AS found,
    COUNT(CASE WHEN own.value = sent.value THEN 1 END) AS equal_values,
    COUNT(CASE WHEN own.block_hash IS NULL THEN 1 END) AS only_import,
    COUNT(CASE WHEN own.block_hash IS NOT NULL AND sent.value IS NOT NULL THEN 1 END) AS compared
  FROM ${covered} AS sent LEFT JOIN ${own} AS own
    ON own.relay = sent.relay AND own.slot = sent.slot AND own.block_hash = sent.block_hash
  GROUP BY sent.source, sent.relay, sent.day
), ${mine} AS (
  SELECT span.source, span.relay, span.day, COUNT(*) AS own_rows
  FROM ${span} AS span JOIN ${own} AS own
    ON own.relay = span.relay AND own.slot BETWEEN span.first_slot AND span.last_slot AND ${d.dateOf("own.block_timestamp")} = span.day
  GROUP BY span.source, span.relay, span.day
)`;
  // Days without an own row are those whose rows were pruned.
  const rows = `SELECT '${dataset}' AS dataset, met.source, met.relay, met.day, mine.own_rows, met.found, met.equal_values,
  met.only_import, met.compared
FROM ${met} AS met JOIN ${mine} AS mine
  ON mine.source = met.source AND mine.relay = met.relay AND mine.day = met.day`;
  return { tables, rows };
}
