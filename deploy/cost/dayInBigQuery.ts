import { datasets } from "../../runtime/datasets/dataset.ts";
import { prices } from "../../runtime/prices.ts";
import { configOf } from "./costReport.ts";
import { chainQuestionBytes, columnBytes, rowBytes } from "./cost.ts";
import volumes from "./volumes.json" with { type: "json" };

const GIB = 2 ** 30;
const SECONDS_PER_DAY = 86_400;
const SLOTS_PER_DAY = SECONDS_PER_DAY / 12;

/** Columns that names of builders are worked out from. */
const NAMED_BY = {
  payloads: ["slot", "block_hash", "builder_pubkey", "block_timestamp"],
  chain_blocks: ["slot", "block_hash", "status", "extra_data_text", "block_timestamp"],
} as const;

/** What BigQuery bills for one day of mainnet's bids in the committed production stack, with its arithmetic, as text. */
export function dayInBigQuery(): string {
  const { bidsPerDay, payloadsPerDay } = volumes.networks.mainnet;
  const { tableReadsPerLoad, leastBytesPerTableRead } = volumes.work;
  const { bidsInterval, payloadsInterval } = configOf("production");
  const ticks = SECONDS_PER_DAY / bidsInterval + SECONDS_PER_DAY / payloadsInterval;
  const row = rowBytes(datasets.bids);
  const lines = [
    `rows:    ${bidsPerDay.toLocaleString("en")} bids × ${row} B = ${priced(bidsPerDay * row)}`,
    `ledgers: ${ticks} ticks × ${tableReadsPerLoad} tables × ${leastBytesPerTableRead / 2 ** 20} MiB = ${priced(ticks * tableReadsPerLoad * leastBytesPerTableRead)}`,
    `chain:   24 hours × ${(chainQuestionBytes() / 2 ** 20).toFixed(0)} MiB = ${priced(24 * chainQuestionBytes())}`,
    `names:   365 days × (${payloadsPerDay.toLocaleString("en")} payloads × ${read("payloads")} B + ${SLOTS_PER_DAY.toLocaleString("en")} blocks × ${read("chain_blocks")} B) = ${priced(365 * (payloadsPerDay * read("payloads") + SLOTS_PER_DAY * read("chain_blocks")))}`,
  ];
  return `${lines.join("\n")}\n`;
}

/** Bytes a row of a table's columns that names are worked out from. */
function read(name: keyof typeof NAMED_BY): number {
  const names: readonly string[] = NAMED_BY[name];
  return datasets[name].columns
    .filter((column) => names.includes(column.name))
    .reduce((sum, column) => sum + columnBytes(column), 0);
}

function priced(bytes: number): string {
  const usd = (bytes / 2 ** 40) * prices.queries.usd;
  return `${(bytes / GIB).toFixed(1)} GiB, at $${prices.queries.usd} a TiB: $${usd.toFixed(2)}`;
}
