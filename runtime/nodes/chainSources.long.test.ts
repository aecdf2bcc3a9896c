import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { DuckDBInstance } from "@duckdb/node-api";
import fc from "fast-check";
import { type ChainBlock, type ChainSource, missedBlock } from "../chain/chainSource.ts";
import { simulatedNetwork } from "../chain/networks.ts";
import { slotStartMs } from "../chain/slots.ts";
import { VirtualClock } from "../chain/virtualClock.ts";
import { SEED } from "../seeds.testing.ts";
import { SimulatedBeaconNode } from "../simulator/beaconNode.ts";
import type { BeaconBlock, ChainedBlock } from "../simulator/chain.ts";
import { startSimulator } from "../simulator/server.ts";
import { SimulatedData } from "../simulator/truth.ts";
import { newFolder } from "../warehouse/warehouse.testing.ts";
import type { AskNode } from "./askNode.ts";
import { beaconSource } from "./beaconNode.ts";
import { executionSource } from "./executionNode.ts";
import { openEndpoint } from "./nodeEndpoint.ts";
import { openRpc, PrunedError, type Rpc } from "./rpc.ts";
import { xatuChain } from "./xatuChain.ts";
import { writeXatu, writeXatuBeacon } from "./xatuFiles.testing.ts";

const seed = 3;
const network = simulatedNetwork(seed);
const HEAD = 6400;
const FINAL = 6336;
const clock = new VirtualClock(slotStartMs(network, HEAD), { idleMs: 0 });
const { chain } = new SimulatedData({ seed, clock });
/** Columns that each source tells of a block; the others are null. */
const UNKNOWN = {
  beacon: [],
  execution: ["block_root", "proposer_index", "proposer_pubkey"],
  xatu: ["proposer_pubkey"],
  bigquery: ["block_root", "parent_root", "proposer_index", "proposer_pubkey", "blobs"],
} as const satisfies Record<ChainSource["name"], readonly (keyof ChainBlock)[]>;

/** What the world's own block says, by the columns. */
function rowOfTruth(status: ChainBlock["status"], beacon: BeaconBlock, block: ChainedBlock): ChainBlock {
  return {
    slot: String(block.slot),
    status,
    block_root: beacon.root,
    parent_root: beacon.parentRoot,
    block_hash: block.hash,
    parent_hash: block.parentHash,
    block_number: String(block.number),
    proposer_index: String(beacon.proposerIndex),
    proposer_pubkey: chain.validatorKey(beacon.proposerIndex) ?? "",
    fee_recipient: block.coinbase,
    gas_used: String(block.gasUsed),
    gas_limit: String(block.gasLimit),
    base_fee_per_gas: String(block.baseFee),
    extra_data: block.extraData,
    extra_data_text: textOf(block.extraData),
    transactions: String(block.transactions),
    blobs: String(block.blobs),
    timestamp: new Date(slotStartMs(network, block.slot)).toISOString(),
  };
}

function textOf(extraData: string): string {
  const text = new TextDecoder().decode(Buffer.from(extraData.slice(2), "hex"));
  return Array.from(text, (c) => (c < " " || (c >= "\u007f" && c < "\u00a0") ? "\ufffd" : c)).join("");
}

/** What a source must say of a run of slots. */
function expected(name: ChainSource["name"], first: number, last: number): ChainBlock[] {
  return Array.from({ length: Math.min(last, FINAL - 1) - first + 1 }, (_, index) => {
    const slot = first + index;
    const beacon = chain.beaconAt(slot);
    if (beacon?.executed) {
      const nothing = Object.fromEntries(UNKNOWN[name].map((column) => [column, null]));
      return { ...rowOfTruth("canonical", beacon, beacon.executed), ...nothing };
    }
    const orphan = chain.beaconOrphanAt(slot);
    if (name === "beacon" && orphan?.executed) return rowOfTruth("orphaned", orphan, orphan.executed);
    return missedBlock(slot);
  });
}

/** A range of slots in which all kinds of slots are. */
const FIRST = 6000;
const LAST = 6199;

async function simulated(t: ExecutionContext) {
  const simulator = await startSimulator({ seed, clock, faults: "none" });
  t.teardown(() => simulator.close());
  return simulator;
}

/** Xatu's files of a run of slots and one block around it. */
async function files(t: ExecutionContext, url: string, first = FIRST, last = LAST): Promise<string> {
  const folder = await newFolder(t);
  const slots = Array.from({ length: last - first + 3 }, (_, index) => first - 1 + index);
  const blocks = slots.flatMap((slot) => {
    const beacon = chain.beaconAt(slot);
    return beacon?.executed ? [rowOfTruth("canonical", beacon, beacon.executed)] : [];
  });
  await writeXatuBeacon(folder, blocks);
  await writeXatu(
    openRpc(url),
    blocks.map((block) => ({ hash: block.block_hash ?? "" })),
    folder,
  );
  return folder;
}

test("a beacon node, an execution node and xatu's files say the same of every slot, and what the chain is", async (t) => {
  const { nodes } = await simulated(t);
  const folder = await files(t, nodes.execution, FIRST, FIRST + 39);
  const sources = [
    await openEndpoint(nodes.beacon, network, clock),
    await openEndpoint(nodes.execution, network, clock),
    await xatuChain(join(folder)),
  ];
  t.deepEqual(
    sources.map(({ name }) => name),
    ["beacon", "execution", "xatu"],
  );
  for (const source of sources) {
    t.deepEqual(
      await source.blocks({ first: FIRST, last: FIRST + 39 }),
      expected(source.name, FIRST, FIRST + 39),
      source.name,
    );
    source.close();
  }
  const kinds = new Set(expected("beacon", 1, LAST).map(({ status }) => status));
  t.deepEqual([...kinds].toSorted(), ["canonical", "missed", "orphaned"]);
});

test("whatever the range, a row comes for each final slot that the next block proves, and for no other", async (t) => {
  const { nodes } = await simulated(t);
  for (const url of [nodes.beacon, nodes.execution]) {
    const source = await openEndpoint(url, network, clock);
    t.is(await source.final(), FINAL - 1);
    const range = fc.tuple(fc.integer({ min: 1, max: HEAD + 20 }), fc.nat(30));
    await fc.assert(
      fc.asyncProperty(range, async ([first, more]) => {
        t.deepEqual(
          await source.blocks({ first, last: first + more }),
          expected(source.name, first, first + more),
        );
      }),
      { numRuns: 25, seed: SEED },
    );
  }
});

/** A beacon node of the chain, and what answers in its place now and then. */
function beaconWith(spoil: (path: string, answer: object | undefined) => object | undefined): ChainSource {
  const node = new SimulatedBeaconNode({ seed, chain, head: () => HEAD, final: () => FINAL });
  const ask: AskNode = async (asked) => {
    const { pathname, searchParams } = new URL(asked, "http://node");
    const answer = node.answer(pathname, searchParams);
    const json = spoil(pathname, answer.status === 200 ? answer.json : undefined);
    return json ? { status: 200, json: structuredClone(json) } : { status: 404 };
  };
  return beaconSource(ask, { data: { genesis_time: String(network.genesis) } }, network);
}

function executionWith(
  url: string,
  spoil: (method: string, params: readonly unknown[], told: unknown) => unknown,
): ChainSource {
  const rpc = openRpc(url);
  const spoiled: Rpc = async (method, params) => spoil(method, params, await rpc(method, params));
  return executionSource(spoiled, network);
}

/** Slots of the rows that came, after each was held against the truth. */
async function trueSlots(t: ExecutionContext, source: ChainSource, range = { first: FIRST, last: LAST }) {
  const rows = await source.blocks(range);
  const truth = new Map(expected(source.name, range.first, range.last).map((row) => [row.slot, row]));
  for (const row of rows) t.deepEqual(row, truth.get(row.slot));
  return new Set(rows.map(({ slot }) => Number(slot)));
}

const LOST = 6100;

test("a slot whose block one of several replicas doesn't have isn't missed, and nothing is said of it", async (t) => {
  t.truthy(chain.at(LOST));
  const { nodes } = await simulated(t);
  const lostRoot = chain.beaconAt(LOST)?.root ?? "";
  const lostNumber = `0x${chain.at(LOST)?.number.toString(16)}`;
  for (const source of [
    beaconWith((path, answer) => (path.endsWith(`headers/${LOST}`) ? undefined : answer)),
    beaconWith((path, answer) => (path.endsWith(lostRoot) ? undefined : answer)),
    executionWith(nodes.execution, (_, [name], told) => (name === lostNumber ? null : told)),
  ]) {
    const slots = await trueSlots(t, source);
    t.false(slots.has(LOST));
    t.true(slots.size >= LAST - FIRST - 2, "the others are told of");
  }
});

test("a node that lags, or no longer has blocks of that time, proves nothing of it", async (t) => {
  const { nodes } = await simulated(t);
  const slotOfPath = (path: string) => Number(/headers\/(\d+)$/.exec(path)?.[1] ?? Number.NaN);
  const number = (slot: number) => chain.at(slot)?.number ?? 0;
  // What says that it is final, and the node that has the blocks, aren't the same replica.
  const lagging = [
    beaconWith((path, answer) => (slotOfPath(path) > LOST ? undefined : answer)),
    executionWith(nodes.execution, (_, [name], told) => (Number(name) > number(LOST) ? null : told)),
  ];
  for (const source of lagging) for (const slot of await trueSlots(t, source)) t.true(slot < LOST);
  const pruned = [
    beaconWith((path, answer) => (slotOfPath(path) < LAST + 30 ? undefined : answer)),
    executionWith(nodes.execution, (_, [name], told) => (Number(name) < number(LAST) + 30 ? null : told)),
  ];
  for (const source of pruned) t.is((await trueSlots(t, source)).size, 0, source.name);
  // Of history that was cut off before the range a search may ask, by whatever way the node says so.
  const gone = new PrunedError("pruned history unavailable");
  for (const say of [() => null, () => Promise.reject(gone)]) {
    const cut = executionWith(nodes.execution, (_, [name], told) =>
      Number(name) < number(FIRST) - 9 ? say() : told,
    );
    t.is((await trueSlots(t, cut)).size, LAST - FIRST + 1);
  }
});

test("a reorganisation while it is read leaves out the slots around the break", async (t) => {
  const { nodes } = await simulated(t);
  const other = `0x${"ee".repeat(32)}`;
  const beaconFork = beaconWith((path, answer) => {
    if (!path.endsWith(`headers/${LOST}`)) return answer;
    const { data } = structuredClone(answer) as { data: { root: string } };
    return { data: { ...data, root: other } };
  });
  const executionFork = executionWith(nodes.execution, (_, __, told) => {
    const block = told as { number?: string } | null;
    return Number(block?.number) === chain.at(LOST)?.number
      ? { ...block, hash: other, gasUsed: "0x1" }
      : told;
  });
  for (const source of [beaconFork, executionFork]) {
    const slots = await trueSlots(t, source);
    t.false(slots.has(LOST), source.name);
    t.true(slots.has(LOST + 2) && slots.has(LOST - 2));
  }
});

test("a node of another chain, and one whose answer is cut or of another form, is an error and no row", async (t) => {
  const { nodes } = await simulated(t);
  const other = { ...network, chainId: 1, name: "mainnet" };
  await t.throwsAsync(openEndpoint(nodes.execution, other, clock), {
    name: "UserError",
    message: /another network/,
  });
  const later = { ...network, genesis: network.genesis + 5 };
  await t.throwsAsync(openEndpoint(nodes.beacon, later, clock), {
    name: "UserError",
    message: /another network/,
  });
  const shifted = executionSource(openRpc(nodes.execution), later);
  await t.throwsAsync(shifted.blocks({ first: FIRST, last: LAST }), { message: /another network/ });
  const odd = beaconWith((path, answer) =>
    path.includes("/blocks/") ? { ...answer, data: { message: {} } } : answer,
  );
  await t.throwsAsync(odd.blocks({ first: FIRST, last: LAST }), {
    name: "UserError",
    message: /not as a beacon/,
  });
  const half = executionWith(nodes.execution, (_, [name], told) =>
    name === "finalized" ? told : { number: "0x1" },
  );
  await t.throwsAsync(half.blocks({ first: FIRST, last: LAST }), {
    name: "UserError",
    message: /not as an execution/,
  });
});

test("xatu's files prove what lies between their blocks: a day that is cut off, two blocks of a slot, and a lost one leave slots out", async (t) => {
  const { nodes } = await simulated(t);
  const folder = await files(t, nodes.execution, FIRST, FIRST + 19);
  const known = await xatuChain(folder);
  t.deepEqual(
    await known.blocks({ first: FIRST - 100, last: FIRST + 400 }),
    expected("xatu", FIRST - 1, FIRST + 19),
  );
  t.is(await known.final(), FIRST + 19);
  known.close();
  // Another block in a slot, and one that is left out.
  const rows = expected("beacon", FIRST, FIRST + 19).filter(
    ({ status, slot }) => status === "canonical" && slot !== String(FIRST + 8),
  );
  const [, , third] = rows;
  await writeXatuBeacon(folder, [
    ...rows,
    ...(third ? [{ ...third, block_root: `0x${"dd".repeat(32)}` }] : []),
  ]);
  const doubtful = await xatuChain(folder);
  const slots = await trueSlots(t, doubtful, { first: FIRST, last: FIRST + 19 });
  for (const gone of [Number(third?.slot), FIRST + 8]) t.false(slots.has(gone));
  doubtful.close();
});

test("xatu's files are read in the types of other writers too: wider slots, seconds as integers, fees as decimals", async (t) => {
  const { nodes } = await simulated(t);
  const folder = await files(t, nodes.execution, FIRST, FIRST + 19);
  const instance = await DuckDBInstance.create();
  const connection = await instance.connect();
  for (const [table, change] of [
    [
      "canonical_beacon_block",
      `slot::BIGINT AS slot, (('0x' || substr(h, 15, 2) || substr(h, 13, 2) || substr(h, 11, 2) || substr(h, 9, 2) || substr(h, 7, 2)
        || substr(h, 5, 2) || substr(h, 3, 2) || substr(h, 1, 2))::UBIGINT)::DECIMAL(38, 0) AS execution_payload_base_fee_per_gas`,
    ],
    ["canonical_execution_block", "epoch(block_date_time)::UINTEGER AS block_date_time"],
  ] as const) {
    const path = join(folder, table, "1000", "0.parquet");
    const fee = table === "canonical_beacon_block" ? "execution_payload_base_fee_per_gas" : "''::BLOB";
    await connection.run(
      `CREATE OR REPLACE TABLE one AS SELECT *, hex(${fee}) AS h FROM read_parquet('${path}')`,
    );
    await connection.run(`COPY (SELECT * REPLACE (${change}) FROM one) TO '${path}' (FORMAT parquet)`);
  }
  connection.closeSync();
  instance.closeSync();
  const source = await xatuChain(folder);
  t.deepEqual(await source.blocks({ first: FIRST, last: FIRST + 19 }), expected("xatu", FIRST, FIRST + 19));
  source.close();
});
