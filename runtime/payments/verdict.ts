import { FORWARDS_ON, PAYMENT_FORWARDER } from "./contracts.ts";

/** A delivered payload: what was to be paid, to whom, in which block. Hex is lower case. */
export interface Claim {
  readonly slot: number;
  readonly blockHash: string;
  /** Null where an old row lacks it. */
  readonly blockNumber: number | null;
  /** proposer_fee_recipient. */
  readonly recipient: string;
  /** Wei: the payload's value, or the adjusted one where the relay adjusted it. */
  readonly due: bigint;
}

/** A block's last transaction, as far as a payment can be told by it. */
export interface LastTransaction {
  readonly succeeded: boolean;
  /** Wei. */
  readonly value: bigint;
  /** Null where it makes a contract. */
  readonly to: string | null;
  /** 0x hex; of a long one its beginning may be all. */
  readonly input: string;
}

/** What the recipient itself sent in the block, wei. */
export interface OwnSpending {
  /** Values and fees of its transactions. */
  readonly spent: bigint;
  /** Priority fees of all the block's transactions. */
  readonly tips: bigint;
}

/**
 * What a source tells of a claim's block; each is asked for only when the steps before it decide nothing. `undefined`: this
 * source can't tell.
 */
export interface BlockFacts {
  readonly state: "canonical" | "not_canonical" | "not_found";
  /** Withdrawals to the recipient in the block, wei; undefined where the source doesn't tell them. */
  readonly withdrawals?: bigint;
  /** Wei that the recipient's balance grew by, withdrawals left out. */
  gained(): Promise<bigint | undefined>;
  lastTransaction(): Promise<LastTransaction | undefined>;
  /** Wei that the recipient, a contract, paid out by events that are known. */
  distributed(): Promise<bigint | undefined>;
  ownSpending(): Promise<OwnSpending | undefined>;
}

/** In the order in which they are shown. */
export const VERDICTS = ["exact", "more", "less", "untestable", "not_found", "not_canonical"] as const;
export type Verdict = (typeof VERDICTS)[number];

/** Which step decided; `shortfall`: none of them found the value. */
export type Method =
  | "block"
  | "balance"
  | "last_transaction"
  | "forwarder"
  | "forwards_on"
  | "distribution"
  | "spending"
  | "shortfall";

export interface PaymentOutcome {
  readonly verdict: Verdict;
  readonly method: Method;
  /** Wei that were seen to be paid; null where nothing could be seen. */
  readonly paid: bigint | null;
  /** Wei by which `paid` falls short of the claim; null unless the verdict is `less`. */
  readonly shortBy: bigint | null;
  /** The steps that were possible, in order. */
  readonly tried: readonly Method[];
}

/**
 * Whether a claim was paid, by the order of steps that unites relayscan's, Helix's and ethstaker.tax's: the balance, the last
 * transaction, what contracts distributed, what the recipient spent. `less` says that none of them found the value, and no more.
 */
export async function judge(claim: Claim, facts: BlockFacts): Promise<PaymentOutcome> {
  const tried: Method[] = ["block"];
  const { due } = claim;
  const seen = (method: Method, paid: bigint): PaymentOutcome => ({
    verdict: paid > due ? "more" : "exact",
    method,
    paid,
    shortBy: null,
    tried,
  });
  const without = (verdict: Verdict, method: Method): PaymentOutcome => ({
    verdict,
    method,
    paid: null,
    shortBy: null,
    tried,
  });
  if (facts.state !== "canonical") return without(facts.state, "block");

  const gained = await facts.gained();
  if (gained !== undefined) {
    tried.push("balance");
    if (gained >= due) return seen("balance", gained);
  }
  const last = await facts.lastTransaction();
  if (last !== undefined) {
    tried.push("last_transaction");
    const method = payingMethod(claim, last);
    if (method) return seen(method, due);
  }
  if (FORWARDS_ON.has(claim.recipient)) return without("untestable", "forwards_on");
  if (gained === undefined) return without("untestable", "balance");

  const distributed = await facts.distributed();
  if (distributed !== undefined) {
    tried.push("distribution");
    if (distributed > 0n && gained + distributed >= due) return seen("distribution", gained + distributed);
  }
  const own = await facts.ownSpending();
  if (own !== undefined) {
    tried.push("spending");
    const whole = gained + (distributed ?? 0n) + own.spent;
    // Any larger sum may be other income; with all tips it is what a block pays that its proposer built alone.
    if (own.spent > 0n && (whole === due || whole === due + own.tips)) return seen("spending", whole);
  }
  return { verdict: "less", method: "shortfall", paid: gained, shortBy: due - gained, tried };
}

/** How the last transaction pays the claim; undefined where it doesn't. */
function payingMethod({ due, recipient }: Claim, last: LastTransaction): Method | undefined {
  if (!last.succeeded || last.value !== due) return undefined;
  if (last.to === recipient && last.input === "0x") return "last_transaction";
  const forwarded = /^0x[0-9a-f]{8}([0-9a-f]{40})$/.exec(last.input);
  if (last.to === PAYMENT_FORWARDER && forwarded && `0x${forwarded[1]}` === recipient) return "forwarder";
  return undefined;
}
