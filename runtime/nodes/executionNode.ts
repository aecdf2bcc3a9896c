import * as t from "io-ts";
import type { AskNode } from "./askNode.ts";
import type { CanonicalChain } from "../chain/canonicalChain.ts";
import { type Network, SECONDS_PER_SLOT, SLOTS_PER_EPOCH } from "../chain/networks.ts";
import { slotRuns, slotStartMs } from "../chain/slots.ts";
import { UserError } from "../errors.ts";
import { decoded, jsonOf } from "./beaconNode.ts";

const quantity = t.refinement(t.string, (text) => /^0x[0-9a-fA-F]{1,13}$/.test(text));
const block = t.type({
  number: quantity,
  timestamp: quantity,
  hash: t.refinement(t.string, (text) => /^0x[0-9a-fA-F]{64}$/.test(text)),
});
const replyType = t.array(t.type({ id: t.number, result: t.union([block, t.null]) }));
const chainIdType = t.array(t.type({ result: quantity }));

const BLOCKS_AT_ONCE = 100;
/** Slots that lie further apart are looked up anew. */
const GAP_SLOTS = 2000;

interface Block {
  readonly number: number;
  readonly slot: number;
  readonly hash: string;
}

/** The canonical chain by an execution node: blocks are found by their time, then read in a row. */
export async function executionChain(ask: AskNode, network: Network): Promise<CanonicalChain> {
  const { chainId: expected } = network;
  const id = [{ jsonrpc: "2.0", id: 1, method: "eth_chainId", params: [] }];
  const [told] = decoded(chainIdType, jsonOf(await ask("", id)));
  if (expected !== undefined && Number(told?.result) !== expected) throw otherNetwork(network);
  const chain = new ExecutionChain(ask, network);
  await chain.head();
  return {
    async settled() {
      return (await chain.head()).slot - 2 * SLOTS_PER_EPOCH;
    },
    async blocks(slots) {
      const hashes = new Map<number, string | null>(slots.map((slot) => [slot, null]));
      for (const { first, last } of slotRuns(slots, GAP_SLOTS))
        for await (const { slot, hash } of chain.between(first, last))
          if (hashes.has(slot)) hashes.set(slot, hash);
      return hashes;
    },
  };
}

class ExecutionChain {
  readonly #ask: AskNode;
  readonly #network: Network;

  constructor(ask: AskNode, network: Network) {
    this.#ask = ask;
    this.#network = network;
  }

  async head(): Promise<Block> {
    const [head] = await this.#blocks(["latest"]);
    if (!head) throw otherNetwork(this.#network);
    return head;
  }

  /** The blocks of a run of slots, ascending. */
  async *between(first: number, last: number): AsyncGenerator<Block> {
    const head = await this.head();
    // The first block whose slot isn't before `first`.
    let [low, high] = [0, head.number];
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      const [found] = await this.#blocks([middle]);
      // Pruned or not yet imported: later ones are there.
      if (!found || found.slot < first) low = middle + 1;
      else high = middle;
    }
    for (let number = low; number <= head.number; number += BLOCKS_AT_ONCE) {
      const count = Math.min(BLOCKS_AT_ONCE, head.number - number + 1);
      for (const found of await this.#blocks(Array.from({ length: count }, (_, index) => number + index))) {
        if (!found)
          throw new UserError("--canonical: the node lacks blocks of these slots; give another URL");
        if (found.slot > last) return;
        if (found.slot >= first) yield found;
      }
    }
  }

  /** Blocks by number, in that order; undefined where the node has none. */
  async #blocks(numbers: readonly (number | "latest")[]): Promise<(Block | undefined)[]> {
    const calls = numbers.map((number, id) => ({
      jsonrpc: "2.0",
      id,
      method: "eth_getBlockByNumber",
      params: [number === "latest" ? number : `0x${number.toString(16)}`, false],
    }));
    const results = new Map(
      decoded(replyType, jsonOf(await this.#ask("", calls))).map(({ id, result }) => [id, result]),
    );
    return numbers.map((_, id) => {
      const result = results.get(id);
      return result ? this.#block(result) : undefined;
    });
  }

  #block(result: t.TypeOf<typeof block>): Block {
    const seconds = Number(result.timestamp) - slotStartMs(this.#network, 0) / 1000;
    // Blocks from before the merge have any time; those of slots don't.
    const slot = seconds < 0 ? -1 : seconds / SECONDS_PER_SLOT;
    return { number: Number(result.number), slot: Math.floor(slot), hash: result.hash.toLowerCase() };
  }
}

function otherNetwork(network: Network): UserError {
  return new UserError(`--canonical: the node is of another network than ${network.name}`, { exitCode: 2 });
}
