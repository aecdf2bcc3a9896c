import test from "ava";
import { slotAt, slotStartMs } from "../../runtime/chain/slots.ts";
import { FINAL_LAG_SLOTS, type Network } from "../../runtime/chain/networks.ts";
import type { ChainedBlock } from "../../runtime/simulator/chain.ts";
import type { Truth } from "../../runtime/simulator/truth.ts";
import { startCloud } from "./cloud.ts";
import { world } from "./world.ts";

const cloud = await startCloud();
test.after.always(() => cloud.close());

const HEAD = 700;
/** The newest slot that the table knows a block of, at most. */
const NEWEST = 590;
/** Slots whose blocks the table lost. */
const LOST = { first: 300, last: 330 };
const HOUR = 3_600_000;

const isLost = ({ slot }: ChainedBlock) => slot >= LOST.first && slot <= LOST.last;

/** A block as a row of the table. */
function structOf(network: Network, block: ChainedBlock): string {
  const { number, hash, parentHash, coinbase, extraData, gasUsed, gasLimit, transactions, baseFee } = block;
  const seconds = slotStartMs(network, block.slot) / 1000;
  return `STRUCT(TIMESTAMP_SECONDS(${seconds}) AS timestamp, ${number} AS number, '${hash}' AS \`hash\`, '${parentHash}' AS parent_hash, '${coinbase}' AS miner, '${extraData}' AS extra_data, ${gasUsed} AS gas_used, ${gasLimit} AS gas_limit, ${transactions} AS transaction_count, ${baseFee} AS base_fee_per_gas)`;
}

/** The blocks of the chain up to a slot, and those beside it. */
function blocksOf({ chain }: Truth, newest: number) {
  const slots = Array.from({ length: newest }, (_, index) => index + 1);
  const canonical = slots.flatMap((slot) => chain.at(slot) ?? []);
  return { canonical, orphans: slots.flatMap((slot) => chain.orphanAt(slot) ?? []) };
}

/** What the table proves: slots between a block and the next one that is there, too, as `slot status hash`. */
function provenBy(
  { canonical, orphans }: ReturnType<typeof blocksOf>,
  held: (block: ChainedBlock) => boolean,
) {
  const final = Math.max(...[...canonical, ...orphans].map(({ slot }) => slot)) - 64;
  const lines: string[] = [];
  for (const [place, block] of canonical.entries()) {
    const next = canonical[place + 1];
    if (!next || !held(block)) continue;
    for (let slot = block.slot; slot < next.slot && slot <= final; slot++) {
      const orphan = orphans.find((one) => one.slot === slot);
      const isBefore = orphans.some((one) => one.slot > slot && one.parentHash === block.hash);
      if (!held(next) && !isBefore) continue;
      if (slot === block.slot) lines.push(`${slot} canonical ${block.hash}`);
      else lines.push(orphan ? `${slot} orphaned ${orphan.hash}` : `${slot} missed null`);
    }
  }
  return { final, lines };
}

test("a tick of the payloads service brings what a table of blocks proves, hourly, names builders, and asks again only for what the table lacked", async (t) => {
  t.timeout(600_000);
  const project = await cloud.project(t);
  const { network, clock, simulator, warehouse, start } = await world(t, project, {
    headSlot: HEAD,
    only: 2,
  });
  const [, , cloudProject, dataset] = project.warehouseUrl.split("/");
  const table = `${cloudProject}.${dataset}.blocks_of_others`;
  const blocks = blocksOf(simulator.truth, NEWEST);
  const structs = [...blocks.canonical.filter((block) => !isLost(block)), ...blocks.orphans].map((block) =>
    structOf(network, block),
  );
  await warehouse.query(`CREATE TABLE \`${table}\` AS SELECT * FROM UNNEST([${structs.join(", ")}])`);
  const canonical = { table, timestamp_column: "timestamp", hash_column: "hash" };
  const service = await start("payloads", { settings: { canonical } });
  const rows = async () => {
    const told = await warehouse.query(
      `SELECT CONCAT(CAST(slot AS STRING), ' ', status, ' ', COALESCE(block_hash, 'null')) AS line
FROM chain_blocks WHERE block_timestamp >= '2000-01-01' AND relay = 'bigquery' ORDER BY slot`,
    );
    return told.map(({ line }) => line);
  };
  const questions = () => project.bigQuery.requests.filter(({ json }) => json.includes("AS seconds")).length;
  const tick = async () => {
    const { status, body } = await service.tick();
    t.is(status, 200, JSON.stringify(body));
    const lines = service
      .lines()
      .filter(({ message, dataset: of }) => message === "tick.relay" && of === "chain_blocks");
    return { line: lines.find(({ relay }) => relay === "bigquery"), count: lines.length };
  };

  const partly = provenBy(blocks, (block) => !isLost(block));
  t.true(blocks.orphans.length > 0 && partly.lines.some((line) => line.includes("missed")));
  const lag = () => slotAt(network, clock.now()) - FINAL_LAG_SLOTS - partly.final;
  const atLeast = lag();
  const first = await tick();
  t.deepEqual(await rows(), partly.lines);
  const [covered, missing] = [partly.lines.length, partly.final - partly.lines.length];
  t.like(first.line, { covered, missing, rows: covered });
  const said = Number(first.line?.["lag_slots"]);
  t.true(said >= atLeast && said <= lag(), `${said} slots behind`);
  t.true((await warehouse.query("SELECT * FROM builders")).length > 0);
  t.is(questions(), 1);

  clock.advance(5 * 60_000);
  t.is((await tick()).count, 1, "an hour's first tick alone asks");
  t.is(questions(), 1);

  // What was lost comes back.
  const mended = blocks.canonical.filter(isLost).map((block) => structOf(network, block));
  await warehouse.query(`INSERT INTO \`${table}\` SELECT * FROM UNNEST([${mended.join(", ")}])`);
  clock.advance(HOUR);
  await tick();
  const whole = provenBy(blocks, () => true);
  t.deepEqual(await rows(), whole.lines);
  t.is(whole.lines.length, whole.final - (blocks.canonical[0]?.slot ?? 0) + 1);
  t.is(questions(), 2);
});
