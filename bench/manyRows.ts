import { DuckDBInstance } from "@duckdb/node-api";
import { systemClock } from "../runtime/chain/clock.ts";
import { simulatedNetwork } from "../runtime/chain/networks.ts";
import { openFolderLake } from "../runtime/lake/folder/folder.ts";
import { silentLog } from "../runtime/log.ts";
import { openDuckDb } from "../runtime/warehouse/duckdb/duckdb.ts";

export const manyRowsNetwork = simulatedNetwork(1);

/** How many rows a warehouse gets, from slot 0 on. */
export interface ManyRows {
  readonly relays: number;
  /** Slots whose payloads are loaded: every relay's are covered. */
  readonly slots: number;
  /** One slot of so many has rows. */
  readonly every: number;
  /** The newest slots whose bids are loaded too. */
  readonly bidSlots: number;
  /** Bids that each relay has of such a slot. */
  readonly bidsASlot: number;
}

/** Rows that one statement inserts, so that its memory is bounded. */
const ROWS_AT_ONCE = 170_000;

const hex = (salt: string, digits: number) =>
  `'0x' || substr(${[0, 1, 2].map((part) => `md5(${salt} || '${part}')`).join(" || ")}, 1, ${digits})`;

/** Makes a warehouse of rows that DuckDB itself writes: bids of 40 builders, payloads and more, ledgers and chain. */
export async function fillManyRows(path: string, many: ManyRows): Promise<void> {
  const { relays, slots, every, bidSlots, bidsASlot } = many;
  const warehouse = openDuckDb(path, manyRowsNetwork, { clock: systemClock, log: silentLog });
  await warehouse.load(openFolderLake(`${path}.lake`, manyRowsNetwork.name), []);
  await warehouse.close();
  const instance = await DuckDBInstance.create(path, { threads: "2", memory_limit: "300MB" });
  const connection = await instance.connect();
  const { genesis } = manyRowsNetwork;
  const row = rowSql(bidsASlot);
  const ms = `(${genesis} + 12 * slot) * 1000 - 8000 + n * ${Math.floor(8800 / bidsASlot)}`;
  const firstBids = slots - bidSlots;
  const hasRows = `hash(slot, 'rows') % ${every} = 0`;
  const step = Math.ceil((ROWS_AT_ONCE * every) / relays / bidsASlot);
  for (let from = firstBids; from < slots; from += step)
    await connection.run(`INSERT INTO bids SELECT 'relay-' || relay, ${row}, make_timestamp((${ms}) * 1000),
    (${ms}) // 1000, ${ms}, n % 2 = 0, NULL, CASE WHEN n % 100 = 0 THEN 2 ELSE 1 END
    FROM range(${from}, ${Math.min(slots, from + step)}) s(slot), range(${relays}) r(relay), range(${bidsASlot}) b(n) WHERE ${hasRows}`);
  const won = Math.min(50, bidsASlot - 1);
  for (let from = 0; from < slots; from += ROWS_AT_ONCE)
    await connection.run(`INSERT INTO payloads SELECT 'relay-' || relay, * EXCLUDE relay, NULL, 1, NULL
    FROM (SELECT relay, ${row} FROM range(${from}, ${Math.min(slots, from + ROWS_AT_ONCE)}) s(slot), range(${relays}) r(relay),
    (SELECT ${won} AS n) WHERE ${hasRows} AND (hash(slot) % ${relays} = relay OR hash(slot, relay) % 10 = 0))`);
  for (const [dataset, chunk, first] of [
    ["bids", 32, firstBids],
    ["payloads", 320, 0],
  ] as const)
    await connection.run(`INSERT INTO ${dataset}_loads SELECT 'relay-' || relay, ${chunk} * i, ${chunk} * i + ${chunk - 1},
    'object' || i, i + 1, 0, repeat('1', ${chunk}), repeat('0', ${chunk}), ${chunk * bidsASlot}, 0, NULL, now()::TIMESTAMP,
    repeat('0', ${chunk}), NULL FROM range(${Math.floor(first / chunk)}, ${Math.ceil(slots / chunk)}) t(i), range(${relays}) r(relay)`);
  await connection.run(`INSERT INTO relays SELECT 'relay-' || relay, 'https://relay.example', NULL, NULL, 'flashbots', 'active',
    NULL, NULL, NULL, NULL, NULL, NULL FROM range(${relays}) r(relay)`);
  await connection.run(
    `INSERT INTO canonical_blocks SELECT slot, min(block_hash) FROM payloads WHERE hash(slot) % 50 > 0 GROUP BY slot`,
  );
  const numbers = await connection.runAndReadAll(`SELECT (SELECT count(*) FROM bids),
    (SELECT count(*) FROM range(${firstBids}, ${slots}) s(slot) WHERE ${hasRows}) * ${relays * bidsASlot}`);
  const [[bids, wanted] = []] = numbers.getRowsJson().map((counts) => counts.map(Number));
  if (bids !== wanted) throw new Error(`${bids} bids, not ${wanted}`);
  connection.closeSync();
  instance.closeSync();
}

/** The columns that bids and payloads share: bid n of a slot comes at a moment of its own, worth the more the later it comes; slots differ. */
function rowSql(bidsASlot: number): string {
  const started = `make_timestamp((${manyRowsNetwork.genesis} + 12 * slot) * 1000000)`;
  return `slot, ${started} AS block_timestamp, ${hex("'parent' || slot", 64)} AS parent_hash,
    ${hex("'block' || (slot * 100000 + CASE WHEN n < 60 THEN n ELSE n * 100 + relay END)", 64)} AS block_hash,
    ${hex("'builder' || (hash(slot, n) % 40)", 96)} AS builder_pubkey, ${hex("'proposer' || slot", 96)} AS proposer_pubkey,
    ${hex("'fees' || slot", 40)} AS proposer_fee_recipient, 36000000 AS gas_limit, 10000000 + hash(slot, n) % 20000000 AS gas_used,
    (20000000000000000 * (0.2 + hash(slot, 'worth') % 1000 / 250.0) * (0.25 + 0.75 * n / ${bidsASlot}) + hash(slot, n, relay) % 1000000000000000)::HUGEINT::DECIMAL(38,0) AS value,
    n % 300 AS num_tx, slot AS block_number`;
}
