import * as t from "io-ts";
import pLimit from "p-limit";
import type { Network } from "../chain/networks.ts";
import { slotStartMs } from "../chain/slots.ts";
import { hash32, hexBytes, nodeDecoded, quantity, strangeNode } from "../nodes/nodeTypes.ts";
import { PrunedError, type Rpc, unlessPruned } from "../nodes/rpc.ts";
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
const nullableReceipt = t.union([receiptType, t.null]);
const nullableReceipts = t.union([t.array(receiptType), t.null]);
const logsType = t.array(t.type({ address: hexBytes, topics: t.array(hash32), data: hexBytes }));

type Block = t.TypeOf<typeof blockType>;
type Receipt = t.TypeOf<typeof receiptType>;

const GWEI = 1_000_000_000n;
/** Receipts of a block take up to some MB, and calls that are made together are answered in one body. */
const receiptsAtOnce = pLimit(8);

const nullableBlock = t.union([blockType, t.null]);

/**
 * What an execution node tells of the block of a claim; undefined where it tells of no block there: it may have cut off its history
 * (EIP-4444), or another replica behind the same address may be behind. The calls of many claims made together share requests. The
 * block at the claimed number is asked for first: where it is the claimed one, nothing else has to be asked to know that it is
 * canonical.
 */
export async function rpcFacts(rpc: Rpc, claim: Claim, network: Network): Promise<BlockFacts | undefined> {
  const { blockHash, blockNumber, recipient } = claim;
  const blockBy = async (method: string, name: string) =>
    unlessPruned(async () => nodeDecoded(nullableBlock, await rpc(method, [name, false])));
  const at = async (number: string) => blockBy("eth_getBlockByNumber", number);
  const isClaimed = (block: Block | null | undefined) => block?.hash.toLowerCase() === blockHash;
  const canonical = blockNumber === null ? null : await at(`0x${blockNumber.toString(16)}`);
  if (canonical && isClaimed(canonical)) return new RpcBlock(rpc, recipient, canonical);
  const block = await blockBy("eth_getBlockByHash", blockHash);
  // Nothing is known of a block by a node's silence alone, but where it shows another one in its place, or can't have lost it.
  if (!block)
    return canonical || (await isNowhere(claim, network, at))
      ? { ...NOTHING, state: "not_found" }
      : undefined;
  const inPlace = await at(block.number);
  if (isClaimed(inPlace)) return new RpcBlock(rpc, recipient, block);
  return inPlace ? { ...NOTHING, state: "not_canonical" } : undefined;
}

/** Whether final blocks have passed the claim's slot without coming to its number; without one, whether the node has all of history. */
async function isNowhere(
  { slot, blockNumber }: Claim,
  network: Network,
  at: (number: string) => Promise<Block | null | undefined>,
): Promise<boolean> {
  const final = await at("finalized");
  if (!final || 1000 * Number(final.timestamp) < slotStartMs(network, slot)) return false;
  return blockNumber === null ? !!(await at("0x1")) : blockNumber > Number(final.number);
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
    return unlessPruned(async () => {
      const [after, before] = await Promise.all([balance(own), balance(parentHash)]);
      return after - before - this.withdrawals;
    });
  }

  async lastTransaction() {
    const { hash: own, transactions } = this.#block;
    if (transactions.length === 0) return undefined;
    const last = nodeDecoded(hash32, transactions.at(-1));
    const place = `0x${(transactions.length - 1).toString(16)}`;
    return unlessPruned(async () => {
      const [told, receipt] = await Promise.all([
        this.#rpc("eth_getTransactionByBlockHashAndIndex", [own, place]),
        this.#rpc("eth_getTransactionReceipt", [last]),
      ]);
      const { value, to, input } = nodeDecoded(transactionType, told);
      // Nodes find the transactions of the last year or so alone by their hash; of older ones the block's list has the receipts.
      const { status } = nodeDecoded(nullableReceipt, receipt) ?? (await this.#receipts()).at(-1) ?? {};
      if (status === undefined) return undefined;
      return {
        succeeded: BigInt(status) === 1n,
        value: BigInt(value),
        to: to?.toLowerCase() ?? null,
        input: input.toLowerCase(),
      };
    });
  }

  async distributed(): Promise<bigint | undefined> {
    const wanted = distributionsOf(this.#recipient);
    const filter = {
      blockHash: this.#block.hash,
      address: [...new Set(wanted.map(({ at }) => at))],
      topics: [wanted.map(({ topic }) => topic)],
    };
    const logs = await unlessPruned(async () =>
      nodeDecoded(logsType, await this.#rpc("eth_getLogs", [filter])),
    );
    const events = logs?.map(({ address, topics: [topic = ""], data }) => ({
      address: address.toLowerCase(),
      topic: topic.toLowerCase(),
      data,
    }));
    return events && distributedBy(this.#recipient, events);
  }

  async ownSpending(): Promise<OwnSpending | undefined> {
    const { hash: own, baseFeePerGas = "0x0" } = this.#block;
    const receipts = await unlessPruned(() => this.#receipts());
    if (!receipts) return undefined;
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

  /** The receipts of all the block's transactions, in their order. Throws PrunedError where the node has none of that block. */
  async #receipts(): Promise<readonly Receipt[]> {
    const { hash: own, transactions } = this.#block;
    const told = await receiptsAtOnce(() => this.#rpc("eth_getBlockReceipts", [own]));
    const receipts = nodeDecoded(nullableReceipts, told);
    if (!receipts) throw new PrunedError("the node has no receipts of that block");
    if (receipts.length !== transactions.length)
      throw strangeNode("a block's receipts are not those of its transactions");
    return receipts;
  }
}

/** All that a transaction cost its sender beside its value: gas, and blobs (EIP-4844). */
function feesOf({ gasUsed, effectiveGasPrice, blobGasUsed = "0x0", blobGasPrice = "0x0" }: Receipt): bigint {
  return BigInt(gasUsed) * BigInt(effectiveGasPrice) + BigInt(blobGasUsed) * BigInt(blobGasPrice);
}
