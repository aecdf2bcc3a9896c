import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import type { Hex } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { fixedDateClock } from "../../runtime/chain/clock.ts";
import { simulatedNetwork } from "../../runtime/chain/networks.ts";
import { openFolderLake } from "../../runtime/lake/folder/folder.ts";
import { silentLog } from "../../runtime/log.ts";
import { openRpc } from "../../runtime/nodes/rpc.ts";
import { writeXatu } from "../../runtime/nodes/xatuFiles.testing.ts";
import { PAYMENT_FORWARDER } from "../../runtime/payments/contracts.ts";
import { verifyPayments } from "../../runtime/payments/verify.ts";
import { openXatu } from "../../runtime/payments/xatuFacts.ts";
import { openDuckDb } from "../../runtime/warehouse/duckdb/duckdb.ts";
import { newFolder, put, relayNamed, rowOf } from "../../runtime/warehouse/warehouse.testing.ts";
import { startAnvil } from "./anvil.ts";
import { type Account, CHAIN_ID, type DevNode, FINAL_BEHIND, type Genesis, hexOf } from "./devNode.ts";
import { startGeth } from "./geth.ts";
import { CLAIM, FORWARDER, PAYMENT_CASES, type PaymentCase } from "./paymentCases.ts";

const network = simulatedNetwork(1);
const FIRST = 1000;
/** A slot whose payload never came on the chain. */
const ABSENT = FIRST + 30;
/** Of how many newest blocks geth keeps the state where it is no archive. */
const STATES_KEPT = 128;
const [TIP, MOST] = [10n ** 9n, 2n * 10n ** 9n];
const GWEI = 10n ** 9n;
const COINBASE = `0x${"c0".repeat(20)}`;
const RICH = 10n ** 22n;

const accountOf = (key: number) => privateKeyToAccount(`0x${key.toString(16).padStart(64, "0")}`);
const [builder, other] = [accountOf(1), accountOf(2)];
/** A case's recipient, if it has a key. */
const ownerOf = (place: number) => accountOf(FIRST + place);
const recipientOf = ({ recipient }: PaymentCase, place: number) =>
  recipient ?? ownerOf(place).address.toLowerCase();
const secondsOf = (slot: number) => network.genesis + 12 * slot;

/** A block that a node made, of a case. */
interface Made {
  readonly slot: number;
  readonly hash: string;
  readonly number: string;
  readonly recipient: string;
}

const NODES: Readonly<Record<string, { withdraws: boolean; start: (genesis: Genesis) => Promise<DevNode> }>> =
  {
    anvil: { withdraws: false, start: startAnvil },
    geth: { withdraws: true, start: startGeth },
  };

for (const [name, { withdraws, start }] of Object.entries(NODES))
  test(`every kind of payment gets its verdict and the step that decided, by ${name} as by xatu's files of it`, async (t) => {
    const cases = PAYMENT_CASES.filter(({ withdrawn }) => withdraws || withdrawn === undefined);
    const node = await start(genesisOf(cases));
    t.teardown(() => node.stop());
    const rpc = openRpc(node.url);
    const blocks = await madeChain(t, node, cases);
    const { warehouse, clock, scope } = await delivered(t, blocks);
    const summary = await verifyPayments({ warehouse, clock, scope, source: { kind: "rpc", rpc } });
    const told = await warehouse.query(
      "SELECT slot, verdict, method, short_by, withdrawals FROM payments ORDER BY slot",
    );
    t.deepEqual(
      told.map((row) => [Number(row["slot"]), row["verdict"], row["method"], row["short_by"]]),
      [
        ...cases.map(({ says }, place) => [FIRST + place, says.verdict, says.method, says.short_by ?? null]),
        [ABSENT, "not_found", "block", null],
      ],
    );
    t.deepEqual(
      told.map(({ withdrawals }) => withdrawals),
      [...cases.map(({ withdrawn = 0n }) => String(withdrawn * GWEI)), null],
      "in wei",
    );
    t.is(summary.left, 0);

    const columns = "slot, block_hash, claimed, paid, difference, verdict, method, short_by";
    const byNode = await warehouse.query(
      `SELECT ${columns} FROM payments WHERE verdict <> 'not_found' ORDER BY slot`,
    );
    const files = await newFolder(t);
    await writeXatu(rpc, blocks, files);
    const xatu = await openXatu(files);
    t.teardown(() => xatu.close());
    const fromFiles = { kind: "xatu", blocks: xatu } as const;
    const others = await verifyPayments({ warehouse, clock, scope, source: fromFiles, again: true });
    t.is(others.left, 1, "of a block that the files don't have nothing is said");
    t.deepEqual(
      await warehouse.query(`SELECT ${columns} FROM payments WHERE source = 'xatu' ORDER BY slot`),
      byNode,
      "xatu's files tell the same",
    );
    const again = await verifyPayments({ warehouse, clock, scope, source: { kind: "rpc", rpc } });
    t.deepEqual(again.verdicts, {}, "what has a verdict isn't asked for again");
  });

test("a geth that no longer keeps the state says so: what its last transaction doesn't show is untestable", async (t) => {
  const node = await startGeth(genesisOf(PAYMENT_CASES), "full");
  t.teardown(() => node.stop());
  const blocks = await madeChain(t, node, PAYMENT_CASES, FINAL_BEHIND + STATES_KEPT);
  const { warehouse, clock, scope } = await delivered(t, blocks);
  const source = { kind: "rpc", rpc: openRpc(node.url) } as const;
  const { pruned } = await verifyPayments({ warehouse, clock, scope, source });
  t.true(pruned);
  const told = await warehouse.query(
    "SELECT verdict || ' ' || method AS said FROM payments WHERE verdict <> 'not_found' ORDER BY slot",
  );
  t.deepEqual(
    told.map(({ said }) => said),
    PAYMENT_CASES.map(({ transactions, recipient, says }) => {
      const last = transactions.at(-1);
      if (!last) return "less shortfall"; // nothing has changed since, so the newest state is that one
      if (says.method === "forwarder") return "exact forwarder";
      if (last.to === "recipient" && last.value === CLAIM && says.verdict !== "less")
        return "exact last_transaction";
      return recipient === undefined ? "untestable balance" : "untestable forwards_on";
    }),
  );
});

/** All that the cases need before the first block. */
function genesisOf(cases: readonly PaymentCase[]): Genesis {
  const recipients = cases.map((one, place): Account => {
    const { code, before: balance = 0n } = one;
    return { address: recipientOf(one, place), balance, ...(code && { code }) };
  });
  const accounts = [
    { address: builder.address, balance: RICH },
    { address: other.address, balance: RICH },
    { address: PAYMENT_FORWARDER, balance: 0n, code: FORWARDER },
    ...recipients,
  ];
  return { seconds: secondsOf(FIRST - 1), accounts };
}

/** A block a case, and enough blocks behind them that they are final. */
async function madeChain(
  t: ExecutionContext,
  node: DevNode,
  cases: readonly PaymentCase[],
  behind = FINAL_BEHIND,
): Promise<readonly Made[]> {
  const rpc = openRpc(node.url);
  const sent = new Map<string, number>();
  const made: Made[] = [];
  for (const [place, one] of cases.entries()) {
    const { what, transactions, withdrawn, buildsItself } = one;
    const recipient = recipientOf(one, place);
    const signed: Hex[] = [];
    for (const { from, to, value = 0n, data } of transactions) {
      const account = { builder, other, recipient: ownerOf(place) }[from];
      const nonce = sent.get(account.address) ?? 0;
      sent.set(account.address, nonce + 1);
      signed.push(
        await account.signTransaction({
          chainId: CHAIN_ID,
          nonce,
          to: (to === "recipient" ? recipient : to) as Hex,
          value,
          data: (data?.(recipient) ?? "0x") as Hex,
          gas: 200_000n,
          maxFeePerGas: MOST,
          maxPriorityFeePerGas: TIP,
        }),
      );
    }
    await node.mine({
      seconds: secondsOf(FIRST + place),
      feeRecipient: buildsItself ? recipient : COINBASE,
      transactions: signed,
      withdrawals: withdrawn === undefined ? [] : [{ address: recipient, gwei: withdrawn }],
    });
    const block = (await rpc("eth_getBlockByNumber", ["latest", false])) as Record<string, string>;
    t.is(block["transactions"]?.length, signed.length, `${what}: all are in the block`);
    t.is(block["timestamp"], hexOf(secondsOf(FIRST + place)));
    const number = String(Number(block["number"]));
    made.push({ slot: FIRST + place, hash: block["hash"] ?? "", number, recipient });
  }
  await node.finalize(behind);
  return made;
}

/** A warehouse in which a relay says that it delivered the blocks, and one more. */
async function delivered(t: ExecutionContext, blocks: readonly Made[]) {
  const folder = await newFolder(t);
  const lake = openFolderLake(join(folder, "lake"), network.name);
  const clock = fixedDateClock(secondsOf(5000) * 1000);
  const warehouse = openDuckDb(join(folder, "w.duckdb"), network, { clock, log: silentLog });
  t.teardown(() => warehouse.close());
  const value = String(CLAIM);
  const rows = new Map(
    blocks.map(({ slot, hash, number, recipient }) => {
      const told = { block_hash: hash, block_number: number, proposer_fee_recipient: recipient, value };
      return [slot, [rowOf(slot, 1, told)]];
    }),
  );
  rows.set(ABSENT, [rowOf(ABSENT, 1, { value })]);
  await put(lake, network, "payloads", "heron", { rows });
  await warehouse.load(lake, [relayNamed("heron")]);
  return {
    warehouse,
    clock,
    scope: { network, range: { first: FIRST, last: FIRST + 319 }, nowMs: clock.now() },
  };
}
