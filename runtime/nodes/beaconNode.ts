import * as E from "fp-ts/lib/Either.js";
import * as t from "io-ts";
import pLimit from "p-limit";
import type { NodeAnswer, AskNode } from "./askNode.ts";
import type { CanonicalChain } from "../chain/canonicalChain.ts";
import { type Network, SLOTS_PER_EPOCH } from "../chain/networks.ts";
import { UserError } from "../errors.ts";

const digits = t.refinement(t.string, (text) => /^\d{1,15}$/.test(text));
const hash = t.refinement(t.string, (text) => /^0x[0-9a-fA-F]{64}$/.test(text));
const genesisType = t.type({ data: t.type({ genesis_time: digits }) });
const headType = t.type({ data: t.type({ header: t.type({ message: t.type({ slot: digits }) }) }) });
/** What every fork's block has (beacon-APIs, types/beacon_block). */
const blockType = t.type({
  version: t.string,
  data: t.type({ message: t.type({ slot: digits, body: t.UnknownRecord }) }),
});
const payloadType = t.type({ execution_payload: t.type({ block_hash: hash }) });
/** Since Gloas (EIP-7732) a block holds a bid for a payload, which may come or not. */
const bidType = t.type({
  signed_execution_payload_bid: t.type({ message: t.type({ block_hash: hash, parent_block_hash: hash }) }),
});

const BEFORE_THE_MERGE = new Set(["phase0", "altair"]);
const WITH_PAYLOAD = new Set(["bellatrix", "capella", "deneb", "electra", "fulu"]);
/** The hash in a Bellatrix block from before the merge. */
const NO_HASH = `0x${"0".repeat(64)}`;

/** Blocks of MBs, transactions included: more at once would cost memory. */
const REQUESTS_AT_ONCE = 4;
/** Within so many slots another block follows on any chain that finalizes. */
const LONGEST_GAP = 2 * SLOTS_PER_EPOCH;

/** What a beacon block says of execution: the hash of its payload, or (`parent`) only of the one that it was promised. */
interface BeaconBlock {
  readonly hash: string | null;
  /** Hash of the payload on which the promised one builds; undefined where the payload is in the block. */
  readonly parent?: string;
}

/** The canonical chain by a beacon node, a request a slot. */
export function beaconChain(ask: AskNode, genesis: unknown, network: Network): CanonicalChain {
  const { data } = decoded(genesisType, genesis);
  if (Number(data.genesis_time) !== network.genesis)
    throw new UserError(`--canonical: the node is of another network than ${network.name}`, { exitCode: 2 });
  return {
    async settled() {
      const head = decoded(headType, jsonOf(await ask("/eth/v1/beacon/headers/head")));
      return Number(head.data.header.message.slot) - 2 * SLOTS_PER_EPOCH;
    },
    async blocks(slots) {
      const limit = pLimit(REQUESTS_AT_ONCE);
      const reader = new BlockReader(ask);
      const told = await Promise.all(
        slots.map((slot) => limit(async () => [slot, await reader.executed(slot)] as const)),
      );
      return new Map(told);
    },
  };
}

class BlockReader {
  readonly #ask: AskNode;
  readonly #read = new Map<number, Promise<BeaconBlock | undefined>>();

  constructor(ask: AskNode) {
    this.#ask = ask;
  }

  /** Hash of the execution block of a slot; null where the slot was missed, or its payload never came. */
  async executed(slot: number): Promise<string | null> {
    const block = await this.#at(slot);
    if (block && block.parent === undefined) return block.hash;
    // A node that keeps no blocks of that time answers 404 too: then there is no later one either.
    const next = await this.#after(slot);
    if (!block || next.parent === block.parent) return null;
    if (next.parent === block.hash) return block.hash;
    throw strange();
  }

  async #after(slot: number): Promise<BeaconBlock> {
    for (let next = slot + 1; next <= slot + LONGEST_GAP; next++) {
      const block = await this.#at(next);
      if (block) return block;
    }
    throw new UserError(`--canonical: the node lacks blocks after slot ${slot}; give another URL`);
  }

  async #at(slot: number): Promise<BeaconBlock | undefined> {
    const read = this.#read.get(slot) ?? this.#fetch(slot);
    this.#read.set(slot, read);
    return read;
  }

  async #fetch(slot: number): Promise<BeaconBlock | undefined> {
    const answer = await this.#ask(`/eth/v2/beacon/blocks/${slot}`);
    if (answer.status === 404) return undefined;
    const { version, data } = decoded(blockType, answer.json);
    const { slot: told, body } = data.message;
    if (Number(told) !== slot) throw strange();
    if (BEFORE_THE_MERGE.has(version)) return { hash: null };
    if (WITH_PAYLOAD.has(version)) {
      const { block_hash } = decoded(payloadType, body).execution_payload;
      return { hash: block_hash === NO_HASH ? null : block_hash.toLowerCase() };
    }
    const { block_hash, parent_block_hash } = decoded(bidType, body).signed_execution_payload_bid.message;
    return { hash: block_hash.toLowerCase(), parent: parent_block_hash.toLowerCase() };
  }
}

export function jsonOf(answer: NodeAnswer): unknown {
  if (answer.status === 200) return answer.json;
  throw strange();
}

/** Throws UserError when a node's answer isn't of a type. */
export function decoded<A>(type: t.Type<A, unknown, unknown>, value: unknown): A {
  const result = type.decode(value);
  if (E.isRight(result)) return result.right;
  throw strange();
}

function strange(): UserError {
  return new UserError(
    "--canonical: the node answers, but not as a beacon or execution node does; give another URL",
  );
}
