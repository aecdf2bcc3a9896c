import { commonCauses, FileColumns, relayBy, slotStart, weiOfText } from "./rowSql.ts";
import { baseName, type PlanScope, type ArchiveSource, utcDay } from "./source.ts";

/** Frozen by a test of the archive's own (facts: beyond §A2). */
const header = [
  "source_type",
  "received_at_ms",
  "timestamp_ms",
  "slot",
  "slot_t_ms",
  "value",
  "block_hash",
  "parent_hash",
  "builder_pubkey",
  "block_number",
  "block_fee_recipient",
  "relay",
  "proposer_pubkey",
  "proposer_fee_recipient",
  "optimistic_submission",
];

/** Hosts that the archive asked and that the directory has under another name. */
const HOSTS: Readonly<Record<string, string>> = {
  "relay.ultrasound.money": "ultrasound",
  "aestus.live": "aestus",
  "global.titanrelay.xyz": "titan",
};

/**
 * relayscan's bid archive: bids seen by polls, the Data API and Ultra Sound's stream, each once however many relays had it. What
 * lies in it is no relay's whole set of bids, so it has a table of its own.
 */
export const bidArchive: ArchiveSource = {
  name: "bid-archive",
  licence: "CC0-1.0",
  archive: "https://bidarchive.relayscan.io/ethereum",
  forms: ["csv"],
  datasets: ["seen_bids"],
  networks: ["mainnet"],
  headers: { seen_bids: header },
  nameOf: baseName,
  plan(types, scope) {
    const columns = new FileColumns(types);
    columns.demand(header, "bid-archive");
    const given = givenOf(columns, scope);
    const starts = `1000 * (${scope.network.genesis} + 12 * slot)`;
    return {
      dataset: "seen_bids",
      given,
      refuse: [
        ["source_type", "source_type IS NULL OR source_type NOT BETWEEN 0 AND 2"],
        ["received_at_ms", "received_at_ms IS NULL"],
        ["network", `coalesce(timestamp_ms, received_at_ms) - slot_t_ms <> ${starts}`],
        ...commonCauses(scope, given),
        ["parent_hash", "parent_hash IS NULL"],
        ["value", "value IS NULL"],
      ],
      relayName: columns.plain("relay"),
    };
  },
  async filesOf({ archive, range, network }) {
    const [first, last] = [utcDay(network, range.first), utcDay(network, range.last)];
    return Array.from({ length: last - first + 1 }, (_, index) => {
      const date = new Date((last - index) * 86_400_000).toISOString().slice(0, 10);
      const sourceFile = `${date}_all.csv.zip`;
      const url = `${archive}/${network.name}/${date.slice(0, 7)}/${sourceFile}`;
      return { url, sourceFile, dataset: "seen_bids" };
    });
  },
};

function givenOf(columns: FileColumns, scope: PlanScope): Record<string, string> {
  const hosts = new Map([
    ...Object.entries(HOSTS),
    ...scope.relays.flatMap(({ name, url }) =>
      URL.canParse(url) ? [[new URL(url).host, name] as const] : [[name, name] as const],
    ),
  ]);
  const slot = columns.integer("slot");
  const texts = ["block_hash", "parent_hash", "builder_pubkey", "block_fee_recipient"];
  const proposer = ["proposer_pubkey", "proposer_fee_recipient"];
  const integers = ["source_type", "received_at_ms", "timestamp_ms", "slot_t_ms", "block_number"];
  return {
    relay: relayBy(hosts, columns.text("relay")),
    slot,
    block_timestamp: slotStart(scope, slot),
    ...Object.fromEntries([...texts, ...proposer].map((name) => [name, columns.text(name)])),
    ...Object.fromEntries(integers.map((name) => [name, columns.integer(name)])),
    value: weiOfText(columns.plain("value")),
    // Only the Data API says it.
    optimistic_submission: `CASE WHEN ${columns.integer("source_type")} = 1 THEN ${columns.bool("optimistic_submission")} END`,
  };
}
