import { simulatedNetwork, SECONDS_PER_SLOT } from "../chain/networks.ts";
import type { ChainedBlock, NodeOfChain } from "./chain.ts";
import { usualBalance } from "./chainPayments.ts";
import {
  type ChainedTransaction,
  placeOfTransaction,
  transactionHashes,
  transactionsOf,
} from "./chainTransactions.ts";

/** One call of JSON-RPC, as it came. */
export interface RpcCall {
  readonly id: unknown;
  readonly method: string;
  readonly params: readonly unknown[];
}

/** Gas that a blob costs (EIP-4844). */
const BLOB_GAS = 131_072;
/** Of no network that exists. */
const CHAIN_ID = 1_337_000;
const GWEI = 1_000_000_000n;
const KEPT_BLOCKS = 32;

const hex = (value: bigint | number) => `0x${value.toString(16)}`;

/** Answers JSON-RPC as an archive node of the simulated chain does, as far as blocks and payments are examined. */
export class SimulatedExecutionNode {
  readonly #of: NodeOfChain;
  readonly #kept = new Map<string, readonly ChainedTransaction[]>();

  constructor(of: NodeOfChain) {
    this.#of = of;
  }

  answer({ id, method, params }: RpcCall): object {
    try {
      return { jsonrpc: "2.0", id, result: this.#result(method, params) };
    } catch (error) {
      const message = error instanceof Error ? error.message : "?";
      return { jsonrpc: "2.0", id, error: { code: -32_602, message } };
    }
  }

  #result(method: string, [first, second]: readonly unknown[]): unknown {
    switch (method) {
      case "eth_chainId":
        return hex(CHAIN_ID);
      case "eth_blockNumber":
        return hex(this.#tagged("latest")?.number ?? 0);
      case "eth_getBlockByNumber":
        return this.#blockJson(this.#tagged(first), second === true);
      case "eth_getBlockByHash":
        return this.#blockJson(this.#known(first), second === true);
      case "eth_getBalance":
        return hex(this.#balance(textOf(first).toLowerCase(), this.#named(second)));
      case "eth_getTransactionByBlockHashAndIndex": {
        const block = this.#known(first);
        return block ? transactionJson(block, this.#transactions(block), Number(second)) : null;
      }
      case "eth_getTransactionReceipt":
        return this.#receipt(textOf(first));
      case "eth_getBlockReceipts": {
        const block = this.#named(first);
        const all = this.#transactions(block);
        return all.map((_, index) => receiptJson(block, all, index));
      }
      case "eth_getLogs":
        return this.#logs(
          first as { readonly blockHash?: unknown; readonly address?: unknown; readonly topics?: unknown },
        );
      case "debug_traceTransaction":
        return this.#balances(textOf(first));
      default:
        throw new Error(`the method ${method} does not exist/is not available`);
    }
  }

  #transactions(block: ChainedBlock): readonly ChainedTransaction[] {
    const known = this.#kept.get(block.hash);
    if (known) return known;
    const made = transactionsOf(this.#of.seed, block);
    const oldest = this.#kept.size >= KEPT_BLOCKS ? this.#kept.keys().next() : undefined;
    if (oldest && !oldest.done) this.#kept.delete(oldest.value);
    this.#kept.set(block.hash, made);
    return made;
  }

  #tagged(tag: unknown): ChainedBlock | undefined {
    if (tag === "latest" || tag === "finalized") {
      const newest = tag === "latest" ? this.#of.head() : this.#of.final();
      return this.#of.chain.at(newest) ?? this.#of.chain.at(this.#of.chain.below(newest).slot);
    }
    const found = this.#of.chain.byNumber(Number(tag));
    return found && found.slot <= this.#of.head() ? found : undefined;
  }

  #known(hash: unknown): ChainedBlock | undefined {
    const found = this.#of.chain.byHash(textOf(hash).toLowerCase());
    return found && found.slot <= this.#of.head() ? found : undefined;
  }

  /** A block by number, tag, hash, or `{blockHash}` (EIP-1898). */
  #named(name: unknown): ChainedBlock {
    const hash = typeof name === "object" && name !== null && "blockHash" in name ? name.blockHash : name;
    const found = textOf(hash).length === 66 ? this.#known(hash) : this.#tagged(hash);
    if (!found) throw new Error("header not found");
    return found;
  }

  #balance(address: string, block: ChainedBlock): bigint {
    const before = usualBalance(address);
    if (address !== block.recipient) return before;
    const brought = this.#transactions(block).reduce((sum, { brings }) => sum + brings, 0n);
    return before + brought + block.withdrawn * GWEI;
  }

  #receipt(hash: string): object | null {
    const found = this.#placed(hash);
    return found ? receiptJson(found.block, found.all, found.index) : null;
  }

  #placed(hash: string) {
    const { slot, index, isCanonical } = placeOfTransaction(hash);
    const block = isCanonical ? this.#of.chain.at(slot) : this.#of.chain.orphanAt(slot);
    if (!block || slot > this.#of.head()) return undefined;
    const all = this.#transactions(block);
    return all[index]?.hash === hash ? { block, all, index } : undefined;
  }

  #logs({
    blockHash,
    address,
    topics,
  }: {
    readonly blockHash?: unknown;
    readonly address?: unknown;
    readonly topics?: unknown;
  }): object[] {
    const block = this.#named(blockHash);
    const [wanted] = Array.isArray(topics) ? (topics as unknown[]) : [];
    const isOneOf = (value: string, of: unknown) =>
      of === undefined || of === null || [of].flat().includes(value);
    return this.#transactions(block).flatMap(({ logs, hash }, index) =>
      logs.flatMap((log) =>
        isOneOf(log.address, address) && isOneOf(log.topics[0] ?? "", wanted)
          ? [{ ...log, blockHash: block.hash, transactionHash: hash, transactionIndex: hex(index) }]
          : [],
      ),
    );
  }

  /** What the prestate tracer shows in its diff mode: the recipient's balance alone. */
  #balances(hash: string): object {
    const found = this.#placed(hash);
    if (!found) throw new Error("transaction not found");
    const { block, all, index } = found;
    const sum = (end: number) =>
      all.slice(0, end).reduce((total, { brings }) => total + brings, usualBalance(block.recipient));
    const [before, after] = [sum(index), sum(index + 1)];
    const of = (balance: bigint) =>
      before === after ? {} : { [block.recipient]: { balance: hex(balance) } };
    return { pre: of(before), post: of(after) };
  }

  #blockJson(block: ChainedBlock | undefined, full: boolean): object | null {
    if (!block) return null;
    const hashes = () => transactionHashes(this.#of.seed, block);
    const whole = () => {
      const all = this.#transactions(block);
      return all.map((_, index) => transactionJson(block, all, index));
    };
    return {
      number: hex(block.number),
      hash: block.hash,
      parentHash: block.parentHash,
      timestamp: hex(simulatedNetwork(this.#of.seed).genesis + SECONDS_PER_SLOT * block.slot),
      miner: block.coinbase,
      gasUsed: hex(block.gasUsed),
      gasLimit: hex(block.gasLimit),
      baseFeePerGas: hex(block.baseFee),
      blobGasUsed: hex(block.blobs * BLOB_GAS),
      excessBlobGas: "0x0",
      extraData: block.extraData,
      parentBeaconBlockRoot: this.#of.chain.beaconAt(block.slot)?.parentRoot,
      transactions: full ? whole() : hashes(),
      withdrawals:
        block.withdrawn === 0n
          ? []
          : [{ index: "0x1", validatorIndex: "0x1", address: block.recipient, amount: hex(block.withdrawn) }],
    };
  }
}

function transactionJson(
  block: ChainedBlock,
  all: readonly ChainedTransaction[],
  index: number,
): object | null {
  const one = all[index];
  return one
    ? {
        hash: one.hash,
        blockHash: block.hash,
        blockNumber: hex(block.number),
        transactionIndex: hex(index),
        from: one.from,
        to: one.to,
        value: hex(one.value),
        input: one.input,
        gasPrice: hex(one.gasPrice),
        type: "0x2",
      }
    : null;
}

function receiptJson(block: ChainedBlock, all: readonly ChainedTransaction[], index: number): object | null {
  const one = all[index];
  return one
    ? {
        transactionHash: one.hash,
        transactionIndex: hex(index),
        blockHash: block.hash,
        blockNumber: hex(block.number),
        from: one.from,
        to: one.to,
        status: "0x1",
        gasUsed: hex(one.gasUsed),
        effectiveGasPrice: hex(one.gasPrice),
        logs: one.logs,
      }
    : null;
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}
