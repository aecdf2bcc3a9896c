import { DISTRIBUTIONS, FORWARDS_ON, PAYMENT_FORWARDER } from "../../runtime/payments/contracts.ts";

/** What each case's payload claims, wei. */
export const CLAIM = 10n ** 17n;
export const SINK = `0x${"51".repeat(20)}`;

/** Sends all that it has to SINK when it is called with data, and logs it as Rocket Pool's distributors do; else it only takes. */
const DISTRIBUTOR = [
  "0x36600557005b", // with call data go on, else stop
  "47602052", // memory word 1: the balance
  "6000600060006000", // nothing is sent along, nothing comes back
  `4773${SINK.slice(2)}5af150`, // the balance to SINK
  `7f${DISTRIBUTIONS[0]?.topic.slice(2)}60606000a100`, // log the three words
].join("");
/** Sends what it gets to the 20 bytes behind the first 4 of its input: Helix's PaymentForwarder. */
export const FORWARDER = "0x60006000600060003460043560601c5af100";
/** Sends what it gets to SINK. */
const PASSES_ON = `0x60006000600060003473${SINK.slice(2)}5af100`;
/** Takes nothing. */
const REFUSES = "0x60006000fd";

type Party = "builder" | "other" | "recipient";

interface Transaction {
  readonly from: Party;
  /** An address, or the recipient. */
  readonly to: string;
  readonly value?: bigint;
  readonly data?: (recipient: string) => string;
}

/** What stands in a block, and what must be found of it. */
export interface PaymentCase {
  readonly what: string;
  /** Else an account with a key. */
  readonly recipient?: string;
  readonly code?: string;
  /** What the recipient has before. */
  readonly before?: bigint;
  /** Withdrawals to the recipient in the block: not every node can make them. */
  readonly withdrawn?: bigint;
  /** The recipient gets the priority fees too. */
  readonly buildsItself?: boolean;
  readonly transactions: readonly Transaction[];
  readonly says: { readonly verdict: string; readonly method: string; readonly short_by?: string };
}

const pay = (from: Party, to: string, value = CLAIM): Transaction => ({ from, to, value });
const unrelated = pay("other", SINK, 1n);
const paid = pay("builder", "recipient");
const rich = 10n ** 18n;

export const PAYMENT_CASES: readonly PaymentCase[] = [
  {
    what: "the last transaction pays",
    transactions: [unrelated, paid],
    says: { verdict: "exact", method: "balance" },
  },
  {
    what: "the recipient gets more",
    transactions: [pay("other", "recipient", 5n), paid],
    says: { verdict: "more", method: "balance" },
  },
  {
    what: "the recipient spends first, and the last transaction pays",
    before: rich,
    transactions: [pay("recipient", SINK), paid],
    says: { verdict: "exact", method: "last_transaction" },
  },
  {
    what: "the recipient spends after it was paid",
    before: rich,
    transactions: [paid, pay("recipient", SINK, 3n)],
    says: { verdict: "exact", method: "spending" },
  },
  {
    what: "the recipient gets all priority fees beside the claim, and spends",
    before: rich,
    buildsItself: true,
    transactions: [paid, pay("recipient", SINK)],
    says: { verdict: "more", method: "spending" },
  },
  {
    what: "Helix's forwarder pays",
    before: rich,
    transactions: [
      pay("recipient", SINK, 3n),
      { from: "builder", to: PAYMENT_FORWARDER, value: CLAIM, data: (to) => `0x01020304${to.slice(2)}` },
    ],
    says: { verdict: "exact", method: "forwarder" },
  },
  {
    what: "a contract distributes what it got",
    code: DISTRIBUTOR,
    before: 12_345n,
    transactions: [paid, { from: "other", to: "recipient", data: () => "0x01" }, unrelated],
    says: { verdict: "exact", method: "distribution" },
  },
  {
    what: "a contract passes everything on, paid in the middle",
    recipient: [...FORWARDS_ON][0] ?? "",
    code: PASSES_ON,
    transactions: [paid, unrelated],
    says: { verdict: "untestable", method: "forwards_on" },
  },
  {
    what: "a contract passes everything on, paid by the last transaction",
    recipient: [...FORWARDS_ON][1] ?? "",
    code: PASSES_ON,
    transactions: [unrelated, paid],
    says: { verdict: "exact", method: "last_transaction" },
  },
  {
    what: "a withdrawal isn't part of the payment",
    withdrawn: 7n,
    transactions: [unrelated, paid],
    says: { verdict: "exact", method: "balance" },
  },
  {
    what: "a withdrawal doesn't make up for what is short",
    withdrawn: 7n,
    transactions: [pay("builder", "recipient", CLAIM - 1n)],
    says: { verdict: "less", method: "shortfall", short_by: "1" },
  },
  {
    what: "the payment is short",
    transactions: [pay("builder", "recipient", CLAIM - 7n)],
    says: { verdict: "less", method: "shortfall", short_by: "7" },
  },
  {
    what: "the last transaction pays, and fails",
    code: REFUSES,
    transactions: [unrelated, paid],
    says: { verdict: "less", method: "shortfall", short_by: String(CLAIM) },
  },
  {
    what: "nothing is paid",
    transactions: [unrelated],
    says: { verdict: "less", method: "shortfall", short_by: String(CLAIM) },
  },
  {
    what: "the block is empty",
    transactions: [],
    says: { verdict: "less", method: "shortfall", short_by: String(CLAIM) },
  },
];
