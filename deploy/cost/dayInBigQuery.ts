import { datasets } from "../../runtime/datasets/dataset.ts";
import { prices } from "../../runtime/prices.ts";
import { configOf } from "./costReport.ts";
import { rowBytes } from "./cost.ts";
import volumes from "./volumes.json" with { type: "json" };

const GIB = 2 ** 30;
const SECONDS_PER_DAY = 86_400;

/** What BigQuery bills for one day of mainnet's bids in the committed production stack, with its arithmetic, as text. */
export function dayInBigQuery(): string {
  const { bidsPerDay } = volumes.networks.mainnet;
  const { tableReadsPerLoad, leastBytesPerTableRead } = volumes.work;
  const { bidsInterval, payloadsInterval } = configOf("production");
  const ticks = SECONDS_PER_DAY / bidsInterval + SECONDS_PER_DAY / payloadsInterval;
  const row = rowBytes(datasets.bids);
  const lines = [
    `rows:    ${bidsPerDay.toLocaleString("en")} bids × ${row} B = ${priced(bidsPerDay * row)}`,
    `ledgers: ${ticks} ticks × ${tableReadsPerLoad} tables × ${leastBytesPerTableRead / 2 ** 20} MiB = ${priced(ticks * tableReadsPerLoad * leastBytesPerTableRead)}`,
  ];
  return `${lines.join("\n")}\n`;
}

function priced(bytes: number): string {
  const usd = (bytes / 2 ** 40) * prices.queries.usd;
  return `${(bytes / GIB).toFixed(1)} GiB, at $${prices.queries.usd} a TiB: $${usd.toFixed(2)}`;
}
