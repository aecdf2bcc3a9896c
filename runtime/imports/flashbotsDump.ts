import { UserError } from "../errors.ts";
import { commonCauses, FileColumns, bidTimeSql, slotStart, weiOfText } from "./rowSql.ts";
import { baseName, type RemoteFile, type ArchiveSource } from "./source.ts";

const payloads = [
  "slot",
  "parent_hash",
  "block_hash",
  "builder_pubkey",
  "proposer_pubkey",
  "proposer_fee_recipient",
  "gas_limit",
  "gas_used",
  "value",
  "num_tx",
  "block_number",
];
const bids = [...payloads, "timestamp", "timestamp_ms", "optimistic_submission"];

/** Early files say that they don't know it this way. */
const NO_KEY = `0x${"0".repeat(96)}`;

/**
 * The Flashbots relay's own dumps. Bids: only those whose simulation succeeded, and optimistic_submission is false of every one,
 * since the dump leaves the column out.
 */
export const flashbotsDump: ArchiveSource = {
  name: "flashbots-dump",
  licence: null,
  archive: "https://flashbots-boost-relay-public.s3.us-east-2.amazonaws.com",
  forms: ["csv", "json"],
  datasets: ["bids", "payloads"],
  networks: ["mainnet"],
  headers: { bids, payloads },
  nameOf: baseName,
  plan(types, scope) {
    const columns = new FileColumns(types);
    columns.demand(payloads, "flashbots-dump");
    const dataset = columns.has("timestamp_ms") ? "bids" : "payloads";
    const seconds = dataset === "bids" ? columns.integer("timestamp") : "NULL";
    const ms = dataset === "bids" ? columns.integer("timestamp_ms") : "NULL";
    const slot = columns.integer("slot");
    const given = {
      relay: "'flashbots'",
      slot,
      block_timestamp: slotStart(scope, slot),
      parent_hash: columns.text("parent_hash"),
      block_hash: columns.text("block_hash"),
      builder_pubkey: columns.text("builder_pubkey"),
      proposer_pubkey: `nullif(${columns.text("proposer_pubkey")}, '${NO_KEY}')`,
      proposer_fee_recipient: columns.text("proposer_fee_recipient"),
      gas_limit: columns.integer("gas_limit"),
      gas_used: columns.integer("gas_used"),
      value: weiOfText(columns.plain("value")),
      num_tx: columns.integer("num_tx"),
      block_number: columns.integer("block_number"),
      ...(dataset === "bids"
        ? { timestamp: bidTimeSql(ms, seconds), timestamp_s: seconds, timestamp_ms: ms }
        : {}),
    };
    const needed = ["parent_hash", "builder_pubkey", "proposer_fee_recipient", "value"];
    return {
      dataset,
      given,
      refuse: [...commonCauses(scope, given), ...needed.map((name) => [name, `${name} IS NULL`] as const)],
      relayName: "'flashbots'",
    };
  },
  async filesOf({ archive, range, datasets, network, page }) {
    const found: RemoteFile[] = [];
    for (const dataset of datasets) {
      const prefix =
        dataset === "bids" ? "data/2_builder-submissions/" : "data/1_payloads-delivered/monthly/";
      for (const { key, bytes } of await listBucket(archive, prefix, page)) {
        const sourceFile = baseName(key);
        // The same rows come as CSV and as JSON.
        if (!/\.csv(\.gz)?$/.test(sourceFile)) continue;
        const span = spanOf(sourceFile, network.genesis);
        if (span && span.first <= range.last && span.last >= range.first)
          found.push({ url: `${archive}/${key}`, sourceFile, dataset, bytes });
      }
    }
    return found;
  },
};

/** The slots that a file's name tells of. A month is cut by when rows were inserted: a little before and behind lies in its neighbours. */
function spanOf(name: string, genesis: number): { first: number; last: number } | undefined {
  const [, from, to] = /_slot-(\d+)-to-(\d+)\./.exec(name) ?? [];
  if (from !== undefined && to !== undefined) return { first: Number(from), last: Number(to) };
  const [, year, month] = /^(\d{4})-(\d\d)\./.exec(name) ?? [];
  if (year === undefined || month === undefined) return undefined;
  const slotOf = (unixMs: number) => Math.floor((unixMs / 1000 - genesis) / 12);
  const [start, end] = [Date.UTC(Number(year), Number(month) - 1), Date.UTC(Number(year), Number(month))];
  return { first: slotOf(start) - 300, last: slotOf(end) + 300 };
}

/** A bucket's objects under a prefix, by S3's XML listing, page by page. */
export async function listBucket(
  bucket: string,
  prefix: string,
  page: (url: string) => Promise<string | undefined>,
): Promise<{ key: string; bytes: number }[]> {
  const found: { key: string; bytes: number }[] = [];
  for (let marker = ""; ;) {
    const query = new URLSearchParams({ prefix, ...(marker === "" ? {} : { marker }) });
    const text = (await page(`${bucket}/?${query.toString()}`)) ?? "";
    if (!text.includes("<ListBucketResult"))
      throw new UserError(`${bucket} gives no listing of ${prefix}: give files or their URLs`);
    const here = [...text.matchAll(/<Contents>(.*?)<\/Contents>/gs)].map(([, one = ""]) => ({
      key: plainText(/<Key>(.*?)<\/Key>/s.exec(one)?.[1] ?? ""),
      bytes: Number(/<Size>(\d+)<\/Size>/.exec(one)?.[1] ?? 0),
    }));
    found.push(...here.filter(({ key }) => !key.endsWith("/")));
    const last = here.at(-1)?.key ?? "";
    if (!text.includes("<IsTruncated>true</IsTruncated>") || last <= marker) return found;
    marker = last;
  }
}

function plainText(xml: string): string {
  return xml
    .replaceAll("&quot;", '"')
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&amp;", "&");
}
