import { mixText, type Random } from "./random.ts";

/** How a builder pays a proposer in the simulation. */
export type PaymentKind =
  /** By the last transaction, to the wei. */
  | "last"
  /** So, and somebody else sends the recipient something too. */
  | "extra"
  /** So, but less than was bid. */
  | "short"
  /** The recipient sends something away first, and is paid by the last transaction. */
  | "spends first"
  /** The recipient sends something away after it was paid. */
  | "spends after"
  /** By Helix's PaymentForwarder; the recipient sends something away first. */
  | "forwarder"
  /** The recipient is a contract that pays out all it has, and logs it as Rocket Pool's distributors do. */
  | "distributor";

/** What of a block's transactions concerns the payment; `at` counts from the end, the last is 0. */
export interface PlannedTransaction {
  readonly at: number;
  readonly from: "builder" | "recipient" | "other";
  /** `sink`: somebody else. */
  readonly to: "recipient" | "sink" | "forwarder";
  readonly value: bigint;
  readonly input: string;
  /** What it changes the recipient's balance by, fees included. */
  readonly brings: bigint;
  /** Data of a distributor's event. */
  readonly logs?: string;
}

/** What a block pays, and what an examination of it must find: the truth about `verify`. */
export interface PaymentPlan {
  readonly kind: PaymentKind;
  /** Wei that the builder promised. */
  readonly due: bigint;
  /** What the recipient has before the block, wei. */
  readonly before: bigint;
  readonly transactions: readonly PlannedTransaction[];
  readonly verdict: "exact" | "more" | "less";
  readonly method: "balance" | "last_transaction" | "forwarder" | "distribution" | "spending" | "shortfall";
}

/** Gas of a plain transfer. */
export const TRANSFER_GAS = 21_000n;
/** What transactions of simulated blocks give above the base fee, wei. */
export const TIP = 1_500_000_000n;
/** Its first four bytes of input are the block's time. */
const FORWARDED = "0x01020304";

/** Of 200 payments. */
const SHARES: readonly (readonly [PaymentKind, number])[] = [
  ["extra", 6],
  ["short", 3],
  ["spends first", 5],
  ["spends after", 3],
  ["forwarder", 4],
  ["distributor", 3],
];

/** What an address has before any block, wei. */
export function usualBalance(address: string): bigint {
  return 10n ** 18n + BigInt(mixText(address)) * 1_000_000_007n;
}

/** How the proposer of a block is paid. */
export function paymentPlan(random: Random, due: bigint, baseFee: bigint, recipient: string): PaymentPlan {
  const kind = kindOf(random.below(200));
  const before = usualBalance(recipient);
  const spends = (at: number): PlannedTransaction => {
    const value = 10n ** 15n + BigInt(random.below(1_000_000_000));
    const brings = -value - TRANSFER_GAS * (baseFee + TIP);
    return { at, from: "recipient", to: "sink", value, input: "0x", brings };
  };
  const pays = (at: number, value: bigint): PlannedTransaction => ({
    at,
    from: "builder",
    to: "recipient",
    value,
    input: "0x",
    brings: value,
  });
  const plan = (
    verdict: PaymentPlan["verdict"],
    method: PaymentPlan["method"],
    ...transactions: PlannedTransaction[]
  ) => ({ kind, due, before, transactions, verdict, method });
  if (kind === "extra") {
    const more = { ...pays(1, 1n + BigInt(random.below(1_000_000_000))), from: "other" } as const;
    return plan("more", "balance", pays(0, due), more);
  }
  if (kind === "short") return plan("less", "shortfall", pays(0, due - 1n - due / 10n));
  if (kind === "spends first") return plan("exact", "last_transaction", pays(0, due), spends(5));
  if (kind === "spends after") return plan("exact", "spending", pays(1, due), spends(0));
  if (kind === "forwarder") {
    const forwarded = { ...pays(0, due), to: "forwarder", input: FORWARDED + recipient.slice(2) } as const;
    return plan("exact", "forwarder", forwarded, spends(5));
  }
  if (kind === "distributor") {
    const word = (value: bigint) => value.toString(16).padStart(64, "0");
    const share = (before + due) / 2n;
    const logs = `0x${word(0n)}${word(share)}${word(before + due - share)}`;
    const distributes = {
      ...pays(1, 0n),
      from: "other",
      input: "0x01",
      brings: -before - due,
      logs,
    } as const;
    return plan("exact", "distribution", pays(2, due), distributes);
  }
  return plan("exact", "balance", pays(0, due));
}

function kindOf(luck: number): PaymentKind {
  let rest = luck;
  for (const [kind, share] of SHARES) {
    if (rest < share) return kind;
    rest -= share;
  }
  return "last";
}
