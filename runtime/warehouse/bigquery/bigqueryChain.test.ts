import test from "ava";
import fc from "fast-check";
import type { ChainBlock } from "../../chain/chainSource.ts";
import { missedBlock } from "../../chain/chainSource.ts";
import { VirtualClock } from "../../chain/virtualClock.ts";
import { simulatedNetwork } from "../../chain/networks.ts";
import { slotStartMs } from "../../chain/slots.ts";
import { UserError } from "../../errors.ts";
import type { ChainedBlock } from "../../simulator/chain.ts";
import { SimulatedData } from "../../simulator/truth.ts";
import { bigqueryChain, tellsOfBlocks } from "./bigqueryChain.ts";

const seed = 3;
const network = simulatedNetwork(seed);
const [FIRST, LAST] = [6000, 6400];
const FINAL = LAST - 64;
const nowMs = slotStartMs(network, LAST + 30);
const { chain } = new SimulatedData({ seed, clock: new VirtualClock(nowMs, { idleMs: 0 }) });
const TABLE = { table: "a-project.a.blocks", timestamp_column: "timestamp", hash_column: "hash" };

type TableRow = Readonly<Record<string, string | null>>;

/** A block as the API gives its row: integers as text. */
const tableRow = (block: ChainedBlock): TableRow => ({
  seconds: String(slotStartMs(network, block.slot) / 1000),
  number: String(block.number),
  hash: block.hash.toUpperCase().replace("X", "x"),
  parent_hash: block.parentHash,
  miner: block.coinbase,
  extra_data: block.extraData,
  gas_used: String(block.gasUsed),
  gas_limit: String(block.gasLimit),
  transaction_count: String(block.transactions),
  base_fee_per_gas: String(block.baseFee),
});

function rowOfTruth(block: ChainedBlock, status: ChainBlock["status"]): Partial<ChainBlock> {
  return {
    slot: String(block.slot),
    status,
    block_hash: block.hash,
    parent_hash: block.parentHash,
    block_number: String(block.number),
    fee_recipient: block.coinbase,
    gas_used: String(block.gasUsed),
    gas_limit: String(block.gasLimit),
    base_fee_per_gas: String(block.baseFee),
    extra_data: block.extraData,
    transactions: String(block.transactions),
    timestamp: new Date(slotStartMs(network, block.slot)).toISOString(),
    block_root: null,
    proposer_index: null,
    blobs: null,
  };
}

const slots = Array.from({ length: LAST - FIRST + 1 }, (_, index) => FIRST + index);
const canonical = slots.flatMap((slot) => chain.at(slot) ?? []);
const orphans = slots.flatMap((slot) => chain.orphanAt(slot) ?? []);

/** A source over such rows, in any order, whatever the statement asks for. */
function sourceOf(blocks: readonly ChainedBlock[], changed: (row: TableRow) => TableRow = (row) => row) {
  const newest = blocks.reduce((most, { slot }) => Math.max(most, slot), 0);
  const query = async (sql: string) =>
    sql.includes("MAX(")
      ? [{ settled: newest === 0 ? null : String(newest - 64) }]
      : blocks.map((block) => changed(tableRow(block)));
  return bigqueryChain({ query }, network, TABLE, nowMs);
}

/** What rows say, where it isn't the truth; of an orphan's row what the table shows of it. */
function untrue(rows: readonly ChainBlock[], table: ReadonlySet<ChainedBlock>): string[] {
  return rows.flatMap((row) => {
    const slot = Number(row.slot);
    const [block, orphan] = [chain.at(slot), chain.orphanAt(slot)];
    const seen = orphan && [...table].some(({ hash }) => hash === orphan.hash) ? orphan : undefined;
    const truth = block
      ? rowOfTruth(block, "canonical")
      : seen
        ? rowOfTruth(seen, "orphaned")
        : missedBlock(slot);
    const differing = Object.entries(truth).filter(
      ([name, value]) => row[name as keyof ChainBlock] !== value,
    );
    return differing.map(
      ([name, value]) => `${slot} ${name}: ${row[name as keyof ChainBlock]}, not ${value}`,
    );
  });
}

test("a whole table tells of every slot up to two epochs behind its newest block", async (t) => {
  t.true(orphans.length > 0 && canonical.length < slots.length);
  const range = { first: FIRST + 64, last: LAST };
  const rows = await sourceOf([...canonical, ...orphans, ...canonical.slice(5, 9)]).blocks(range);
  t.deepEqual(untrue(rows, new Set(orphans)), []);
  const newest = Math.max(...[...canonical, ...orphans].map(({ slot }) => slot)) - 64;
  t.is(rows.length, newest - range.first + 1);
});

test("of a table that lost blocks, shows orphans and repeats rows nothing is said but what its blocks prove, and all of that", async (t) => {
  const newest = canonical.at(-1);
  if (!newest) return t.fail();
  const lost = fc.array(fc.tuple(fc.integer({ min: FIRST, max: LAST }), fc.integer({ min: 0, max: 40 })), {
    maxLength: 6,
  });
  await fc.assert(
    fc.asyncProperty(
      lost,
      fc.subarray(orphans),
      fc.subarray(canonical, { maxLength: 9 }),
      async (gaps, beside, twice) => {
        const isLost = (slot: number) => gaps.some(([from, count]) => slot >= from && slot < from + count);
        const held = new Set(canonical.filter((block) => block === newest || !isLost(block.slot)));
        const table = new Set([...twice.filter((block) => held.has(block)), ...beside, ...held]);
        const rows = await sourceOf([...table]).blocks({ first: FIRST, last: FINAL });
        t.deepEqual(untrue(rows, table), []);
        const told = new Set(rows.map(({ slot }) => Number(slot)));
        t.is(told.size, rows.length);
        for (const [place, block] of canonical.entries()) {
          const next = canonical[place + 1];
          if (!next) continue;
          const isProven = held.has(block) && held.has(next);
          for (let slot = block.slot; slot < next.slot && slot <= FINAL && slot <= newest.slot - 64; slot++) {
            // An orphan proves its parent and what was missed before itself.
            const byOrphan =
              beside.some((one) => one.parentHash === block.hash && one.slot > slot) && held.has(block);
            t.is(told.has(slot), isProven || byOrphan, `slot ${slot}`);
          }
        }
      },
    ),
    { numRuns: 60 },
  );
});

test("numbers that don't follow each other prove nothing, and another network's table is refused", async (t) => {
  const odd = canonical[100];
  if (!odd) return t.fail();
  const misnumbered = sourceOf(canonical, (row) =>
    row["number"] === String(odd.number) ? { ...row, number: String(odd.number + 7) } : row,
  );
  const told = new Set(
    (await misnumbered.blocks({ first: FIRST, last: FINAL })).map(({ slot }) => Number(slot)),
  );
  t.false(told.has(odd.slot));
  t.true(told.has(canonical[98]?.slot ?? 0) && told.has(canonical[102]?.slot ?? 0));
  const foreign = sourceOf(canonical, (row) => ({ ...row, seconds: String(Number(row["seconds"]) + 5) }));
  await t.throwsAsync(foreign.blocks({ first: FIRST, last: FINAL }), {
    instanceOf: UserError,
    message: /no slot/,
  });
  await t.throwsAsync(sourceOf([]).final(), { instanceOf: UserError, message: /no block since slot/ });
});

test("a table whose columns have other names tells of hashes alone", (t) => {
  t.true(tellsOfBlocks(TABLE));
  t.false(tellsOfBlocks({ ...TABLE, timestamp_column: "block_timestamp", hash_column: "block_hash" }));
});
