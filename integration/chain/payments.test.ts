import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { fixedDateClock } from "../../runtime/chain/clock.ts";
import { simulatedNetwork } from "../../runtime/chain/networks.ts";
import { openFolderLake } from "../../runtime/lake/folder/folder.ts";
import { silentLog } from "../../runtime/log.ts";
import { openRpc, type Rpc } from "../../runtime/nodes/rpc.ts";
import { DISTRIBUTIONS, FORWARDS_ON, PAYMENT_FORWARDER } from "../../runtime/payments/contracts.ts";
import { verifyPayments } from "../../runtime/payments/verify.ts";
import { openDuckDb } from "../../runtime/warehouse/duckdb/duckdb.ts";
import { newFolder, put, relayNamed, rowOf } from "../../runtime/warehouse/warehouse.testing.ts";
import { openXatu } from "../../runtime/payments/xatuFacts.ts";
import { startAnvil } from "./anvil.ts";
import { writeXatu } from "../../runtime/nodes/xatuFiles.testing.ts";

const network = simulatedNetwork(1);
const FIRST = 1000;
const CLAIM = 10n ** 17n;
const TIP = 10n ** 9n;
const SINK = `0x${"51".repeat(20)}`;
const recipientOf = (place: number) => `0x${"ab".repeat(19)}${place.toString(16).padStart(2, "0")}`;

/** Sends all that it has to SINK when it is called with data, and logs it as Rocket Pool's distributors do; else it only takes. */
const DISTRIBUTOR = [
  "0x36600557005b", // with call data go on, else stop
  "47602052", // memory word 1: the balance
  "6000600060006000", // nothing is sent along, nothing comes back
  `4773${SINK.slice(2)}5af150`, // the balance to SINK
  `7f${DISTRIBUTIONS[0]?.topic.slice(2)}60606000a100`, // log the three words
].join("");
/** Sends what it gets to the 20 bytes behind the first 4 of its input: Helix's PaymentForwarder. */
const FORWARDER = "0x60006000600060003460043560601c5af100";
/** Sends what it gets to SINK. */
const PASSES_ON = `0x60006000600060003473${SINK.slice(2)}5af100`;

interface Transaction {
  readonly from: string;
  readonly to: string;
  readonly value?: bigint;
  readonly data?: string;
}

/** What stands in a block, and what must be found of it. */
interface Case {
  readonly what: string;
  readonly recipient?: string;
  readonly code?: string;
  /** What the recipient has before. */
  readonly before?: bigint;
  readonly transactions: (recipient: string, builder: string, other: string) => readonly Transaction[];
  readonly says: { readonly verdict: string; readonly method: string; readonly short_by?: string };
}

const pay = (from: string, to: string, value = CLAIM): Transaction => ({ from, to, value });
const unrelated = (from: string): Transaction => ({ from, to: SINK, value: 1n });

const CASES: readonly Case[] = [
  {
    what: "the last transaction pays",
    transactions: (to, builder, other) => [unrelated(other), pay(builder, to)],
    says: { verdict: "exact", method: "balance" },
  },
  {
    what: "the recipient gets more",
    transactions: (to, builder, other) => [pay(other, to, 5n), pay(builder, to)],
    says: { verdict: "more", method: "balance" },
  },
  {
    what: "the recipient spends first, and the last transaction pays",
    before: 10n ** 18n,
    transactions: (to, builder) => [pay(to, SINK, 10n ** 17n), pay(builder, to)],
    says: { verdict: "exact", method: "last_transaction" },
  },
  {
    what: "the recipient spends after it was paid",
    before: 10n ** 18n,
    transactions: (to, builder) => [pay(builder, to), pay(to, SINK, 3n)],
    says: { verdict: "exact", method: "spending" },
  },
  {
    what: "Helix's forwarder pays",
    before: 10n ** 18n,
    transactions: (to, builder) => [
      pay(to, SINK, 3n),
      { from: builder, to: PAYMENT_FORWARDER, value: CLAIM, data: `0x01020304${to.slice(2)}` },
    ],
    says: { verdict: "exact", method: "forwarder" },
  },
  {
    what: "a contract distributes what it got",
    code: DISTRIBUTOR,
    before: 12_345n,
    transactions: (to, builder, other) => [
      pay(builder, to),
      { from: other, to, data: "0x01" },
      unrelated(other),
    ],
    says: { verdict: "exact", method: "distribution" },
  },
  {
    what: "a contract passes everything on, paid in the middle",
    recipient: [...FORWARDS_ON][0] ?? "",
    code: PASSES_ON,
    transactions: (to, builder, other) => [pay(builder, to), unrelated(other)],
    says: { verdict: "untestable", method: "forwards_on" },
  },
  {
    what: "the payment is short",
    transactions: (to, builder) => [pay(builder, to, CLAIM - 7n)],
    says: { verdict: "less", method: "shortfall", short_by: "7" },
  },
  {
    what: "nothing is paid",
    transactions: (_, __, other) => [unrelated(other)],
    says: { verdict: "less", method: "shortfall", short_by: String(CLAIM) },
  },
  {
    what: "the block is empty",
    transactions: () => [],
    says: { verdict: "less", method: "shortfall", short_by: String(CLAIM) },
  },
];

test("every kind of payment gets its verdict and the step that decided", async (t) => {
  const { rpc, blocks } = await madeChain(t);
  const folder = await newFolder(t);
  const lake = openFolderLake(join(folder, "lake"), network.name);
  const clock = fixedDateClock((network.genesis + 12 * 5000) * 1000);
  const warehouse = openDuckDb(join(folder, "w.duckdb"), network, { clock, log: silentLog });
  t.teardown(() => warehouse.close());
  const rows = new Map(
    blocks.map(({ slot, hash, number, recipient }) => [
      slot,
      [
        rowOf(slot, 1, {
          block_hash: hash,
          block_number: number,
          proposer_fee_recipient: recipient,
          value: String(CLAIM),
        }),
      ],
    ]),
  );
  rows.set(FIRST + 30, [rowOf(FIRST + 30, 1, { value: String(CLAIM) })]);
  await put(lake, network, "payloads", "heron", { rows });
  await warehouse.load(lake, [relayNamed("heron")]);
  const scope = { network, range: { first: FIRST, last: FIRST + 319 }, nowMs: clock.now() };
  const summary = await verifyPayments({ warehouse, clock, scope, source: { kind: "rpc", rpc } });
  const told = await warehouse.query("SELECT slot, verdict, method, short_by FROM payments ORDER BY slot");
  t.deepEqual(
    told.map(({ slot, verdict, method, short_by }) => [Number(slot), verdict, method, short_by]),
    [
      ...CASES.map(({ says }, place) => [FIRST + place, says.verdict, says.method, says.short_by ?? null]),
      [FIRST + 30, "not_found", "block", null],
    ],
  );
  t.is(summary.left, 0);
  const files = join(folder, "xatu");
  await writeXatu(rpc, blocks, files);
  const xatu = await openXatu(files);
  t.teardown(() => xatu.close());
  const columns = "slot, block_hash, claimed, paid, difference, verdict, method, short_by";
  const byNode = await warehouse.query(
    `SELECT ${columns} FROM payments WHERE verdict <> 'not_found' ORDER BY slot`,
  );
  const fromFiles = { kind: "xatu", blocks: xatu } as const;
  const other = await verifyPayments({ warehouse, clock, scope, source: fromFiles, again: true });
  t.is(other.left, 1, "of a block that the files don't have nothing is said");
  t.deepEqual(
    await warehouse.query(`SELECT ${columns} FROM payments WHERE source = 'xatu' ORDER BY slot`),
    byNode,
    "xatu's files tell the same",
  );
  const again = await verifyPayments({ warehouse, clock, scope, source: { kind: "rpc", rpc } });
  t.deepEqual(again.verdicts, {}, "what has a verdict isn't asked for again");
});

/** A chain with a block a case, and enough blocks behind them that they are final. */
async function madeChain(t: ExecutionContext) {
  const node = await startAnvil(network.genesis + 12 * (FIRST - 1));
  t.teardown(() => node.stop());
  const rpc = openRpc(node.url);
  const [builder = "", other = ""] = (await rpc("eth_accounts", [])) as string[];
  await rpc("anvil_setCoinbase", [`0x${"c0".repeat(20)}`]);
  await rpc("anvil_setCode", [PAYMENT_FORWARDER, FORWARDER]);
  const blocks = [];
  for (const [
    place,
    { recipient = recipientOf(place), code, before = 0n, transactions },
  ] of CASES.entries()) {
    await rpc("anvil_setBalance", [recipient, `0x${before.toString(16)}`]);
    if (code !== undefined) await rpc("anvil_setCode", [recipient, code]);
    await rpc("anvil_impersonateAccount", [recipient]);
    const sent = transactions(recipient, builder, other);
    for (const transaction of sent) await send(rpc, transaction);
    await rpc("evm_setNextBlockTimestamp", [network.genesis + 12 * (FIRST + place)]);
    await rpc("evm_mine", []);
    const block = (await rpc("eth_getBlockByNumber", ["latest", false])) as Record<string, string>;
    t.is(block["transactions"]?.length, sent.length, "all of them are in the block");
    blocks.push({
      slot: FIRST + place,
      hash: block["hash"] ?? "",
      number: String(Number(block["number"])),
      recipient,
    });
  }
  await rpc("anvil_mine", ["0x60", "0xc"]);
  return { rpc, blocks };
}

async function send(rpc: Rpc, { from, to, value = 0n, data = "0x" }: Transaction): Promise<void> {
  const [gas, price] = ["0x30d40", `0x${(TIP + 10n ** 9n).toString(16)}`];
  const call = { from, to, value: `0x${value.toString(16)}`, data, gas };
  await rpc("eth_sendTransaction", [
    { ...call, maxFeePerGas: price, maxPriorityFeePerGas: `0x${TIP.toString(16)}` },
  ]);
}
