import { UserError } from "../errors.ts";
import { DUCKDB_TYPES } from "../datasets/schema.ts";
import { commonCauses, FileColumns, relayBy, slotStart, weiOfText } from "./rowSql.ts";
import { baseName, type PlanScope, type ArchiveSource } from "./source.ts";

/** A decimal number with an exponent, as a column of floating-point numbers is written. */
const FLOAT_TEXT = "[0-9](\\.[0-9]{1,14})?e\\+[0-9]{1,2}";

/**
 * dataalways' mevboost-data: a row a block and relay, and blocks that came by none, of which only what a relay delivered is taken:
 * early files also hold relays that had the bid and didn't deliver. Files of later years say the value in ETH, as a rounded number:
 * that never becomes `value`.
 */
export const mevboostData: ArchiveSource = {
  name: "mevboost-data",
  licence: "CC0-1.0",
  archive: "https://raw.githubusercontent.com/dataalways/mevboost-data/main/data",
  forms: ["parquet"],
  datasets: ["payloads"],
  networks: ["mainnet"],
  nameOf: baseName,
  plan(types, scope) {
    const columns = new FileColumns(types);
    columns.demand(["slot", "block_hash", "relay", "block_datetime", "builder_pubkey"], "mevboost-data");
    if (!columns.has("value") && !columns.has("value_eth"))
      throw new UserError("it is no file of mevboost-data: it has neither column value nor value_eth");
    const given = givenOf(columns, scope);
    const delivered = columns.has("payload_delivered") ? ` AND ${columns.bool("payload_delivered")}` : "";
    return {
      dataset: "payloads",
      where: `relay IS NOT NULL AND relay NOT IN ('', 'out-of-scope')${delivered}`,
      given: { ...given, starts: columns.seconds("block_datetime") },
      refuse: [
        ["network", `starts <> ${scope.network.genesis} + 12 * slot`],
        ...commonCauses(scope, given),
        ["value", "value IS NULL AND value_eth_float IS NULL"],
      ],
      relayName: columns.plain("relay"),
    };
  },
  async filesOf() {
    throw new UserError(
      "mevboost-data has no calendar: its files are named by block numbers; give files or their URLs (https://github.com/dataalways/mevboost-data lists them)",
      { exitCode: 2 },
    );
  },
};

function givenOf(columns: FileColumns, scope: PlanScope): Record<string, string> {
  // bloxroute_max_profit
  const names = new Map(scope.relays.map(({ name }) => [name.replaceAll("-", "_"), name]));
  const slot = columns.integer("slot");
  const optionally = (name: string, column = name) =>
    columns.has(column) ? { [name]: columns.integer(column) } : {};
  const recipient = "proposer_mev_recipient";
  return {
    relay: relayBy(names, `replace(${columns.text("relay")}, '-', '_')`),
    slot,
    block_timestamp: slotStart(scope, slot),
    block_hash: columns.text("block_hash"),
    builder_pubkey: `nullif(${columns.text("builder_pubkey")}, '')`,
    ...(columns.has("proposer_pubkey")
      ? { proposer_pubkey: `nullif(${columns.text("proposer_pubkey")}, '')` }
      : {}),
    ...(columns.has(recipient) ? { proposer_fee_recipient: `nullif(${columns.text(recipient)}, '')` } : {}),
    ...optionally("gas_limit"),
    ...optionally("gas_used"),
    ...optionally("num_tx"),
    ...optionally("block_number"),
    ...valueOf(columns),
  };
}

/** Up to 15 digits a float keeps: a text with more of them, or a number, is rounded. */
function valueOf(columns: FileColumns): { value: string; value_eth_float: string } {
  const none = `CAST(NULL AS ${DUCKDB_TYPES.NUMERIC})`;
  if (!columns.has("value")) return { value: none, value_eth_float: 'CAST("value_eth" AS DOUBLE)' };
  if (columns.type("value") === "DOUBLE") return { value: none, value_eth_float: '"value" / 1e18' };
  const text = columns.plain("value");
  const exact = `CASE WHEN regexp_full_match(${text}, '${FLOAT_TEXT}') THEN CAST(CAST(${text} AS HUGEINT) AS VARCHAR) ELSE ${text} END`;
  const value = weiOfText(exact);
  return {
    value,
    value_eth_float: `CASE WHEN (${value}) IS NULL AND ${text} LIKE '%e+%' THEN TRY_CAST(${text} AS DOUBLE) / 1e18 END`,
  };
}
