import { join } from "node:path";
import test from "ava";
import { fixedDateClock } from "../chain/clock.ts";
import { type Network, findNetwork } from "../chain/networks.ts";
import { slotStartMs } from "../chain/slots.ts";
import { openFolderLake } from "../lake/folder/folder.ts";
import { silentLog } from "../log.ts";
import { openRpc } from "../nodes/rpc.ts";
import { openDuckDb } from "../warehouse/duckdb/duckdb.ts";
import { newFolder, put, relayNamed, rowOf } from "../warehouse/warehouse.testing.ts";
import { type NodeCall, type NodeReply, serveNode } from "./servedNode.testing.ts";
import { verifyPayments } from "./verify.ts";

/**
 * Blocks of mainnet as serenita-org/ethstaker.tax has them in tests/indexer/test_block_rewards_mev.py: number, hash, recipient, wei
 * by which its balance changed without withdrawals, and withdrawals. What it has not is left out: balances before (here one ether),
 * the transactions but for a last one that is said to pay, and at 4700013 and 6191844, which no relay delivered, a claim (here the
 * priority fees, which are what the recipient got).
 */
interface Recorded {
  readonly slot: number;
  readonly number: number;
  readonly hash: string;
  readonly what: string;
  readonly recipient: string;
  readonly claim: bigint;
  /** Wei, without withdrawals. */
  readonly changed: bigint;
  /** Gwei each. */
  readonly withdrawals?: readonly number[];
  /** The last transaction sends the claim to the recipient. */
  readonly lastPays?: boolean;
  /** Verdict, method, paid and withdrawals in wei. */
  readonly says: string;
}

const RECORDED: readonly Recorded[] = [
  {
    slot: 4_700_013,
    number: 15_537_394,
    hash: "0x56a9bb0302da44b8c0b3df540781424684c3af04d0b7a38d72842b762076a664",
    what: "the first block after the merge, more wei than 64 bits hold",
    recipient: "0xeee27662c2b8eba3cd936a23f039f3189633e4c8",
    claim: 45_031_378_244_766_393_234n,
    changed: 45_031_378_244_766_393_234n,
    says: "exact balance 45031378244766393234 0",
  },
  {
    slot: 6_191_844,
    number: 17_017_509,
    hash: "0x30d106a7c165d31c3eac81c29b953486a1603f8bf5651b8f937f70c1b6b03bf7",
    what: "stakefish's contract gets the priority fees",
    recipient: "0xffee087852cb4898e6c3532e776e68bc68b1143b",
    claim: 17_545_396_683_647_876n,
    changed: 17_545_396_683_647_876n,
    says: "exact balance 17545396683647876 0",
  },
  {
    slot: 6_187_369,
    number: 17_013_112,
    hash: "0x601cab422c5a77cf9fb9760bf24fe9bf6fcaf412a0d9c218cd8c5380dbc4116c",
    what: "a contract passes all on at once",
    recipient: "0xd6bdd5c289a38ea7bbd57da9625dba60cee94879",
    claim: 34_547_692_347_953_310n,
    changed: 0n,
    says: "untestable forwards_on null 0",
  },
  {
    slot: 6_192_483,
    number: 17_018_135,
    hash: "0x8fb07fa40d42dd7105ed3e43a3a40ee0a66cc21e4719276e6a5a13fda03045bf",
    what: "beaverbuild pays by the last transaction",
    recipient: "0x6d2e03b7effeae98bd302a9f836d0d6ab0002766",
    claim: 61_170_542_217_540_723n,
    changed: 61_170_542_217_540_723n,
    lastPays: true,
    says: "exact balance 61170542217540723 0",
  },
  {
    slot: 6_193_187,
    number: 17_018_818,
    hash: "0x696e0338c9c307ba805cd93dbda3fda808a087b2d6a72213d3da47c105d71846",
    what: "rsync-builder pays by the last transaction",
    recipient: "0x6ead79c8a48374a697f3d22f165d428f7491677d",
    claim: 125_680_445_416_592_626n,
    changed: 125_680_445_416_592_626n,
    lastPays: true,
    says: "exact balance 125680445416592626 0",
  },
  {
    slot: 6_351_700,
    number: 17_174_234,
    hash: "0xcb2190a1d086b96bcdf9f2afcc97a5a6e9cc6b17f273f6105937710f99448b0b",
    what: "the recipient gets sixteen withdrawals in the block",
    recipient: "0xde12c3d2257fc9bb1c1a00d409f292eecd55ffaf",
    claim: 29_127_481_592_378_074n,
    changed: 29_127_481_592_378_074n,
    withdrawals: [
      12_349_752, 12_399_308, 12_440_436, 12_430_291, 45_765_335, 12_429_872, 12_402_116, 12_430_277,
      12_401_852, 12_430_194, 12_407_985, 12_370_678, 12_427_523, 12_452_624, 12_405_165, 12_387_543,
    ],
    says: "exact balance 29127481592378074 231930951000000000",
  },
];

const mainnet = findNetwork("mainnet", 1) as Network;
const ETHER = 10n ** 18n;
const hex = (value: bigint | number) => `0x${value.toString(16)}`;
/** The hash of the block before isn't recorded. */
const beforeOf = ({ number }: Recorded) => `0x${number.toString(16).padStart(64, "0")}`;
const hashOfLast = `0x${"7".repeat(64)}`;

/** A node that tells what is recorded; `lastPays`: of those that aren't told to, too. */
function nodeOf({ keepsState = true, lastPays = false }) {
  return ({ method, params: [first, second] }: NodeCall): NodeReply => {
    const blockHash = (second as { blockHash?: string } | undefined)?.blockHash;
    const one = RECORDED.find(
      ({ hash, number }) => hash === first || hex(number) === first || hash === blockHash,
    );
    if (method === "eth_chainId") return { result: "0x1" };
    if (method === "eth_getBalance") {
      if (!keepsState) return { error: { code: -32000, message: "missing trie node 12ab (path )" } };
      const [gwei, changed] = one ? [one.withdrawals ?? [], one.changed] : [[], 0n];
      const withdrawn = BigInt(gwei.reduce((sum, each) => sum + each, 0)) * 10n ** 9n;
      return { result: hex(ETHER + changed + withdrawn) };
    }
    if (method === "eth_getTransactionByBlockHashAndIndex")
      return { result: { value: hex(one?.claim ?? 0n), to: one?.recipient, input: "0x" } };
    if (method === "eth_getTransactionReceipt") {
      const gas = { gasUsed: "0x5208", effectiveGasPrice: "0x1" };
      return { result: { status: "0x1", from: `0x${"9".repeat(40)}`, transactionIndex: "0x0", ...gas } };
    }
    if (method === "eth_getBlockByNumber" || method === "eth_getBlockByHash")
      return { result: one ? blockOf(one, lastPays) : first === "finalized" ? FINAL : null };
    return { error: { code: -32601, message: `no method ${method}` } };
  };
}

const FINAL = {
  number: hex(20_000_000),
  hash: `0x${"f".repeat(64)}`,
  timestamp: hex(slotStartMs(mainnet, 9_000_000) / 1000),
};

function blockOf(one: Recorded, lastPays: boolean): object {
  const { slot, number, hash, recipient, withdrawals = [] } = one;
  return {
    number: hex(number),
    hash,
    parentHash: beforeOf(one),
    timestamp: hex(slotStartMs(mainnet, slot) / 1000),
    transactions: one.lastPays || lastPays ? [hashOfLast] : [],
    withdrawals: withdrawals.map((gwei) => ({ address: recipient, amount: hex(gwei) })),
  };
}

/** The verdicts of all that is recorded, by such a node. */
const verdictsBy = test.macro({
  async exec(t, node: Parameters<typeof nodeOf>[0], wanted: (one: Recorded) => string) {
    const folder = await newFolder(t);
    const clock = fixedDateClock(slotStartMs(mainnet, 9_100_000));
    const warehouse = openDuckDb(join(folder, "w.duckdb"), mainnet, { clock, log: silentLog });
    t.teardown(() => warehouse.close());
    const lake = openFolderLake(join(folder, "lake"), mainnet.name);
    for (const { slot, hash, number, recipient, claim } of RECORDED) {
      const told = { block_hash: hash, block_number: String(number), proposer_fee_recipient: recipient };
      const rows = new Map([[slot, [rowOf(slot, 1, { ...told, value: String(claim) })]]]);
      await put(lake, mainnet, "payloads", "heron", { rows });
    }
    await warehouse.load(lake, [relayNamed("heron")]);
    const scope = { network: mainnet, range: { first: 4_700_000, last: 6_400_000 }, nowMs: clock.now() };
    const rpc = openRpc(await serveNode(t, nodeOf(node)));
    await verifyPayments({ warehouse, clock, scope, source: { kind: "rpc", rpc } });
    const rows = await warehouse.query(
      "SELECT slot, verdict || ' ' || method || ' ' || coalesce(CAST(paid AS STRING), 'null') || ' ' || CAST(withdrawals AS STRING) AS said FROM payments",
    );
    const said = new Map(rows.map((row) => [Number(row["slot"]), row["said"]]));
    for (const one of RECORDED) t.is(said.get(one.slot), wanted(one), `${one.slot}: ${one.what}`);
  },
  title: (what = "") => `recorded blocks of mainnet: ${what}`,
});

test("each has its verdict and the step that decided", verdictsBy, {}, ({ says }) => says);

test(
  "a last transaction that pays decides where a contract passes on",
  verdictsBy,
  { lastPays: true },
  (one) => (one.changed === 0n ? `exact last_transaction ${one.claim} 0` : one.says),
);

test("without the state, last transactions decide", verdictsBy, { keepsState: false }, (one) => {
  const withdrawn = one.says.split(" ").at(-1);
  if (one.lastPays) return `exact last_transaction ${one.claim} ${withdrawn}`;
  return `untestable ${one.changed === 0n ? "forwards_on" : "balance"} null ${withdrawn}`;
});
