import { once } from "node:events";
import { mkdtempSync, readdirSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import { bidArchive } from "../../runtime/imports/bidArchive.ts";
import { csvOf, zipOf } from "../../runtime/imports/imports.testing.ts";
import { endedCommand } from "./command.ts";

const NOW = "1788000000";
const header = bidArchive.headers?.seen_bids ?? [];
const SLOT = 7_567_001;

function seen(value: string): Record<string, string> {
  return {
    source_type: "0",
    received_at_ms: "1697628036000",
    slot: String(SLOT),
    slot_t_ms: "1000",
    value,
    block_hash: `0x${"b".repeat(64)}`,
    parent_hash: `0x${"a".repeat(64)}`,
    relay: "boost-relay.flashbots.net",
  };
}

test("import works out the files of a range, tells what they take, and fetches what isn't in yet", async (t) => {
  const day = { etag: '"1"', body: zipOf("d.csv", csvOf(header, [seen("5")])) };
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    if (request.url !== "/mainnet/2023-10/2023-10-18_all.csv.zip") return response.writeHead(404).end();
    if (request.headers["if-none-match"] === day.etag) return response.writeHead(304).end();
    return response.writeHead(200, { etag: day.etag, "content-length": day.body.length }).end(day.body);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  const folder = mkdtempSync(join(tmpdir(), "etl-import-"));
  const archive = ["--archive", `http://127.0.0.1:${(server.address() as AddressInfo).port}`];
  const range = ["--network", "mainnet", "--from", "2023-10-18", "--to", "2023-10-19"];
  const command = async (...more: string[]) =>
    endedCommand(folder, ["import", "bid-archive", ...archive, ...range, ...more], NOW);
  const forecast = await command("--dry-run");
  t.regex(forecast.out, /^2 files, of 2 asked 1 missing at the source; to download: about 0\.00 GB, /);
  t.true(asked.every((line) => line.startsWith("HEAD ")));
  t.deepEqual(readdirSync(folder), []);

  const first = await command();
  t.is(first.code, 0, first.said);
  t.regex(first.out, /2023-10-19_all\.csv\.zip: missing at the source \(404\)/);
  t.regex(first.out, /2023-10-18_all\.csv\.zip: 1 rows of seen_bids, slots 7567001–7567001\n/);
  t.deepEqual(
    readdirSync(join(folder, "data/cache"), { recursive: true, withFileTypes: true }).filter((one) =>
      one.isFile(),
    ),
    [],
  );

  t.regex((await command()).out, /2023-10-18_all\.csv\.zip: is in as it is/);
  day.etag = '"2"';
  day.body = zipOf("d.csv", csvOf(header, [seen("6"), seen("7")]));
  const changed = JSON.parse((await command("--json")).out) as { state: string; rows?: number }[];
  t.deepEqual(
    changed.map(({ state, rows }) => [state, rows]),
    [
      ["absent", undefined],
      ["replaced", 2],
    ],
  );
});

test("what import can't do is said in one line", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "etl-import-"));
  for (const [args, says] of [
    [["xatu", "--network", "mainnet"], /say what to import/],
    [["xatu", "gone.parquet", "--network", "mainnet"], /there is no file gone\.parquet/],
    [["flashbots-dump", "a.csv", "--network", "hoodi"], /has mainnet alone/],
    [["mevboost-data", "--network", "mainnet", "--last", "1d"], /has no calendar/],
    [["eden"], /--sql prints/],
    [["xatu", "a.parquet", "--network", "mainnet", "--lake", "gs://b"], /--lake DIR/],
    [["xatu", "a.parquet", "--network", "mainnet", "--warehouse", "bigquery://p/d"], /--warehouse FILE/],
  ] as const) {
    const { code, said } = await endedCommand(folder, ["import", ...args], NOW);
    t.is(code, 2, said);
    t.regex(said, says);
    t.is(said.trim().split("\n").length, 1, said);
  }
  t.deepEqual(readdirSync(folder), []);
});

test("Eden's recipe is statements for BigQuery", async (t) => {
  const { code, out } = await endedCommand(
    mkdtempSync(join(tmpdir(), "etl-import-")),
    ["import", "eden", "--sql"],
    NOW,
  );
  t.is(code, 0);
  t.regex(out, /INSERT INTO `PROJECT\.DATASET\.imported_payloads`/);
  t.regex(out, /FROM `eden-data-public\.mev_boost\.bids`/);
});
