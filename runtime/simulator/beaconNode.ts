import { simulatedNetwork, SECONDS_PER_SLOT } from "../chain/networks.ts";
import type { BeaconBlock, ChainedBlock, NodeOfChain } from "./chain.ts";
import { transactionHashes } from "./chainTransactions.ts";

/** What a node answers: JSON, or only that there is no such thing. */
export type BeaconAnswer = { readonly status: 200; readonly json: object } | { readonly status: 404 };

const NOT_FOUND: BeaconAnswer = { status: 404 };
const HASH = /^0x[0-9a-f]{64}$/;

/** Answers the beacon API as a node of the simulated chain does, as far as blocks are examined. */
export class SimulatedBeaconNode {
  readonly #of: NodeOfChain;
  /** Slots of the roots that were shown, for questions by root. */
  readonly #slots = new Map<string, number>();

  constructor(of: NodeOfChain) {
    this.#of = of;
  }

  answer(path: string, params: URLSearchParams): BeaconAnswer {
    const [, kind = "", id = ""] =
      /^\/eth\/v[12]\/beacon\/(genesis|headers|blocks)(?:\/(\w+))?$/.exec(path) ?? [];
    if (kind === "genesis") {
      const { genesis } = simulatedNetwork(this.#of.seed);
      return { status: 200, json: { data: { genesis_time: String(genesis) } } };
    }
    if (kind === "headers" && id === "") {
      const slot = Number(params.get("slot") ?? this.#of.head());
      const seen =
        slot > this.#of.head() ? [] : [this.#of.chain.beaconAt(slot), this.#of.chain.beaconOrphanAt(slot)];
      return {
        status: 200,
        json: { data: seen.flatMap((block) => (block ? [this.#headerJson(block)] : [])) },
      };
    }
    if (/\/beacon\/states\/\w+\/validators$/.test(path)) return this.#validators(params.getAll("id"));
    const block = kind === "" ? undefined : this.#named(id);
    if (!block) return NOT_FOUND;
    return {
      status: 200,
      json: kind === "headers" ? { data: this.#headerJson(block) } : this.#blockJson(block),
    };
  }

  #named(id: string): BeaconBlock | undefined {
    if (HASH.test(id)) {
      const slot = this.#slots.get(id) ?? -1;
      return [this.#of.chain.beaconAt(slot), this.#of.chain.beaconOrphanAt(slot)].find(
        (block) => block?.root === id,
      );
    }
    if (id !== "head" && id !== "finalized") {
      const slot = Number(id);
      return slot > this.#of.head() ? undefined : this.#of.chain.beaconAt(slot);
    }
    for (let slot = id === "head" ? this.#of.head() : this.#of.final(); slot >= 0; slot--) {
      const block = this.#of.chain.beaconAt(slot);
      if (block) return block;
    }
    return undefined;
  }

  #validators(ids: readonly string[]): BeaconAnswer {
    const data = ids
      .flatMap((list) => list.split(","))
      .flatMap((index) => {
        const pubkey = this.#of.chain.validatorKey(Number(index));
        return pubkey === undefined ? [] : [{ index, status: "active_ongoing", validator: { pubkey } }];
      });
    return { status: 200, json: { data } };
  }

  #headerJson(block: BeaconBlock): object {
    this.#slots.set(block.root, block.slot);
    return {
      root: block.root,
      canonical: block.isCanonical,
      header: {
        message: {
          slot: String(block.slot),
          proposer_index: String(block.proposerIndex),
          parent_root: block.parentRoot,
        },
      },
    };
  }

  #blockJson(block: BeaconBlock): object {
    const { slot, proposerIndex, parentRoot, executed } = block;
    const isGloas = slot >= this.#of.chain.gloasFrom;
    const body = isGloas
      ? this.#bid(block)
      : {
          execution_payload: executed && this.#payload(executed),
          blob_kzg_commitments: commitments(executed),
        };
    const message = {
      slot: String(slot),
      proposer_index: String(proposerIndex),
      parent_root: parentRoot,
      body,
    };
    return { version: isGloas ? "gloas" : "fulu", finalized: slot <= this.#of.final(), data: { message } };
  }

  /** What a Gloas block holds: the bid for its payload, which may come or not. */
  #bid({ slot, executed }: BeaconBlock): object {
    const promised = executed?.hash ?? `0x${slot.toString(16).padStart(64, "0")}`;
    return {
      signed_execution_payload_bid: {
        message: {
          parent_block_hash: this.#of.chain.below(slot).hash,
          block_hash: promised,
          fee_recipient: executed?.coinbase ?? `0x${"0".repeat(40)}`,
          gas_limit: String(executed?.gasLimit ?? 0),
          slot: String(slot),
          value: "0",
          blob_kzg_commitments: commitments(executed),
        },
      },
    };
  }

  #payload(block: ChainedBlock): object {
    const { withdrawn, recipient } = block;
    return {
      parent_hash: block.parentHash,
      block_hash: block.hash,
      block_number: String(block.number),
      fee_recipient: block.coinbase,
      gas_limit: String(block.gasLimit),
      gas_used: String(block.gasUsed),
      timestamp: String(simulatedNetwork(this.#of.seed).genesis + SECONDS_PER_SLOT * block.slot),
      extra_data: block.extraData,
      base_fee_per_gas: String(block.baseFee),
      transactions: transactionHashes(this.#of.seed, block),
      withdrawals:
        withdrawn === 0n
          ? []
          : [{ index: "1", validator_index: "1", address: recipient, amount: String(withdrawn) }],
    };
  }
}

function commitments(block: ChainedBlock | undefined): string[] {
  return Array.from({ length: block?.blobs ?? 0 }, (_, index) => `0x${index.toString(16).padStart(96, "0")}`);
}
