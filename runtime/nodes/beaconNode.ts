import * as t from "io-ts";
import pLimit from "p-limit";
import {
  type ChainBlock,
  type ChainSource,
  extraText,
  type LinkedBlock,
  missedBlock,
  provenBlocks,
} from "../chain/chainSource.ts";
import { type Network, SLOTS_PER_EPOCH } from "../chain/networks.ts";
import type { SlotRange } from "../chain/slots.ts";
import { UserError } from "../errors.ts";
import type { AskNode } from "./askNode.ts";
import { address20, digits, hash32, hexBytes, nodeDecoded, strangeNode } from "./nodeTypes.ts";

const genesisType = t.type({ data: t.type({ genesis_time: digits }) });
const headerType = t.type({
  root: hash32,
  canonical: t.boolean,
  header: t.type({ message: t.type({ slot: digits, proposer_index: digits, parent_root: hash32 }) }),
});
const oneHeader = t.type({ data: headerType });
const headers = t.type({ data: t.array(headerType) });
/** What every fork's block has (beacon-APIs, types/beacon_block). */
const blockType = t.type({
  version: t.string,
  data: t.type({ message: t.type({ slot: digits, parent_root: hash32, body: t.UnknownRecord }) }),
});
const payloadType = t.intersection([
  t.type({
    execution_payload: t.type({
      parent_hash: hash32,
      block_hash: hash32,
      block_number: digits,
      fee_recipient: address20,
      gas_limit: digits,
      gas_used: digits,
      timestamp: digits,
      extra_data: hexBytes,
      base_fee_per_gas: digits,
      transactions: t.array(t.unknown),
    }),
  }),
  t.partial({ blob_kzg_commitments: t.array(t.unknown) }),
]);
/** Since Gloas (EIP-7732) a block holds a bid for a payload, which may come or not. */
const bidType = t.type({
  signed_execution_payload_bid: t.type({
    message: t.intersection([
      t.type({ block_hash: hash32, parent_block_hash: hash32 }),
      t.partial({ fee_recipient: address20, gas_limit: digits, blob_kzg_commitments: t.array(t.unknown) }),
    ]),
  }),
});
const validatorsType = t.type({
  data: t.array(t.type({ index: digits, validator: t.type({ pubkey: hexBytes }) })),
});

const BEFORE_THE_MERGE = new Set(["phase0", "altair"]);
const WITH_PAYLOAD = new Set(["bellatrix", "capella", "deneb", "electra", "fulu"]);
/** The hash in a Bellatrix block from before the merge. */
const NO_HASH = `0x${"0".repeat(64)}`;

/** Blocks of MBs, transactions included: more at once would cost memory. */
const REQUESTS_AT_ONCE = 4;
/** Public keys that are asked for together: more would make too long a URL. */
const KEYS_AT_ONCE = 64;
/** Within so many slots another block follows on any chain that finalizes. */
const LONGEST_GAP = 2 * SLOTS_PER_EPOCH;

type Header = t.TypeOf<typeof headerType>;

/** A block's row, and what the next block must build on if its payload came; undefined where the payload is in the block. */
interface ReadBlock {
  readonly row: ChainBlock;
  readonly promised?: { readonly hash: string; readonly parent: string };
}

/** The finalized chain by a beacon node's API: a header each slot, and the block of each header by its root. */
export function beaconSource(ask: AskNode, genesis: unknown, network: Network): ChainSource {
  const { data } = decoded(genesisType, genesis);
  if (Number(data.genesis_time) !== network.genesis)
    throw new UserError(`--chain: the node is of another network than ${network.name}`, { exitCode: 2 });
  const chain = new FinalChain(ask);
  return {
    name: "beacon",
    final: async () => (await chain.finalSlot()) - 1,
    blocks: (range) => chain.blocks(range),
    close() {},
  };
}

class FinalChain {
  readonly #ask: AskNode;
  readonly #keys = new Map<string, string>();
  readonly #limit = pLimit(REQUESTS_AT_ONCE);

  constructor(ask: AskNode) {
    this.#ask = ask;
  }

  /** The slot of the newest block that is final. */
  async finalSlot(): Promise<number> {
    const answer = await this.#ask("/eth/v1/beacon/headers/finalized");
    if (answer.status === 404)
      throw new UserError("--chain: the node has no final block yet: let it synchronize first");
    return slotOf(decoded(oneHeader, answer.json).data);
  }

  async blocks({ first, last }: SlotRange): Promise<readonly ChainBlock[]> {
    const final = await this.finalSlot();
    // The final block itself has no final one behind it that proves it.
    const end = Math.min(last, final - 1);
    if (end < first) return [];
    const own = Array.from({ length: end - first + 1 }, (_, index) => first + index);
    const found = (await Promise.all(own.map((slot) => this.#header(slot)))).flatMap(
      (header) => header ?? [],
    );
    const [oldest] = found;
    // A missed slot at an end of the range is proven by blocks beyond it.
    const before = oldest && slotOf(oldest) === first ? undefined : await this.#nearest(first, -1, 0);
    const behind = await this.#nearest(end, 1, final);
    const known = [before, ...found, behind].flatMap((header) => header ?? []);
    const read = new Map<Header, ReadBlock>();
    await Promise.all(
      known.map(async (header) => {
        const block = await this.#block(header);
        if (block) read.set(header, block);
      }),
    );
    const linked = known.map((header, place) => linkOf(header, read, known[place + 1]));
    const rows = provenBlocks(
      { first, last: end },
      linked.flatMap((one) => one ?? []),
    );
    return this.#withKeys(
      await Promise.all(rows.map(async (row) => (row.status === "missed" ? this.#orphaned(row) : row))),
    );
  }

  /** The header of the block on the chain in a slot; undefined where the node knows none. */
  async #header(slot: number): Promise<Header | undefined> {
    const answer = await this.#limit(() => this.#ask(`/eth/v1/beacon/headers/${slot}`));
    if (answer.status === 404) return undefined;
    const header = decoded(oneHeader, answer.json).data;
    if (slotOf(header) !== slot) throw strange("a header is of another slot");
    return header.canonical ? header : undefined;
  }

  /** The nearest header beyond a slot, up to a bound. */
  async #nearest(slot: number, step: 1 | -1, bound: number): Promise<Header | undefined> {
    for (let gap = 1; gap <= LONGEST_GAP; gap++) {
      const next = slot + step * gap;
      if (step * (next - bound) > 0) return undefined;
      const header = await this.#header(next);
      if (header) return header;
    }
    return undefined;
  }

  /** The block of a header, by its root: a node behind the same address that knows another chain has none. */
  async #block({ root, header }: Header): Promise<ReadBlock | undefined> {
    const answer = await this.#limit(() => this.#ask(`/eth/v2/beacon/blocks/${root}`));
    if (answer.status === 404) return undefined;
    const { version, data } = decoded(blockType, answer.json);
    const { slot, parent_root, body } = data.message;
    if (slot !== header.message.slot || parent_root !== header.message.parent_root)
      throw strange("a block isn't that of its header");
    return readBlock(version, body, {
      ...missedBlock(Number(slot)),
      status: "canonical",
      block_root: root.toLowerCase(),
      parent_root: parent_root.toLowerCase(),
      proposer_index: header.message.proposer_index,
    });
  }

  /** The row of a missed slot, or that of a block which was seen in it and isn't on the chain, where the node still has it. */
  async #orphaned(row: ChainBlock): Promise<ChainBlock> {
    const answer = await this.#limit(() => this.#ask(`/eth/v1/beacon/headers?slot=${row.slot}`));
    const seen = answer.status === 404 ? [] : decoded(headers, answer.json).data;
    const [orphan] = seen.filter((header) => !header.canonical && header.header.message.slot === row.slot);
    const block = orphan && (await this.#block(orphan));
    return block ? { ...block.row, status: "orphaned" } : row;
  }

  async #withKeys(rows: readonly ChainBlock[]): Promise<readonly ChainBlock[]> {
    const unknown = [...new Set(rows.flatMap(({ proposer_index }) => proposer_index ?? []))].filter(
      (index) => !this.#keys.has(index),
    );
    for (let at = 0; at < unknown.length; at += KEYS_AT_ONCE) {
      const ids = unknown.slice(at, at + KEYS_AT_ONCE).join(",");
      const answer = await this.#ask(`/eth/v1/beacon/states/finalized/validators?id=${ids}`);
      // A node that doesn't tell of validators leaves their keys unknown.
      if (answer.status === 404) break;
      for (const { index, validator } of decoded(validatorsType, answer.json).data)
        this.#keys.set(index, validator.pubkey.toLowerCase());
    }
    return rows.map((row) => ({ ...row, proposer_pubkey: this.#keys.get(row.proposer_index ?? "") ?? null }));
  }
}

function slotOf({ header }: Header): number {
  return Number(header.message.slot);
}

/**
 * A block that can be linked to those around it. Since Gloas the next block says whether its payload came: it builds on that, or
 * on the same as this one. Undefined where that can't be told.
 */
function linkOf(
  header: Header,
  read: ReadonlyMap<Header, ReadBlock>,
  next: Header | undefined,
): LinkedBlock | undefined {
  const block = read.get(header);
  if (!block) return undefined;
  const id = header.root.toLowerCase();
  const link = { slot: slotOf(header), id, parentId: header.header.message.parent_root.toLowerCase() };
  const { row, promised } = block;
  // Nothing is asked of the last one but whom it names as its parent.
  if (!promised || !next) return { ...link, block: row };
  const builtOn = read.get(next)?.promised?.parent;
  if (builtOn === promised.hash) return { ...link, block: row };
  if (next.header.message.parent_root.toLowerCase() !== id || !read.has(next)) return undefined;
  if (builtOn !== promised.parent) throw strange("a block builds on a payload that it can't");
  const { status, block_root, parent_root, proposer_index } = row;
  return { ...link, block: { ...missedBlock(link.slot), status, block_root, parent_root, proposer_index } };
}

/** What a block's body says, by its fork; forks that aren't known yet are taken to be of Gloas's form. */
function readBlock(version: string, body: Readonly<Record<string, unknown>>, known: ChainBlock): ReadBlock {
  if (BEFORE_THE_MERGE.has(version)) return { row: known };
  if (!WITH_PAYLOAD.has(version)) {
    const bid = decoded(bidType, body).signed_execution_payload_bid.message;
    const promised = { hash: bid.block_hash.toLowerCase(), parent: bid.parent_block_hash.toLowerCase() };
    const row = {
      ...known,
      block_hash: promised.hash,
      parent_hash: promised.parent,
      fee_recipient: bid.fee_recipient?.toLowerCase() ?? null,
      gas_limit: bid.gas_limit ?? null,
      blobs: countOf(bid.blob_kzg_commitments),
    };
    return { row, promised };
  }
  const { execution_payload: payload, blob_kzg_commitments } = decoded(payloadType, body);
  if (payload.block_hash === NO_HASH) return { row: known };
  const row = {
    ...known,
    block_hash: payload.block_hash.toLowerCase(),
    parent_hash: payload.parent_hash.toLowerCase(),
    block_number: payload.block_number,
    fee_recipient: payload.fee_recipient.toLowerCase(),
    gas_used: payload.gas_used,
    gas_limit: payload.gas_limit,
    base_fee_per_gas: payload.base_fee_per_gas,
    extra_data: payload.extra_data.toLowerCase(),
    extra_data_text: extraText(payload.extra_data),
    transactions: String(payload.transactions.length),
    // Without blobs before Deneb, as execution nodes have it.
    blobs: countOf(blob_kzg_commitments ?? []),
    timestamp: new Date(Number(payload.timestamp) * 1000).toISOString(),
  };
  return { row };
}

function decoded<A>(type: t.Type<A, unknown, unknown>, value: unknown): A {
  return nodeDecoded(type, value, "a beacon");
}

function strange(what: string) {
  return strangeNode(what, "a beacon");
}

function countOf(list: readonly unknown[] | undefined): string | null {
  return list ? String(list.length) : null;
}
