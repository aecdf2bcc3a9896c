import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { type ChainBlock, type ChainSource, missedBlock } from "../chain/chainSource.ts";
import { fixedDateClock } from "../chain/clock.ts";
import { simulatedNetwork } from "../chain/networks.ts";
import { slotStartMs, type SlotRange } from "../chain/slots.ts";
import { runChecks } from "../checks/checks.ts";
import { UserError } from "../errors.ts";
import { openFolderLake } from "../lake/folder/folder.ts";
import { silentLog } from "../log.ts";
import { chainRelay } from "../relays/chainRelay.ts";
import { openDuckDb } from "../warehouse/duckdb/duckdb.ts";
import { newFolder } from "../warehouse/warehouse.testing.ts";
import { collectChain } from "./chain.ts";
import { coverageOf } from "./coverage.ts";
import { duckdbDialect } from "../warehouse/sql/duckdbDialect.ts";

const network = simulatedNetwork(1);
const [FIRST, LAST] = [700, 1300];
const clock = fixedDateClock(slotStartMs(network, 5000));
const range = { first: FIRST, last: LAST };
const hash = (place: number) => `0x${place.toString(16).padStart(64, "0")}`;

/** Every tenth slot was missed. */
function blockOf(slot: number): ChainBlock {
  if (slot % 10 === 0) return missedBlock(slot);
  return {
    ...missedBlock(slot),
    status: "canonical",
    block_hash: hash(slot),
    parent_hash: hash(slot - (slot % 10 === 1 ? 2 : 1)),
    block_number: String(slot),
    gas_used: "30000000",
    base_fee_per_gas: "7",
    extra_data: "0x2240",
    extra_data_text: '"@\u2028é',
    transactions: "3",
    blobs: "0",
    timestamp: new Date(slotStartMs(network, slot)).toISOString(),
  };
}

interface Fake extends ChainSource {
  readonly asked: SlotRange[];
}

/** A source that says what `told` makes of the truth; nothing where that is undefined. */
function sourceOf(name: ChainSource["name"], told: (block: ChainBlock) => ChainBlock | undefined): Fake {
  const asked: SlotRange[] = [];
  return {
    name,
    asked,
    final: () => Promise.resolve(LAST),
    blocks({ first, last }) {
      asked.push({ first, last });
      const slots = Array.from({ length: last - first + 1 }, (_, index) => first + index);
      return Promise.resolve(slots.flatMap((slot) => told(blockOf(slot)) ?? []));
    },
    close() {},
  };
}

async function place(t: ExecutionContext) {
  const folder = await newFolder(t);
  const lake = openFolderLake(join(folder, "lake"), network.name);
  const warehouse = openDuckDb(join(folder, "one.duckdb"), network, { clock, log: silentLog });
  t.teardown(() => warehouse.close());
  const collect = (source: ChainSource) =>
    collectChain({ network, lake, clock, log: silentLog, range, stop: new AbortController().signal }, source);
  const missing = async (name: string) => {
    const scope = { network, range, nowMs: clock.now() };
    const { missing_ranges } = await coverageOf(
      lake,
      scope,
      chainRelay(name, "active"),
      "chain_blocks",
      (fault) => t.fail(fault),
    );
    return missing_ranges;
  };
  return { lake, warehouse, collect, missing };
}

test("what a source proves is covered, the rest stays missing and alone is asked for again, and an error costs only what is behind it", async (t) => {
  const { collect, missing } = await place(t);
  const partly = sourceOf("execution", (block) => (["800", "801"].includes(block.slot) ? undefined : block));
  const tally = await collect(partly);
  t.deepEqual(await missing("execution"), [[800, 801]]);
  t.is(tally.chain_blocks.failed, 2);
  t.regex(tally.lastError ?? "", /execution: its blocks don't prove 2 slots of 640-959/);
  // Newest first, a chunk at a time.
  t.deepEqual(partly.asked, [
    { first: 1280, last: 1300 },
    { first: 960, last: 1279 },
    { first: 700, last: 959 },
  ]);
  const whole = sourceOf("execution", (block) => block);
  t.is((await collect(whole)).lastError, undefined);
  t.deepEqual(whole.asked, [{ first: 800, last: 801 }]);
  t.deepEqual(await missing("execution"), []);
  const again = sourceOf("execution", (block) => block);
  await collect(again);
  t.deepEqual(again.asked, []);

  const failing = sourceOf("beacon", (block) => {
    if (Number(block.slot) < 960) throw new UserError("the node can't be asked");
    return block;
  });
  t.is((await collect(failing)).lastError, "the node can't be asked");
  t.deepEqual(await missing("beacon"), [[700, 959]]);
});

test("view blocks has a slot once, of the source that knows most; sources that disagree are found, in what both of them say", async (t) => {
  const { lake, warehouse, collect } = await place(t);
  const found = async () => {
    const results = await runChecks(warehouse, duckdbDialect, {
      scope: { network, range, nowMs: clock.now() },
      relays: [],
    });
    const result = results.find(({ check }) => check.name === "chain-sources-disagree");
    return result?.findings.map(({ severity, relay, what }) => `${severity} ${relay}: ${what}`);
  };
  await collect(sourceOf("execution", (block) => block));
  const beacon = sourceOf("beacon", (block) => ({ ...block, proposer_index: "5", block_root: hash(9) }));
  await collect({
    ...beacon,
    blocks: ({ first, last }) => beacon.blocks({ first, last: Math.min(last, 1100) }),
  });
  await warehouse.load(lake, []);
  t.deepEqual(
    await warehouse.query(
      "SELECT source, count(*) AS n, min(slot) AS a, max(slot) AS b FROM blocks GROUP BY source ORDER BY a",
    ),
    [
      { source: "beacon", n: "401", a: "700", b: "1100" },
      { source: "execution", n: "200", a: "1101", b: "1300" },
    ],
  );
  const columns = Object.keys(missedBlock(1)).filter((name) => name !== "timestamp");
  const [row] = await warehouse.query(`SELECT ${columns.join(", ")} FROM chain_blocks WHERE slot = 1201`);
  const { timestamp, ...expected } = blockOf(1201);
  t.truthy(timestamp);
  t.deepEqual(
    Object.fromEntries(
      Object.entries(row ?? {}).map(([name, value]) => [
        name,
        typeof value === "bigint" || typeof value === "number" ? `${value}` : value,
      ]),
    ),
    { ...expected },
  );
  t.deepEqual(await found(), []);

  await collect(
    sourceOf("xatu", (block) => {
      if (block.slot === "777") return { ...block, gas_used: "1" };
      if (block.slot === "710") return { ...blockOf(711), slot: "710" };
      return block.slot === "811" ? missedBlock(811) : block;
    }),
  );
  await warehouse.load(lake, []);
  t.deepEqual(await found(), [
    "error beacon: another block_hash than xatu in 2 slots, e.g. 710",
    "error execution: another block_hash than xatu in 2 slots, e.g. 710",
    "error beacon: another gas_used than xatu in 1 slot, e.g. 777",
    "error execution: another gas_used than xatu in 1 slot, e.g. 777",
  ]);
});
