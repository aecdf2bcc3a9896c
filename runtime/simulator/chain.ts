import { builderNames } from "./builders.ts";
import { type PaymentPlan, paymentPlan } from "./chainPayments.ts";
import { Random, unit } from "./random.ts";
import type { World } from "./world.ts";

/** Salts that keep the drawn facts apart; above those of flaws. */
const salt = { root: 96, block: 97, payment: 98, empty: 99 } as const;

/** What proposers that build alone write into their blocks: their client's name, the first as geth does. */
const CLIENTS = [
  "\u00d8\u0083\u0001\u000e\u0008\u0084geth\u0088go1.22.6\u0085linux",
  "Nethermind v1.27.1",
  "besu 24.8.0",
] as const;
const GWEI = 1_000_000_000n;
/** Of EIP-4844. */
const MOST_BLOBS = 6;

/** An execution block of the simulated chain, or one that was seen and isn't on it. */
export interface ChainedBlock {
  readonly slot: number;
  readonly number: number;
  readonly hash: string;
  readonly parentHash: string;
  readonly isCanonical: boolean;
  /** Who made it and gets its fees; the proposer where it built alone. */
  readonly coinbase: string;
  readonly gasUsed: number;
  readonly gasLimit: number;
  readonly baseFee: bigint;
  /** 0x hex. */
  readonly extraData: string;
  readonly transactions: number;
  readonly blobs: number;
  /** Gwei that leave the consensus layer for the proposer's recipient in this block. */
  readonly withdrawn: bigint;
  readonly recipient: string;
  /** How the proposer is paid; undefined where it built alone. */
  readonly payment: PaymentPlan | undefined;
}

/** What a beacon block says beside its execution block. */
export interface BeaconBlock {
  readonly slot: number;
  readonly root: string;
  readonly parentRoot: string;
  readonly proposerIndex: number;
  readonly isCanonical: boolean;
  /** Since Gloas undefined where the payload never came. */
  readonly executed: ChainedBlock | undefined;
}

/** The chain as a node has it: up to the newest slot, `head`, of which those up to `final` are final. */
export interface NodeOfChain {
  readonly seed: number;
  readonly chain: SimulatedChain;
  readonly head: () => number;
  readonly final: () => number;
}

/**
 * The chain of one seed, the same one that the relays' payloads belong to: a pure function of the slot, worked out when it is
 * asked for. A model and no ledger: a recipient has at the end of its block what it had before and what the block brought.
 */
export class SimulatedChain {
  /** From this slot on blocks are Gloas's: a beacon block may stand where no execution block came. */
  readonly gloasFrom: number;
  readonly #seed: number;
  readonly #world: World;
  readonly #names: ReadonlyMap<string, string>;
  readonly #kept = new Map<string, ChainedBlock>();

  constructor(seed: number, world: World, gloasFrom = Infinity) {
    this.#seed = seed;
    this.#world = world;
    this.#names = builderNames(seed);
    this.gloasFrom = gloasFrom;
  }

  /** The execution block of a slot; undefined where it has none. */
  at(slot: number): ChainedBlock | undefined {
    const hash = this.#world.canonicalHash(slot);
    return hash === undefined ? undefined : this.#block(slot, hash, true);
  }

  /** A block that was seen in a slot and isn't on the chain. */
  orphanAt(slot: number): ChainedBlock | undefined {
    const hash = this.#world.orphanedHash(slot);
    return hash === undefined ? undefined : this.#block(slot, hash, false);
  }

  byHash(hash: string): ChainedBlock | undefined {
    const slot = this.#world.slotOfHash(hash);
    if (this.#world.canonicalHash(slot) === hash) return this.#block(slot, hash, true);
    return this.#world.orphanedHash(slot) === hash ? this.#block(slot, hash, false) : undefined;
  }

  byNumber(number: number): ChainedBlock | undefined {
    if (!Number.isSafeInteger(number) || number < this.#world.blockNumber(0)) return undefined;
    const slot = this.#world.slotOfBlock(number);
    // A missed slot counts as the next block.
    return this.at(slot) ?? this.at(slot + 1);
  }

  /** The beacon block of a slot. */
  beaconAt(slot: number): BeaconBlock | undefined {
    const executed = this.at(slot);
    if (!executed && !this.#withoutPayload(slot)) return undefined;
    return this.#beacon(slot, executed, true);
  }

  beaconOrphanAt(slot: number): BeaconBlock | undefined {
    const executed = this.orphanAt(slot);
    return executed && !this.#withoutPayload(slot) ? this.#beacon(slot, executed, false) : undefined;
  }

  /** The nearest execution block below a slot: number, slot and hash. */
  below(slot: number): { readonly slot: number; readonly hash: string } {
    return this.#world.blockBelow(slot);
  }

  validatorKey(index: number): string | undefined {
    return this.#world.validatorKey(index);
  }

  #withoutPayload(slot: number): boolean {
    return (
      slot >= this.gloasFrom && !this.#world.canonicalHash(slot) && unit(this.#seed, salt.empty, slot) < 0.6
    );
  }

  #beacon(slot: number, executed: ChainedBlock | undefined, isCanonical: boolean): BeaconBlock {
    let below = slot - 1;
    while (below >= 0 && this.#world.canonicalHash(below) === undefined && !this.#withoutPayload(below))
      below--;
    const { proposerIndex } = this.#world.auction(slot);
    const root = this.#root(slot, isCanonical);
    return { slot, root, parentRoot: this.#root(below, true), proposerIndex, isCanonical, executed };
  }

  #root(slot: number, isCanonical: boolean): string {
    return new Random(this.#seed, salt.root, slot, isCanonical ? 0 : 1).hex(64);
  }

  #block(slot: number, hash: string, isCanonical: boolean): ChainedBlock {
    const known = this.#kept.get(hash);
    if (known) return known;
    const block = this.#makeBlock(slot, hash, isCanonical);
    const oldest = this.#kept.size >= 128 ? this.#kept.keys().next() : undefined;
    if (oldest && !oldest.done) this.#kept.delete(oldest.value);
    this.#kept.set(hash, block);
    return block;
  }

  #makeBlock(slot: number, hash: string, isCanonical: boolean): ChainedBlock {
    const { winner, feeRecipient, gasLimit } = this.#world.auction(slot);
    const random = new Random(this.#seed, salt.block, slot, isCanonical ? 0 : 1);
    const number = this.#world.blockNumber(slot);
    const parentHash = this.#world.blockBelow(slot).hash;
    const common = { slot, number, hash, parentHash, isCanonical, gasLimit, recipient: feeRecipient };
    const baseFee = GWEI + BigInt(random.below(20_000_000_000));
    const withdrawn = random.chance(0.05) ? BigInt(1 + random.below(60_000_000)) : 0n;
    if (hash !== winner.hash) {
      const extraData = hexOf(random.pick(CLIENTS));
      const transactions = 20 + random.below(200);
      const gasUsed = 3_000_000 + random.below(20_000_000);
      const blobs = random.below(MOST_BLOBS + 1);
      return {
        ...common,
        baseFee,
        withdrawn,
        extraData,
        transactions,
        gasUsed,
        blobs,
        coinbase: feeRecipient,
        payment: undefined,
      };
    }
    const payment = paymentPlan(
      new Random(this.#seed, salt.payment, slot),
      BigInt(winner.value),
      baseFee,
      feeRecipient,
    );
    return {
      ...common,
      baseFee,
      withdrawn,
      extraData: hexOf(`@${this.#names.get(winner.builder) ?? ""}`),
      transactions: winner.txCount,
      gasUsed: winner.gasUsed,
      // As relays that tell of blobs have it.
      blobs: winner.txCount % (MOST_BLOBS + 1),
      coinbase: `0x${winner.builder.slice(2, 42)}`,
      payment,
    };
  }
}

function hexOf(text: string): string {
  return `0x${Buffer.from(text, "latin1").toString("hex")}`;
}
