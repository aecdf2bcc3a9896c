import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import { systemClock } from "../runtime/chain/clock.ts";
import { simulatedNetwork } from "../runtime/chain/networks.ts";
import { openFolderLake } from "../runtime/lake/folder/folder.ts";
import { silentLog } from "../runtime/log.ts";
import { openDuckDb } from "../runtime/warehouse/duckdb/duckdb.ts";

const network = simulatedNetwork(1);
const RELAYS = 10;
const BIDS_A_SLOT = 139;
/** A day. */
const SLOTS = 7_200;
const BIDS = RELAYS * BIDS_A_SLOT * SLOTS;

/**
 * The time (s) of a report with its checks over a day of 10 million bids, then of view slots of that day, in a process of its own, and
 * that process's peak memory (MB).
 * The medians of some rounds.
 */
export async function benchReport(rounds = 3): Promise<Record<string, number>> {
  const folder = await mkdtemp(join(tmpdir(), "bench-report-"));
  try {
    const path = join(folder, "warehouse.duckdb");
    await fill(path);
    const told: { s: number; checks_s: number; slots_s: number; mb: number }[] = [];
    for (let round = 0; round < rounds; round++) {
      const child = fork(join(import.meta.dirname, "reportChild.ts"), [path, String(SLOTS)], {
        execArgv: ["--import=tsx"],
      });
      const [message]: unknown[] = await once(child, "message");
      told.push(message as (typeof told)[number]);
    }
    const median = (figure: (one: (typeof told)[number]) => number) =>
      told.map(figure).toSorted((a, b) => a - b)[Math.floor(rounds / 2)] ?? Number.NaN;
    return {
      report_10m_s: median(({ s }) => s),
      report_10m_checks_s: median(({ checks_s }) => checks_s),
      slots_day_10m_s: median(({ slots_s }) => slots_s),
      report_10m_peak_rss_mb: median(({ mb }) => mb),
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** A warehouse with that many bids of 10 relays and 40 builders, a payload a slot and more, ledger and chain. */
async function fill(path: string): Promise<void> {
  const warehouse = openDuckDb(path, network, { clock: systemClock, log: silentLog });
  await warehouse.load(openFolderLake(`${path}.lake`, network.name), []);
  await warehouse.close();
  const instance = await DuckDBInstance.create(path, { threads: "2", memory_limit: "300MB" });
  const connection = await instance.connect();
  const hex = (salt: string, digits: number) =>
    `'0x' || substr(${[0, 1, 2].map((part) => `md5(${salt} || '${part}')`).join(" || ")}, 1, ${digits})`;
  const started = `make_timestamp((${network.genesis} + 12 * slot) * 1000000)`;
  // Bid n of a slot comes at a moment of its own, worth the more the later it comes.
  const row = `slot, ${started} AS block_timestamp, ${hex("'parent' || slot", 64)} AS parent_hash,
    ${hex("'block' || (slot * 100000 + CASE WHEN n < 60 THEN n ELSE n * 100 + relay END)", 64)} AS block_hash,
    ${hex("'builder' || (hash(slot, n) % 40)", 96)} AS builder_pubkey, ${hex("'proposer' || slot", 96)} AS proposer_pubkey,
    ${hex("'fees' || slot", 40)} AS proposer_fee_recipient, 36000000 AS gas_limit, 10000000 + hash(slot, n) % 20000000 AS gas_used,
    (20000000000000000 * (0.25 + 0.75 * n / ${BIDS_A_SLOT}) + hash(slot, n, relay) % 1000000000000000)::HUGEINT::DECIMAL(38,0) AS value,
    n % 300 AS num_tx, slot AS block_number`;
  const ms = `(${network.genesis} + 12 * slot) * 1000 - 8000 + n * 63`;
  for (let from = 0; from < SLOTS; from += 120)
    await connection.run(`INSERT INTO bids SELECT 'relay-' || relay, ${row}, make_timestamp((${ms}) * 1000),
    (${ms}) // 1000, ${ms}, n % 2 = 0, NULL, CASE WHEN n % 100 = 0 THEN 2 ELSE 1 END
    FROM range(${from}, ${from + 120}) s(slot), range(${RELAYS}) r(relay), range(${BIDS_A_SLOT}) b(n)`);
  await connection.run(`INSERT INTO payloads SELECT 'relay-' || relay, * EXCLUDE relay, NULL, 1, NULL
    FROM (SELECT relay, ${row} FROM range(${SLOTS}) s(slot), range(${RELAYS}) r(relay), (SELECT 50 AS n)
    WHERE hash(slot) % ${RELAYS} = relay OR hash(slot, relay) % 10 = 0)`);
  for (const [dataset, chunk] of [
    ["bids", 32],
    ["payloads", 320],
  ] as const)
    await connection.run(`INSERT INTO ${dataset}_loads SELECT 'relay-' || relay, ${chunk} * i, ${chunk} * i + ${chunk - 1},
    'object' || i, i + 1, 0, repeat('1', ${chunk}), repeat('0', ${chunk}), ${chunk * BIDS_A_SLOT}, 0, NULL, now()::TIMESTAMP,
    repeat('0', ${chunk}) FROM range(${Math.ceil(SLOTS / chunk)}) t(i), range(${RELAYS}) r(relay)`);
  await connection.run(`INSERT INTO relays SELECT 'relay-' || relay, 'https://relay.example', NULL, NULL, 'flashbots', 'active',
    NULL, NULL, NULL, NULL, NULL, NULL FROM range(${RELAYS}) r(relay)`);
  await connection.run(
    `INSERT INTO canonical_blocks SELECT slot, min(block_hash) FROM payloads WHERE hash(slot) % 50 > 0 GROUP BY slot`,
  );
  const [[count] = []] = (await connection.runAndReadAll("SELECT count(*) FROM bids")).getRowsJson();
  if (Number(count) !== BIDS) throw new Error(`${JSON.stringify(count)} bids, not ${BIDS}`);
  connection.closeSync();
  instance.closeSync();
}
