import type { ImportDataset } from "../datasets/importTables.ts";
import { UserError, printable } from "../errors.ts";
import { quotedText } from "../datasets/schema.ts";
import { commonCauses, FileColumns, bidTimeSql, relayBy, slotStart, weiOfLittleEndian } from "./rowSql.ts";
import { type PlanScope, type ArchiveSource, utcDay } from "./source.ts";

/** Names of relays as xatu's configuration has them; lower case. */
const NAMES: Readonly<Record<string, string>> = {
  flashbots: "flashbots",
  "ultra sound": "ultrasound",
  "bloxroute max profit": "bloxroute-max-profit",
  "bloxroute regulated": "bloxroute-regulated",
  "titan relay": "titan",
  "agnostic gnosis": "agnostic",
  aestus: "aestus",
  "eden network": "eden",
  manifold: "manifold",
  wenmerge: "wenmerge",
};

const TABLES: Readonly<Partial<Record<ImportDataset, string>>> = {
  bids: "mev_relay_bid_trace",
  payloads: "mev_relay_proposer_payload_delivered",
};

const KEY = [
  "relay",
  "slot",
  "parent_hash",
  "block_hash",
  "builder_pubkey",
  "proposer_pubkey",
  "value",
  "timestamp_ms",
];

/**
 * ethpandaops' xatu: what their sentries saw, a row a sentry, so that rows that are one are joined and nobody can tell copies. Fields
 * that a relay didn't send are 0 and false there, and null here. Column value comes and goes by years.
 */
export const xatu: ArchiveSource = {
  name: "xatu",
  licence: "CC BY 4.0",
  archive: "https://data.ethpandaops.io/xatu",
  forms: ["parquet"],
  datasets: ["bids", "payloads"],
  nameOf: dayName,
  plan(types, scope) {
    const columns = new FileColumns(types);
    columns.demand(["slot", "slot_start_date_time", "relay_name", "block_hash"], "xatu");
    const dataset = columns.has("parent_hash") ? "bids" : "payloads";
    const given = givenOf(columns, scope, dataset);
    const network = columns.has("meta_network_name")
      ? ` OR ${columns.text("meta_network_name")} <> ${quotedText(scope.network.name)}`
      : "";
    const refuse = [
      // Of another network: the same slot begins at another time there.
      ["network", `starts <> ${scope.network.genesis} + 12 * slot OR other_network`] as const,
      ...commonCauses(scope, given),
      ...["parent_hash", "builder_pubkey", "proposer_pubkey", "proposer_fee_recipient", "value"]
        .filter((name) => name in given)
        .map((name) => [name, `${name} IS NULL`] as const),
    ];
    return {
      dataset,
      given: {
        ...given,
        starts: columns.seconds("slot_start_date_time"),
        other_network: `false${network}`,
      },
      refuse,
      relayName: columns.plain("relay_name"),
      oneBy: { columns: KEY.filter((name) => name in given), reads: columns.reads },
    };
  },
  async filesOf({ archive, range, datasets, network }) {
    const days = Array.from(
      { length: utcDay(network, range.last) - utcDay(network, range.first) + 1 },
      (_, index) => utcDay(network, range.last) - index,
    );
    return days.flatMap((day) => {
      const date = new Date(day * 86_400_000);
      // Without leading zeros: with them there is no such file.
      const path = `${date.getUTCFullYear()}/${date.getUTCMonth() + 1}/${date.getUTCDate()}.parquet`;
      return datasets.flatMap((dataset) => {
        const table = TABLES[dataset];
        if (table === undefined) return [];
        const url = `${archive}/${network.name}/databases/default/${table}/${path}`;
        return [{ url, sourceFile: dayName(path), dataset }];
      });
    });
  },
};

function givenOf(columns: FileColumns, scope: PlanScope, dataset: ImportDataset): Record<string, string> {
  const names = new Map([
    ...Object.entries(NAMES).filter(([, name]) => scope.relays.some((relay) => relay.name === name)),
    ...scope.relays.map(({ name }) => [name, name] as const),
  ]);
  const slot = columns.integer("slot");
  const said = (name: string) => `nullif(${columns.integer(name)}, 0)`;
  return {
    relay: relayBy(names, columns.text("relay_name")),
    slot,
    block_timestamp: slotStart(scope, slot),
    block_hash: columns.text("block_hash"),
    builder_pubkey: columns.text("builder_pubkey"),
    proposer_pubkey: columns.text("proposer_pubkey"),
    proposer_fee_recipient: columns.text("proposer_fee_recipient"),
    gas_limit: columns.integer("gas_limit"),
    gas_used: columns.integer("gas_used"),
    num_tx: said("num_tx"),
    block_number: columns.integer("block_number"),
    ...(columns.has("value") ? { value: weiOfLittleEndian(columns.bytes("value")) } : {}),
    ...(dataset === "bids"
      ? {
          parent_hash: columns.text("parent_hash"),
          timestamp: bidTimeSql(columns.integer("timestamp_ms"), columns.integer("timestamp")),
          timestamp_s: said("timestamp"),
          timestamp_ms: said("timestamp_ms"),
          optimistic_submission: `CASE WHEN ${columns.bool("optimistic_submission")} THEN true END`,
        }
      : {}),
  };
}

/** Files of all days have names of the same kind: `2025-06-01.parquet`, from xatu's `2025/6/1.parquet`. */
function dayName(path: string): string {
  const [plain = ""] = path.split(/[?#]/);
  const [, year, month, day] = /(?:^|\/)(\d{4})[-/](\d{1,2})[-/](\d{1,2})\.parquet$/.exec(plain) ?? [];
  if (year !== undefined && month !== undefined && day !== undefined)
    return `${year}-${month.padStart(2, "0")}-${day.padStart(2, "0")}.parquet`;
  const name = plain.slice(plain.lastIndexOf("/") + 1);
  if (/^\d{1,2}\.parquet$/.test(name))
    throw new UserError(
      `${printable(path)}: its name says no day; keep xatu's folders (2025/6/1.parquet), or name it 2025-06-01.parquet`,
      { exitCode: 2 },
    );
  return name;
}
