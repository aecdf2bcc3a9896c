import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { fixedDateClock } from "../chain/clock.ts";
import { findNetwork, simulatedNetwork } from "../chain/networks.ts";
import { slotStartMs } from "../chain/slots.ts";
import { openFolderLake } from "../lake/folder/folder.ts";
import { silentLog } from "../log.ts";
import { openRpc } from "../nodes/rpc.ts";
import { openDuckDb } from "../warehouse/duckdb/duckdb.ts";
import { newFolder, put, relayNamed, rowOf } from "../warehouse/warehouse.testing.ts";
import type { Warehouse } from "../warehouse/warehouse.ts";
import { type NodeCall, type NodeReply, serveNode, type SpoilReply } from "./servedNode.testing.ts";
import { rpcFacts } from "./rpcFacts.ts";
import { verifyPayments } from "./verify.ts";

const network = simulatedNetwork(1);
const SLOT = 640;
const CLAIM = 1000n;
const hashOf = (number: number) => `0x${number.toString(16).padStart(64, "0")}`;
const hex = (value: bigint | number) => `0x${value.toString(16)}`;
const recipient = `0x${SLOT.toString(16).padStart(40, "0")}`;

/** A node of one block, 9, that pays the claim; its parent is 8. */
const honest = ({ method, params }: NodeCall): NodeReply => {
  const block = (number: number) => ({
    number: hex(number),
    hash: hashOf(number),
    parentHash: hashOf(number - 1),
    timestamp: hex(slotStartMs(network, SLOT) / 1000),
    transactions: [hashOf(77)],
    withdrawals: [{ address: recipient, amount: hex(3) }],
    baseFeePerGas: hex(1),
  });
  if (method === "eth_chainId") return { result: hex(1) };
  if (method === "eth_getBlockByNumber") {
    const final = { ...block(9), timestamp: hex(slotStartMs(network, SLOT + 100) / 1000) };
    return { result: params[0] === "finalized" ? final : block(9) };
  }
  if (method === "eth_getBlockByHash") return { result: params[0] === hashOf(9) ? block(9) : null };
  if (method === "eth_getBalance") {
    const { blockHash } = params[1] as { blockHash: string };
    return { result: hex(blockHash === hashOf(9) ? 50n + CLAIM + 3_000_000_000n : 50n) };
  }
  if (method === "eth_getTransactionByBlockHashAndIndex")
    return { result: { value: hex(5), to: recipient, input: "0x" } };
  if (method === "eth_getTransactionReceipt") return { result: receipt };
  if (method === "eth_getBlockReceipts") return { result: [receipt] };
  if (method === "eth_getLogs") return { result: [] };
  return { error: { code: -32601, message: `no method ${method}` } };
};
const receipt = {
  status: "0x1",
  from: `0x${"9".repeat(40)}`,
  transactionIndex: "0x0",
  gasUsed: "0x1",
  effectiveGasPrice: "0x1",
};

interface Verified {
  readonly of?: typeof network;
  readonly value?: bigint;
  /** What an adjustment of the block says, wei. */
  readonly adjusted?: bigint;
  /** True: it comes in after the payload was verified. */
  readonly isLate?: boolean;
}

/** What table payments holds after one payload was verified by a node: `verdict method paid withdrawals`, and what was due. */
async function verified(
  t: ExecutionContext,
  url: string,
  { of = network, value = CLAIM, adjusted, isLate = false }: Verified = {},
) {
  const folder = await newFolder(t);
  const lake = openFolderLake(join(folder, "lake"), network.name);
  const clock = fixedDateClock(slotStartMs(network, SLOT + 2000));
  const warehouse = openDuckDb(join(folder, "w.duckdb"), network, { clock, log: silentLog });
  t.teardown(() => warehouse.close());
  const row = rowOf(SLOT, 1, { block_hash: hashOf(9), block_number: "9", value: String(value) });
  await put(lake, network, "payloads", "heron", { rows: new Map([[SLOT, [row]]]) });
  const verify = async () => {
    await warehouse.load(lake, [relayNamed("heron")]);
    const range = { first: SLOT, last: SLOT };
    const scope = { network: of, range, nowMs: clock.now() };
    return verifyPayments({ warehouse, clock, scope, source: { kind: "rpc", rpc: openRpc(url) } });
  };
  if (isLate) await verify();
  if (adjusted !== undefined) {
    const adjustment = {
      block_number: "9",
      builder_pubkey: row["builder_pubkey"] ?? "",
      submitted_block_hash: hashOf(8),
      adjusted_block_hash: hashOf(9),
      submitted_value: String(value),
      adjusted_value: String(adjusted),
      delta: String(value - adjusted),
    };
    await put(lake, network, "adjustments", "heron", { rows: new Map([[SLOT, [adjustment]]]) });
  }
  const outcome = await verify().catch((error: unknown) =>
    error instanceof Error ? error.message : String(error),
  );
  const rows = await warehouse.query("SELECT verdict, method, paid, withdrawals FROM payments");
  const due = await warehouse.query("SELECT claimed, adjusted_value, difference FROM payments");
  const [{ tried } = {}] = await warehouse.query("SELECT tried FROM payments");
  return { outcome, rows: rows.map((told) => Object.values(told).map(textOfValue).join(" ")), due, tried };
}

function textOfValue(value: unknown): string {
  return typeof value === "string" ? value : value === null ? "" : JSON.stringify(value);
}

test("a payment is what the balance grew by, less the withdrawals", async (t) => {
  const { outcome, rows } = await verified(t, await serveNode(t, honest));
  t.deepEqual(rows, ["exact balance 1000 3000000000"]);
  t.deepEqual(outcome, { verdicts: { exact: 1 }, left: 0, pruned: false });
});

test("where the relay adjusted the block, the adjusted value is what is due", async (t) => {
  const url = await serveNode(t, honest);
  const { rows, due } = await verified(t, url, { value: CLAIM + 50n, adjusted: CLAIM });
  t.deepEqual(rows, ["exact balance 1000 3000000000"]);
  t.deepEqual(due, [{ claimed: "1050", adjusted_value: "1000", difference: "0" }]);
  const late = await verified(t, url, { value: CLAIM + 50n, adjusted: CLAIM, isLate: true });
  t.deepEqual([late.rows, late.due], [rows, due]);
  t.deepEqual((await verified(t, url, { isLate: true })).outcome, { verdicts: {}, left: 0, pruned: false });
  // Without the adjustment the same payment falls short.
  const unadjusted = await verified(t, url, { value: CLAIM + 50n });
  t.regex(unadjusted.rows.join(), /^less /);
});

test("a node that lags gives no verdict: the block isn't final there", async (t) => {
  const lagging = (call: NodeCall): NodeReply =>
    call.params[0] === "finalized"
      ? {
          result: {
            ...(honest(call) as { result: object }).result,
            timestamp: hex(slotStartMs(network, SLOT - 1) / 1000),
          },
        }
      : { result: null };
  const { outcome, rows } = await verified(t, await serveNode(t, lagging));
  t.deepEqual(rows, []);
  t.deepEqual(outcome, { verdicts: {}, left: 1, pruned: false });
});

test("a node of another chain is refused, and nothing is written", async (t) => {
  const url = await serveNode(t, (call) =>
    call.method === "eth_chainId" ? { result: hex(5) } : honest(call),
  );
  const mainnet = findNetwork("mainnet", 1);
  const { outcome, rows } = await verified(t, url, {
    of: { ...network, name: "mainnet", chainId: mainnet?.chainId ?? 0 },
  });
  t.is(outcome, "--chain: the node is of another network than mainnet");
  t.deepEqual(rows, []);
});

test("a pruned node leaves a payment untestable, and says that an archive would tell", async (t) => {
  const pruned = (call: NodeCall): NodeReply =>
    call.method === "eth_getBalance"
      ? { error: { code: -32000, message: "missing trie node 12ab (path ) state 0x12 is not available" } }
      : honest(call);
  const { outcome, rows } = await verified(t, await serveNode(t, pruned));
  t.deepEqual(rows, ["untestable balance  3000000000"]);
  t.deepEqual(outcome, { verdicts: { untestable: 1 }, left: 0, pruned: true });
});

test("a block that was replaced is not canonical, whatever it pays", async (t) => {
  const replaced = (call: NodeCall): NodeReply =>
    call.method === "eth_getBlockByNumber" && call.params[0] !== "finalized"
      ? { result: { ...(honest(call) as { result: object }).result, hash: hashOf(10) } }
      : honest(call);
  const { rows } = await verified(t, await serveNode(t, replaced));
  t.deepEqual(rows, ["not_canonical block  "]);
});

test("a block whose number the payload has wrong, or not at all, is found by its hash", async (t) => {
  const asked: string[] = [];
  const numbered = (call: NodeCall): NodeReply => {
    asked.push(call.method);
    const { result } = honest(call) as { result: object };
    const isOther = call.method === "eth_getBlockByNumber" && call.params[0] !== hex(9);
    return { result: isOther ? { ...result, hash: hashOf(10) } : result };
  };
  const rpc = openRpc(await serveNode(t, numbered));
  const claim = { slot: SLOT, blockHash: hashOf(9), recipient, due: CLAIM };
  for (const [blockNumber, blockHash, state] of [
    [9, hashOf(9), "canonical"],
    [8, hashOf(9), "canonical"],
    [null, hashOf(9), "canonical"],
    [9, hashOf(11), "not_found"],
  ] as const)
    t.is((await rpcFacts(rpc, { ...claim, blockHash, blockNumber }, network))?.state, state);
  t.is(asked.join(" ").replaceAll("eth_getBlockBy", ""), "Number Number Hash Number Hash Number Number Hash");
});

const NO_HISTORY = { error: { code: 4444, message: "pruned history unavailable" } };
for (const [what, gone] of [
  ["says nothing of", { result: null }],
  ["says that it has cut off", NO_HISTORY],
] as const)
  test(`a node that ${what} blocks of that time gives no verdict: it doesn't know what was on the chain`, async (t) => {
    const without = (call: NodeCall): NodeReply =>
      call.method.startsWith("eth_getBlockBy") && call.params[0] !== "finalized" ? gone : honest(call);
    const { outcome, rows } = await verified(t, await serveNode(t, without));
    t.deepEqual(rows, []);
    t.deepEqual(outcome, { verdicts: {}, left: 1, pruned: false });
  });

test("a node that finds no receipt by an old transaction's hash has it in the block's list", async (t) => {
  const unindexed = ({ method, params, id }: NodeCall): NodeReply => {
    if (method === "eth_getTransactionReceipt") return { result: null };
    if (method === "eth_getBalance") return { result: hex(50n) };
    const told = honest({ method, params, id });
    return method === "eth_getTransactionByBlockHashAndIndex"
      ? { result: { value: hex(CLAIM), to: recipient, input: "0x" } }
      : told;
  };
  const { rows } = await verified(t, await serveNode(t, unindexed));
  t.deepEqual(rows, ["exact last_transaction 1000 3000000000"]);
});

test("a node without receipts of that time tells what it has: only the steps that were possible are named", async (t) => {
  const without = (call: NodeCall): NodeReply => {
    if (/Receipt/.test(call.method)) return { result: null };
    if (call.method === "eth_getLogs") return NO_HISTORY;
    return call.method === "eth_getBalance" ? { result: hex(50n) } : honest(call);
  };
  const { rows, tried } = await verified(t, await serveNode(t, without));
  t.regex(rows.join(), /^less shortfall /);
  t.is(tried, "block,balance");
});

test("refusals and errors are waited out: 429 and 503 before the answer change nothing", async (t) => {
  let asked = 0;
  const url = await serveNode(t, honest, (_, response) => {
    asked++;
    if (asked % 2 === 1) response.writeHead(asked % 4 === 1 ? 429 : 503).end("slow down");
  });
  const { rows } = await verified(t, url);
  t.deepEqual(rows, ["exact balance 1000 3000000000"]);
});

for (const [what, answer] of [
  [
    "is cut",
    (_, response) =>
      void response
        .writeHead(200, { "content-length": 5000 })
        .write('[{"jsonrpc":"2.0","res', () => response.destroy()),
  ],
  ["is HTML", (_, response) => void response.writeHead(200).end("<html>parked</html>")],
  ["refuses always", (_, response) => void response.writeHead(403).end("no")],
  ["breaks off", (_, response) => void response.destroy()],
] as readonly [string, SpoilReply][])
  test(`an answer that ${what} fails the command, writes nothing, and shows no credential`, async (t) => {
    const { outcome, rows } = await verified(t, await serveNode(t, honest, answer));
    t.deepEqual(rows, []);
    if (typeof outcome !== "string") return t.fail("it did not fail");
    t.regex(outcome, /^the node http:\/\/\*\*\*@127\.0\.0\.1:\d+\/\*\*\* can't be asked for eth_/);
    t.notRegex(outcome, /secret|key/);
  });

test("a node that says what no node says fails the command, and writes nothing", async (t) => {
  const odd = (call: NodeCall): NodeReply =>
    call.method === "eth_getBalance" ? { result: "plenty" } : honest(call);
  const { outcome, rows } = await verified(t, await serveNode(t, odd));
  t.deepEqual(rows, []);
  t.regex(typeof outcome === "string" ? outcome : "", /not as an execution node does/);
});

test("in BigQuery the payloads' days are named by literals: the table refuses statements without them", async (t) => {
  const asked: string[] = [];
  const warehouse = {
    url: "bigquery://project/dataset",
    network: network.name,
    query(sql: string) {
      asked.push(sql);
      return Promise.resolve([]);
    },
  } as unknown as Warehouse;
  const clock = fixedDateClock(slotStartMs(network, SLOT + 2000));
  const scope = { network, range: { first: SLOT, last: SLOT + 9 }, nowMs: clock.now() };
  const blocks = { facts: () => Promise.resolve(new Map()), close() {} };
  await verifyPayments({ warehouse, clock, scope, source: { kind: "xatu", blocks } });
  t.is(asked.length, 1);
  t.regex(
    asked[0] ?? "",
    /payloads\.block_timestamp BETWEEN TIMESTAMP '2023-11-15 00:21:20\S*' AND TIMESTAMP '2023-11-15 00:23:08/,
  );
});

test("receipts of many blocks aren't asked for in one body, which would be too large", async (t) => {
  let most = 0;
  const url = await serveNode(
    t,
    (call) => (call.method === "eth_getTransactionReceipt" ? { result: null } : honest(call)),
    (calls) => {
      most = Math.max(most, calls.filter(({ method }) => method === "eth_getBlockReceipts").length);
    },
  );
  const claim = { slot: SLOT, blockHash: hashOf(9), blockNumber: 9, recipient, due: CLAIM };
  const rpc = openRpc(url);
  const facts = await Promise.all(Array.from({ length: 40 }, () => rpcFacts(rpc, claim, network)));
  t.true(
    (await Promise.all(facts.map(async (each) => each?.lastTransaction()))).every((last) => last?.succeeded),
  );
  t.true(most >= 1 && most <= 8, `${most} in one body`);
});
