import * as t from "io-ts";
import {
  type ChainBlock,
  type ChainSource,
  extraText,
  type LinkedBlock,
  provenBlocks,
} from "../chain/chainSource.ts";
import { type Network, SECONDS_PER_SLOT } from "../chain/networks.ts";
import { type SlotRange, slotCount, slotStartMs } from "../chain/slots.ts";
import { UserError } from "../errors.ts";
import { address20, hash32, hexBytes, nodeDecoded, quantity, strangeNode } from "./nodeTypes.ts";
import { type Rpc, unlessPruned } from "./rpc.ts";

const blockType = t.intersection([
  t.type({
    number: quantity,
    hash: hash32,
    parentHash: hash32,
    timestamp: quantity,
    miner: address20,
    gasUsed: quantity,
    gasLimit: quantity,
    extraData: hexBytes,
    transactions: t.array(t.unknown),
  }),
  t.partial({ baseFeePerGas: quantity, blobGasUsed: quantity, parentBeaconBlockRoot: hash32 }),
]);
type NodeBlock = t.TypeOf<typeof blockType>;
const nullableBlock = t.union([blockType, t.null]);
const headType = t.union([t.type({ number: quantity, timestamp: quantity, hash: hash32 }), t.null]);

/** Blocks that are asked for together. */
const BLOCKS_AT_ONCE = 100;
/** Blocks whose slots are remembered. */
const MOST_SEEN = 1000;
/** Gas of a blob (EIP-4844). */
const BLOB_GAS = 131_072;

/** The newest block that is final at a node. Throws UserError for a node of another chain, and where there is none yet. */
export async function finalBlock(rpc: Rpc, { name, chainId }: Network) {
  if (chainId !== undefined && Number(nodeDecoded(quantity, await rpc("eth_chainId", []))) !== chainId)
    throw otherChain(name);
  const final = nodeDecoded(headType, await rpc("eth_getBlockByNumber", ["finalized", false]));
  if (!final) throw new UserError("--chain: the node has no final block yet: let it synchronize first");
  return { number: Number(final.number), seconds: Number(final.timestamp), hash: final.hash.toLowerCase() };
}

/**
 * The chain by an execution node's JSON-RPC: blocks are found by their time and read by number, so that none between two is
 * left out. It has no beacon blocks: a slot whose payload never came looks missed.
 */
export function executionSource(rpc: Rpc, network: Network): ChainSource {
  const chain = new ExecutionChain(rpc, network);
  return {
    name: "execution",
    final: async () => chain.slotOf((await finalBlock(rpc, network)).seconds) - 1,
    blocks: (range) => chain.blocks(range),
    close() {},
  };
}

/** Where a block is. */
interface Place {
  readonly number: number;
  readonly slot: number;
}

class ExecutionChain {
  readonly #rpc: Rpc;
  readonly #network: Network;
  /** Slots of the final blocks that were looked at last, by number: where a search begins. */
  readonly #seen = new Map<number, number>();

  constructor(rpc: Rpc, network: Network) {
    this.#rpc = rpc;
    this.#network = network;
  }

  async blocks({ first, last }: SlotRange): Promise<readonly ChainBlock[]> {
    const final = await finalBlock(this.#rpc, this.#network);
    const finalSlot = this.slotOf(final.seconds);
    // The final block itself has no final one behind it that proves it.
    const end = Math.min(last, finalSlot - 1);
    if (end < first) return [];
    const start = await this.#numberAt(first, { number: final.number, slot: finalSlot });
    const found: LinkedBlock[] = [];
    // From the block before them to the one behind them; there are as many as slots at most.
    const bound = Math.min(final.number, start + slotCount({ first, last: end }));
    for (let number = Math.max(0, start - 1); number <= bound; number += BLOCKS_AT_ONCE) {
      const count = Math.min(BLOCKS_AT_ONCE, bound - number + 1);
      const part = await Promise.all(
        Array.from({ length: count }, (_, index) => this.#linked(number + index)),
      );
      // What the node lacks breaks the chain of parents there.
      found.push(...part.flatMap((one) => one ?? []));
      if (part.some((one) => one && !Number.isInteger(one.slot))) throw otherChain(this.#network.name);
      if (part.some((one) => one && one.slot > end)) break;
    }
    return provenBlocks({ first, last: end }, found);
  }

  /** The slot of a block's time: -1 for those from before slot 0, a fraction for those from before the merge. */
  slotOf(seconds: number): number {
    const since = seconds - slotStartMs(this.#network, 0) / 1000;
    return since < 0 ? -1 : since / SECONDS_PER_SLOT;
  }

  /** The number of the first block whose slot isn't before `slot`; what is between known blocks is guessed at by rule of three. */
  async #numberAt(slot: number, final: Place): Promise<number> {
    let low: Place = { number: 0, slot: -1 };
    let high = final;
    for (const [number, its] of this.#seen) {
      if (its < slot && number >= low.number) low = { number: number + 1, slot: its };
      if (its >= slot && number < high.number) high = { number, slot: its };
    }
    for (let guesses = 0; low.number < high.number; guesses++) {
      const share = (slot - low.slot) / Math.max(1, high.slot - low.slot);
      const room = high.number - low.number - 1;
      // Missed slots lie unevenly, and blocks from before slot 0 have no slot: halving ends that in any case.
      const ahead = guesses % 3 === 2 ? room / 2 : Math.min(room, Math.max(0, room * share));
      const number = low.number + Math.floor(ahead);
      const found = await this.#linked(number);
      // Pruned: later ones are there.
      if (!found || found.slot < slot) low = { number: number + 1, slot: found?.slot ?? low.slot };
      else high = { number, slot: found.slot };
    }
    return low.number;
  }

  async #linked(number: number): Promise<LinkedBlock | undefined> {
    // Nodes say that they have cut off a block by null, or by an error.
    const block = await unlessPruned(async () =>
      nodeDecoded(
        nullableBlock,
        await this.#rpc("eth_getBlockByNumber", [`0x${number.toString(16)}`, false]),
      ),
    );
    if (!block) return undefined;
    if (Number(block.number) !== number) throw strangeNode("a block has another number");
    const slot = this.slotOf(Number(block.timestamp));
    this.#seen.delete(number);
    this.#seen.set(number, slot);
    const oldest = this.#seen.size > MOST_SEEN ? this.#seen.keys().next() : undefined;
    if (oldest && !oldest.done) this.#seen.delete(oldest.value);
    return {
      slot,
      id: block.hash.toLowerCase(),
      parentId: block.parentHash.toLowerCase(),
      block: rowOf(slot, block),
    };
  }
}

function rowOf(slot: number, block: NodeBlock): ChainBlock {
  const { baseFeePerGas, blobGasUsed = "0x0", extraData, parentBeaconBlockRoot } = block;
  const decimal = (told: string) => BigInt(told).toString();
  return {
    slot: String(slot),
    status: "canonical",
    block_root: null,
    // EIP-4788: the root of the parent's beacon block.
    parent_root: parentBeaconBlockRoot?.toLowerCase() ?? null,
    block_hash: block.hash.toLowerCase(),
    parent_hash: block.parentHash.toLowerCase(),
    block_number: decimal(block.number),
    proposer_index: null,
    proposer_pubkey: null,
    fee_recipient: block.miner.toLowerCase(),
    gas_used: decimal(block.gasUsed),
    gas_limit: decimal(block.gasLimit),
    base_fee_per_gas: baseFeePerGas === undefined ? null : decimal(baseFeePerGas),
    extra_data: extraData.toLowerCase(),
    extra_data_text: extraText(extraData),
    transactions: String(block.transactions.length),
    blobs: String(Number(blobGasUsed) / BLOB_GAS),
    timestamp: new Date(Number(block.timestamp) * 1000).toISOString(),
  };
}

function otherChain(network: string): UserError {
  return new UserError(`--chain: the node is of another network than ${network}`, { exitCode: 2 });
}
