import * as t from "io-ts";
import { hash32, hexBytes, nodeDecoded, quantity, strangeNode } from "../nodes/nodeTypes.ts";
import { PrunedError, type Rpc } from "../nodes/rpc.ts";
import { distributedBy, distributionsOf } from "./contracts.ts";
import type { BlockFacts, Claim, OwnSpending } from "./verdict.ts";

const withdrawal = t.type({ address: hexBytes, amount: quantity });
const blockType = t.intersection([
  t.type({
    number: quantity,
    hash: hash32,
    parentHash: hash32,
    timestamp: quantity,
    // Hashes: of hundreds only the last is looked at, and checked.
    transactions: t.array(t.unknown),
  }),
  t.partial({ withdrawals: t.array(withdrawal), baseFeePerGas: quantity }),
]);
const transactionType = t.type({ value: quantity, to: t.union([hexBytes, t.null]), input: hexBytes });
const receiptType = t.intersection([
  t.type({
    status: quantity,
    from: hexBytes,
    transactionIndex: quantity,
    gasUsed: quantity,
    effectiveGasPrice: quantity,
  }),
  t.partial({ blobGasUsed: quantity, blobGasPrice: quantity }),
]);
const logsType = t.array(t.type({ address: hexBytes, topics: t.array(hash32), data: hexBytes }));

type Block = t.TypeOf<typeof blockType>;
type Receipt = t.TypeOf<typeof receiptType>;

const GWEI = 1_000_000_000n;

const nullableBlock = t.union([blockType, t.null]);

/**
 * What an execution node tells of the block of a claim. The calls of many claims made together share requests. The block at the
 * claimed number is asked for first: where it is the claimed one, nothing else has to be asked to know that it is canonical.
 */
export async function rpcFacts(rpc: Rpc, claim: Claim): Promise<BlockFacts> {
  const { blockHash, blockNumber, recipient } = claim;
  const at = async (number: string) =>
    nodeDecoded(nullableBlock, await rpc("eth_getBlockByNumber", [number, false]));
  const isClaimed = (block: Block | null) => block?.hash.toLowerCase() === blockHash;
  const canonical = blockNumber === null ? null : await at(`0x${blockNumber.toString(16)}`);
  if (canonical && isClaimed(canonical)) return new RpcBlock(rpc, recipient, canonical);
  const block = nodeDecoded(nullableBlock, await rpc("eth_getBlockByHash", [blockHash, false]));
  if (!block) return { ...NOTHING, state: "not_found" };
  if (isClaimed(await at(block.number))) return new RpcBlock(rpc, recipient, block);
  return { ...NOTHING, state: "not_canonical" };
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
      BigInt(nodeDecoded(quantity, await this.#rpc("eth_getBalance", [this.#recipient, { blockHash }])));
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
    if (transactions.length === 0) return undefined;
    const last = nodeDecoded(hash32, transactions.at(-1));
    const place = `0x${(transactions.length - 1).toString(16)}`;
    const [told, receipt] = await Promise.all([
      this.#rpc("eth_getTransactionByBlockHashAndIndex", [own, place]),
      this.#rpc("eth_getTransactionReceipt", [last]),
    ]);
    const { value, to, input } = nodeDecoded(transactionType, told);
    return {
      succeeded: BigInt(nodeDecoded(receiptType, receipt).status) === 1n,
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
    const logs = nodeDecoded(logsType, await this.#rpc("eth_getLogs", [filter]));
    const events = logs.map(({ address, topics: [topic = ""], data }) => ({
      address: address.toLowerCase(),
      topic: topic.toLowerCase(),
      data,
    }));
    return distributedBy(this.#recipient, events);
  }

  async ownSpending(): Promise<OwnSpending> {
    const { hash: own, transactions, baseFeePerGas = "0x0" } = this.#block;
    const receipts = nodeDecoded(t.array(receiptType), await this.#rpc("eth_getBlockReceipts", [own]));
    if (receipts.length !== transactions.length)
      throw strangeNode("a block's receipts are not those of its transactions");
    const sent = receipts.filter(({ from }) => from.toLowerCase() === this.#recipient);
    const values = await Promise.all(
      sent.map(async (receipt) => {
        const told = await this.#rpc("eth_getTransactionByBlockHashAndIndex", [
          own,
          receipt.transactionIndex,
        ]);
        return BigInt(receipt.status) === 1n ? BigInt(nodeDecoded(transactionType, told).value) : 0n;
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
