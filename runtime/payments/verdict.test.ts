import test from "ava";
import fc from "fast-check";
import { SEED } from "../seeds.testing.ts";
import { FORWARDS_ON, PAYMENT_FORWARDER } from "./contracts.ts";
import { type BlockFacts, type Claim, judge, type LastTransaction } from "./verdict.ts";

const recipient = `0x${"ab".repeat(20)}`;
const claimOf = (due: bigint, to = recipient): Claim => ({
  slot: 5,
  blockHash: `0x${"1".repeat(64)}`,
  blockNumber: 7,
  recipient: to,
  due,
});

interface Told {
  readonly state?: BlockFacts["state"];
  readonly gained?: bigint;
  readonly last?: LastTransaction;
  readonly distributed?: bigint;
  readonly spent?: bigint;
  readonly tips?: bigint;
}

const factsOf = ({ state = "canonical", gained, last, distributed, spent, tips = 0n }: Told): BlockFacts => ({
  state,
  gained: async () => gained,
  lastTransaction: async () => last,
  distributed: async () => distributed,
  ownSpending: async () => (spent === undefined ? undefined : { spent, tips }),
});

const direct = (value: bigint): LastTransaction => ({ succeeded: true, value, to: recipient, input: "0x" });
const wei = fc.bigInt({ min: 0n, max: 10n ** 24n });

test("a balance that grew by the claim or more is paid, whatever else is told", async (t) => {
  await fc.assert(
    fc.asyncProperty(wei, wei, async (due, more) => {
      const { verdict, method, paid, shortBy } = await judge(claimOf(due), factsOf({ gained: due + more }));
      t.deepEqual(
        [verdict, method, paid, shortBy],
        [more > 0n ? "more" : "exact", "balance", due + more, null],
      );
    }),
    { seed: SEED },
  );
});

test("less is said only where every step fell short, with what is lacking by the balance", async (t) => {
  await fc.assert(
    fc.asyncProperty(wei, wei, wei, async (gained, lacking, spent) => {
      const due = gained + lacking + 1n;
      fc.pre(gained + spent !== due && gained + spent !== due + 3n);
      const told = factsOf({ gained, last: direct(due + 1n), distributed: 0n, spent, tips: 3n });
      const outcome = await judge(claimOf(due), told);
      t.deepEqual(
        [outcome.verdict, outcome.shortBy, outcome.tried.join()],
        ["less", lacking + 1n, "block,balance,last_transaction,distribution,spending"],
      );
    }),
    { seed: SEED },
  );
});

test("a last transaction pays only when it succeeded, with the very value, to the recipient, with no input", async (t) => {
  const due = 1000n;
  const says = async (last: LastTransaction) =>
    (await judge(claimOf(due), factsOf({ gained: -5n, last }))).verdict;
  t.is(await says(direct(due)), "exact");
  t.is(await says({ ...direct(due), succeeded: false }), "less");
  t.is(await says(direct(due - 1n)), "less");
  t.is(await says({ ...direct(due), to: PAYMENT_FORWARDER }), "less");
  t.is(await says({ ...direct(due), to: null }), "less");
  t.is(await says({ ...direct(due), input: "0x00" }), "less");
});

test("Helix's forwarder pays whom its input names, and nobody else", async (t) => {
  const last = { ...direct(9n), to: PAYMENT_FORWARDER, input: `0x01020304${recipient.slice(2)}` };
  t.is((await judge(claimOf(9n), factsOf({ gained: 0n, last }))).method, "forwarder");
  const other = { ...last, input: `0x01020304${"cd".repeat(20)}` };
  t.is((await judge(claimOf(9n), factsOf({ gained: 0n, last: other }))).verdict, "less");
});

test("what nothing can tell is untestable, not less", async (t) => {
  const pruned = await judge(claimOf(9n), factsOf({ last: direct(8n) }));
  t.deepEqual(
    [pruned.verdict, pruned.method, pruned.tried.join()],
    ["untestable", "balance", "block,last_transaction"],
  );
  const passesOn = await judge(claimOf(9n, [...FORWARDS_ON][0]), factsOf({ gained: 0n }));
  t.deepEqual([passesOn.verdict, passesOn.method], ["untestable", "forwards_on"]);
});

test("a pruned node still tells of a payment by the last transaction", async (t) => {
  t.is((await judge(claimOf(9n), factsOf({ last: direct(9n) }))).verdict, "exact");
});

test("a block that isn't canonical has no value to test", async (t) => {
  for (const state of ["not_canonical", "not_found"] as const) {
    const { verdict, method, paid } = await judge(claimOf(9n), factsOf({ state, gained: 9n }));
    t.deepEqual([verdict, method, paid], [state, "block", null]);
  }
});

test("what the recipient spent or distributed is added back, and tips of a block that it built itself", async (t) => {
  t.is((await judge(claimOf(9n), factsOf({ gained: 4n, distributed: 6n }))).verdict, "more");
  t.is((await judge(claimOf(9n), factsOf({ gained: 4n, distributed: 0n, spent: 5n }))).verdict, "exact");
  t.is((await judge(claimOf(9n), factsOf({ gained: 4n, spent: 8n, tips: 3n }))).verdict, "more");
  t.is((await judge(claimOf(9n), factsOf({ gained: 4n, spent: 7n, tips: 3n }))).verdict, "less");
});
