import * as E from "fp-ts/lib/Either.js";
import * as t from "io-ts";
import type { Network } from "../chain/networks.ts";
import { UserError } from "../errors.ts";
import { PrunedError, type Rpc } from "../nodes/rpc.ts";
import { distributedBy, distributionsOf } from "./contracts.ts";
import type { BlockFacts, Claim, OwnSpending } from "./verdict.ts";

const quantity = t.refinement(t.string, (text) => /^0x[0-9a-fA-F]{1,64}$/.test(text));
const hex = t.refinement(t.string, (text) => /^0x(?:[0-9a-fA-F]{2})*$/.test(text));
const hash = t.refinement(t.string, (text) => /^0x[0-9a-fA-F]{64}$/.test(text));
const withdrawal = t.type({ address: hex, amount: quantity });
const blockType = t.intersection([
  t.type({
    number: quantity,
    hash,
    parentHash: hash,
    timestamp: quantity,
    transactions: t.array(hash),
  }),
  t.partial({ withdrawals: t.array(withdrawal), baseFeePerGas: quantity }),
]);
const transactionType = t.type({ value: quantity, to: t.union([hex, t.null]), input: hex });
const receiptType = t.intersection([
  t.type({
    status: quantity,
    from: hex,
    transactionIndex: quantity,
    gasUsed: quantity,
    effectiveGasPrice: quantity,
  }),
  t.partial({ blobGasUsed: quantity, blobGasPrice: quantity }),
]);
const logsType = t.array(t.type({ address: hex, topics: t.array(hash), data: hex }));

type Block = t.TypeOf<typeof blockType>;
type Receipt = t.TypeOf<typeof receiptType>;

/** The time, Unix ms, of the newest block that is final at a node. Throws UserError for a node of another chain. */
export async function finalizedMs(rpc: Rpc, network: Network): Promise<number> {
  const { chainId: expected } = network;
  if (expected !== undefined && Number(decoded(quantity, await rpc("eth_chainId", []))) !== expected)
    throw new UserError(`--chain: the node is of another network than ${network.name}`, { exitCode: 2 });
  const final = await rpc("eth_getBlockByNumber", ["finalized", false]);
  const head = decoded(t.union([t.type({ timestamp: quantity }), t.null]), final);
  if (!head) throw new UserError("--chain: the node has no final block yet: let it synchronize first");
  return Number(head.timestamp) * 1000;
}

const GWEI = 1_000_000_000n;

/** What an execution node tells of the block of a claim. The calls of many claims made together share requests. */
export async function rpcFacts(rpc: Rpc, claim: Claim): Promise<BlockFacts> {
  const block = decoded(
    t.union([blockType, t.null]),
    await rpc("eth_getBlockByHash", [claim.blockHash, false]),
  );
  if (!block) return { ...NOTHING, state: "not_found" };
  const canonical = decoded(
    t.union([blockType, t.null]),
    await rpc("eth_getBlockByNumber", [block.number, false]),
  );
  if (canonical?.hash.toLowerCase() !== claim.blockHash) return { ...NOTHING, state: "not_canonical" };
  return new RpcBlock(rpc, claim.recipient, block);
}

/** The block of a source that has nothing to say of its payments. */
const NOTHING = {
  gained: async () => undefined,
  lastTransaction: async () => undefined,
  distributed: async () => undefined,
  ownSpending: async () => undefined,
};

class RpcBlock implements BlockFacts {
  readonly state = "canonical";
  readonly #rpc: Rpc;
  readonly #recipient: string;
  readonly #block: Block;

  constructor(rpc: Rpc, recipient: string, block: Block) {
    this.#rpc = rpc;
    this.#recipient = recipient;
    this.#block = block;
  }

  /** Withdrawals to the recipient in this block, wei (EIP-4895 has gwei). */
  get withdrawals(): bigint {
    const own = (this.#block.withdrawals ?? []).filter(
      ({ address }) => address.toLowerCase() === this.#recipient,
    );
    return own.reduce((sum, { amount }) => sum + BigInt(amount) * GWEI, 0n);
  }

  async gained(): Promise<bigint | undefined> {
    const { hash: own, parentHash } = this.#block;
    // By hash (EIP-1898): no reorganisation between the two calls can mix two chains.
    const balance = async (blockHash: string) =>
      BigInt(decoded(quantity, await this.#rpc("eth_getBalance", [this.#recipient, { blockHash }])));
    try {
      const [after, before] = await Promise.all([balance(own), balance(parentHash)]);
      return after - before - this.withdrawals;
    } catch (error) {
      if (error instanceof PrunedError) return undefined;
      throw error;
    }
  }

  async lastTransaction() {
    const { hash: own, transactions } = this.#block;
    const last = transactions.at(-1);
    if (last === undefined) return undefined;
    const place = `0x${(transactions.length - 1).toString(16)}`;
    const [told, receipt] = await Promise.all([
      this.#rpc("eth_getTransactionByBlockHashAndIndex", [own, place]),
      this.#rpc("eth_getTransactionReceipt", [last]),
    ]);
    const { value, to, input } = decoded(transactionType, told);
    return {
      succeeded: BigInt(decoded(receiptType, receipt).status) === 1n,
      value: BigInt(value),
      to: to?.toLowerCase() ?? null,
      input: input.toLowerCase(),
    };
  }

  async distributed(): Promise<bigint> {
    const wanted = distributionsOf(this.#recipient);
    const filter = {
      blockHash: this.#block.hash,
      address: [...new Set(wanted.map(({ at }) => at))],
      topics: [wanted.map(({ topic }) => topic)],
    };
    const logs = decoded(logsType, await this.#rpc("eth_getLogs", [filter]));
    const events = logs.map(({ address, topics: [topic = ""], data }) => ({
      address: address.toLowerCase(),
      topic: topic.toLowerCase(),
      data,
    }));
    return distributedBy(this.#recipient, events);
  }

  async ownSpending(): Promise<OwnSpending> {
    const { hash: own, transactions, baseFeePerGas = "0x0" } = this.#block;
    const receipts = decoded(t.array(receiptType), await this.#rpc("eth_getBlockReceipts", [own]));
    if (receipts.length !== transactions.length)
      throw strange("a block's receipts are not those of its transactions");
    const sent = receipts.filter(({ from }) => from.toLowerCase() === this.#recipient);
    const values = await Promise.all(
      sent.map(async (receipt) => {
        const told = await this.#rpc("eth_getTransactionByBlockHashAndIndex", [
          own,
          receipt.transactionIndex,
        ]);
        return BigInt(receipt.status) === 1n ? BigInt(decoded(transactionType, told).value) : 0n;
      }),
    );
    const base = BigInt(baseFeePerGas);
    return {
      spent:
        sent.reduce((sum, receipt) => sum + feesOf(receipt), 0n) +
        values.reduce((sum, value) => sum + value, 0n),
      tips: receipts.reduce(
        (sum, { gasUsed, effectiveGasPrice }) => sum + BigInt(gasUsed) * (BigInt(effectiveGasPrice) - base),
        0n,
      ),
    };
  }
}

/** All that a transaction cost its sender beside its value: gas, and blobs (EIP-4844). */
function feesOf({ gasUsed, effectiveGasPrice, blobGasUsed = "0x0", blobGasPrice = "0x0" }: Receipt): bigint {
  return BigInt(gasUsed) * BigInt(effectiveGasPrice) + BigInt(blobGasUsed) * BigInt(blobGasPrice);
}

function decoded<A>(type: t.Type<A, unknown, unknown>, value: unknown): A {
  const result = type.decode(value);
  if (E.isRight(result)) return result.right;
  throw strange("its answer is not of JSON-RPC's form");
}

function strange(what: string): UserError {
  return new UserError(`the node answers, but not as an execution node does (${what}); give another URL`);
}
