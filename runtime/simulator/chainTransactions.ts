import type { ChainedBlock } from "./chain.ts";
import { TIP, TRANSFER_GAS, type PlannedTransaction } from "./chainPayments.ts";
import { Random, mixText } from "./random.ts";

/** Helix's PaymentForwarder, gattaca-com/helix #466. */
const FORWARDER = "0xfeeeeee44046c3f61a8cc081e0918ef0de0a7ffc";
/** Rocket Pool's distributors' event (facts: serenita-org/ethstaker.tax). */
const DISTRIBUTED = "0x4c41dd034da8150bccdeba2e484837eb447e0a3840b3e02a54e9bd6eb883210e";
/** Where recipients send what they spend. */
const SINK = `0x${"51".repeat(20)}`;
/** Hex digits at a transaction's hash's end that hide its block's slot, and its place there with whether it is on the chain. */
const TAIL_DIGITS = 8;

/** A transaction of the simulated chain. */
export interface ChainedTransaction {
  readonly hash: string;
  readonly from: string;
  readonly to: string;
  readonly value: bigint;
  readonly input: string;
  readonly gasUsed: bigint;
  readonly gasPrice: bigint;
  /** What it changes the balance of the block's recipient by. */
  readonly brings: bigint;
  readonly logs: readonly {
    readonly address: string;
    readonly topics: readonly string[];
    readonly data: string;
  }[];
}

/** The transactions of a block in order. What isn't a payment is between others, and moves nothing that is looked at. */
export function transactionsOf(seed: number, block: ChainedBlock): readonly ChainedTransaction[] {
  const { slot, transactions, baseFee } = block;
  const planned = new Map(block.payment?.transactions.map((one) => [transactions - 1 - one.at, one]));
  const fillers = BigInt(transactions - planned.size);
  const rest = BigInt(block.gasUsed) - TRANSFER_GAS * BigInt(planned.size);
  const each = rest / fillers;
  let left = rest - each * fillers;
  return Array.from({ length: transactions }, (_, index): ChainedTransaction => {
    const hash = transactionHash(seed, block, index);
    const plan = planned.get(index);
    const gasPrice = baseFee + (plan?.from === "builder" ? 0n : TIP);
    if (plan) return { ...planOf(block, plan), hash, gasPrice, gasUsed: TRANSFER_GAS };
    const random = new Random(seed, slot, index, block.isCanonical ? 0 : 1);
    const [from, to] = [random.hex(40), random.hex(40)];
    const gasUsed = each + left;
    left = 0n;
    return {
      hash,
      from,
      to,
      value: BigInt(random.u32()) * 1_000_000n,
      input: "0x",
      gasUsed,
      gasPrice,
      brings: 0n,
      logs: [],
    };
  });
}

/** The hashes of a block's transactions, cheaper than the transactions. */
export function transactionHashes(seed: number, block: ChainedBlock): readonly string[] {
  return Array.from({ length: block.transactions }, (_, index) => transactionHash(seed, block, index));
}

/** Where a transaction with such a hash would be. */
export function placeOfTransaction(hash: string): {
  readonly slot: number;
  readonly index: number;
  readonly isCanonical: boolean;
} {
  const head = hash.slice(0, -2 * TAIL_DIGITS);
  const tail = (from: number) => Number.parseInt(hash.slice(from).slice(0, TAIL_DIGITS), 16);
  const slot = (tail(-2 * TAIL_DIGITS) ^ mixText(head)) >>> 0;
  const place = (tail(-TAIL_DIGITS) ^ mixText(head) ^ slot) >>> 0;
  return { slot, index: place >>> 1, isCanonical: (place & 1) === 0 };
}

function transactionHash(seed: number, { slot, isCanonical }: ChainedBlock, index: number): string {
  const place = index * 2 + (isCanonical ? 0 : 1);
  const head = new Random(seed, slot, place).hex(64).slice(0, -2 * TAIL_DIGITS);
  const mask = mixText(head);
  const tail = [slot ^ mask, place ^ mask ^ slot].map((part) =>
    (part >>> 0).toString(16).padStart(TAIL_DIGITS, "0"),
  );
  return head + tail.join("");
}

function planOf(
  block: ChainedBlock,
  plan: PlannedTransaction,
): Omit<ChainedTransaction, "hash" | "gasPrice" | "gasUsed"> {
  const who = {
    builder: block.coinbase,
    recipient: block.recipient,
    other: SINK,
    sink: SINK,
    forwarder: FORWARDER,
  };
  const { value, input, brings, logs } = plan;
  const events = logs === undefined ? [] : [{ address: block.recipient, topics: [DISTRIBUTED], data: logs }];
  return { from: who[plan.from], to: who[plan.to], value, input, brings, logs: events };
}
