import type { Profile } from "./profile.ts";
import { type Builder, Makers, buildersOf } from "./builders.ts";
import { outageAt, worthOf } from "./days.ts";
import { Random, mix, mixText, unit } from "./random.ts";

/** A block as a builder made it; every relay that has it says the same of it. */
export interface Block {
  readonly parentHash: string;
  readonly hash: string;
  readonly builder: string;
  /** Wei, decimal. */
  readonly value: string;
  readonly gasUsed: number;
  readonly txCount: number;
  readonly number: number;
  /** Its builder's rank. */
  readonly maker: number;
  /** When it was sent, ms from the start of its slot. */
  readonly sentMs: number;
}

/** What became of a slot. `local`: the proposer built its own block; `reorged`: what was delivered isn't canonical. */
type Fate = "missed" | "local" | "delivered" | "reorged";

export interface SlotFate {
  readonly kind: Fate;
  /** Indexes of the relays that delivered the payload. */
  readonly deliverers: ReadonlySet<number>;
}

/** What all relays share about a slot's auction. */
export interface Auction {
  readonly proposer: string;
  /** The validator's place in the registry. */
  readonly proposerIndex: number;
  readonly feeRecipient: string;
  readonly gasLimit: number;
  /** The block that was delivered, or would have been. */
  readonly winner: Block;
  /** Blocks that their builders sent to several relays. */
  readonly shared: readonly Block[];
  /** Draws one more block, of a builder that sends to a relay, by its index (any builder without it), and to that relay alone. */
  readonly draw: (random: Random, sentMs: number, relay?: number) => Block;
}

/** One slot of each such group is missed. */
const GROUP_SLOTS = 64;
const SHARED_BLOCKS = 24;
const VALIDATORS = 900_000;
const FIRST_BLOCK = 18_500_000;
/** Of a block's hash. */
const SLOT_DIGITS = 8;
const ZERO_HASH = `0x${"0".repeat(64)}`;
/** The auction opens so long before the slot and ends so long after its start, ms. */
export const OPENS_MS = -8000;
export const CLOSES_MS = 900;

/**
 * In what share of the slots offers go on to rise after the one that won, and by how much until the auction's end; in the
 * others nothing better comes.
 */
const LATER = { slots: 0.35, rise: 0.2 } as const;

/** Salts that keep the drawn facts apart; 5 is that of the builders, 8 to 10 are those of the days and of who reaches whom. */
const salt = { missed: 1, fate: 2, block: 3, auction: 4, shared: 6, proposer: 7, later: 11 } as const;

/** The chain and the block auctions of one seed: everything but what single relays make of them. */
export class World {
  readonly #seed: number;
  readonly #profiles: readonly Profile[];
  readonly #others: readonly Profile[];
  readonly #builders: readonly Builder[];
  readonly #auctions = new Map<number, Auction>();

  /** `others` deliver too, but change nothing of what `profiles` deliver. */
  constructor(seed: number, profiles: readonly Profile[], others: readonly Profile[]) {
    this.#seed = seed;
    this.#profiles = profiles.filter(({ relay }) => relay.aliasOf === null);
    this.#others = others.filter(({ share }) => share > 0);
    this.#builders = buildersOf(seed);
  }

  /** The hash of the canonical block in a slot; undefined where the slot was missed. */
  canonicalHash(slot: number): string | undefined {
    const { kind } = this.fate(slot);
    if (kind === "missed") return undefined;
    return this.#hashOf(slot, kind === "delivered" ? 0 : 1);
  }

  /** The hash of a block that was seen in a slot and isn't on the chain: what was delivered and replaced, or came late. */
  orphanedHash(slot: number): string | undefined {
    const { kind } = this.fate(slot);
    if (kind === "reorged") return this.#hashOf(slot, 0);
    const cameLate = kind === "missed" && slot >= 0 && unit(this.#seed, salt.fate, slot, -1) < 0.3;
    return cameLate ? this.#hashOf(slot, 2) : undefined;
  }

  /** The slot of a block on the chain or orphaned; of other hashes a slot that has no such block. */
  slotOfHash(hash: string): number {
    return (Number.parseInt(hash.slice(-SLOT_DIGITS), 16) ^ mixText(hash.slice(0, -SLOT_DIGITS))) >>> 0;
  }

  /** The slot that holds a block number, canonical or reorged. */
  slotOfBlock(number: number): number {
    const full = Math.floor((number - FIRST_BLOCK) / (GROUP_SLOTS - 1)) * GROUP_SLOTS;
    for (let slot = Math.max(0, full - 1); ; slot++) if (this.blockNumber(slot) >= number) return slot;
  }

  /** Cheap: thousands of slots are looked through for one page of payloads. */
  fate(slot: number): SlotFate {
    const kind = this.#kind(slot);
    if (kind === "missed" || kind === "local") return { kind, deliverers: new Set() };
    const working = this.#profiles.filter(
      ({ relay, index }) => worked(relay, slot) && !this.isDown(slot, index),
    );
    const total = working.reduce((sum, { share }) => sum + share, 0);
    const deliverers = new Set<number>();
    let rest = unit(this.#seed, salt.fate, slot, 1) * total;
    for (const { index, share } of working) {
      if (rest >= 0 && rest < share) deliverers.add(index);
      // A payload comes by 1.7 relays on average.
      else if (unit(this.#seed, salt.fate, slot, 2 + index) < share * 0.8) deliverers.add(index);
      rest -= share;
    }
    for (const { index, share } of this.#others)
      if (unit(this.#seed, salt.fate, slot, 2 + index) < share) deliverers.add(index);
    return { kind, deliverers };
  }

  /** Whether a relay that else works shows and delivers nothing in a slot. */
  isDown(slot: number, relay: number): boolean {
    const draw = outageAt(this.#seed, slot);
    if (draw === undefined) return false;
    const working = this.#profiles.filter((profile) => worked(profile.relay, slot));
    return working[draw % working.length]?.index === relay;
  }

  /** The auction of a slot; a few are kept. */
  auction(slot: number): Auction {
    const known = this.#auctions.get(slot);
    if (known) return known;
    const auction = this.#makeAuction(slot);
    const oldest = this.#auctions.size >= 64 ? this.#auctions.keys().next() : undefined;
    if (oldest && !oldest.done) this.#auctions.delete(oldest.value);
    this.#auctions.set(slot, auction);
    return auction;
  }

  /** The public key of a validator; undefined beyond the last one. */
  validatorKey(index: number): string | undefined {
    return index < VALIDATORS ? this.#validator(index).hex(96) : undefined;
  }

  #validator(index: number): Random {
    return new Random(this.#seed, salt.proposer, index);
  }

  #kind(slot: number): Fate {
    const group = Math.floor(slot / GROUP_SLOTS);
    if (slot < 0 || slot === group * GROUP_SLOTS + this.#missedAt(group)) return "missed";
    const luck = unit(this.#seed, salt.fate, slot, 0);
    if (luck < 0.07) return "local";
    return luck < 0.085 ? "reorged" : "delivered";
  }

  #missedAt(group: number): number {
    return mix(this.#seed, salt.missed, group) % GROUP_SLOTS;
  }

  /** Number of the block in a slot, or of the next one where the slot was missed. */
  blockNumber(slot: number): number {
    const group = Math.floor(slot / GROUP_SLOTS);
    return FIRST_BLOCK + slot - group - (slot - group * GROUP_SLOTS > this.#missedAt(group) ? 1 : 0);
  }

  /** The hash of one of a slot's blocks; its last digits hide the slot, so that a node finds a block without an index. */
  #hashOf(slot: number, which: number): string {
    const hash = new Random(this.#seed, salt.block, slot, which).hex(64).slice(0, -SLOT_DIGITS);
    return hash + ((slot ^ mixText(hash)) >>> 0).toString(16).padStart(SLOT_DIGITS, "0");
  }

  /** The nearest canonical block below a slot. */
  blockBelow(slot: number): { slot: number; hash: string } {
    for (let below = slot - 1; below >= 0; below--) {
      const hash = this.canonicalHash(below);
      if (hash !== undefined) return { slot: below, hash };
    }
    return { slot: -1, hash: ZERO_HASH };
  }

  #makeAuction(slot: number): Auction {
    const random = new Random(this.#seed, salt.auction, slot);
    const parent = this.blockBelow(slot);
    // Where the parent came late, some builders still built on its own parent.
    const late = random.chance(0.06) && parent.slot > 0 ? this.blockBelow(parent.slot).hash : undefined;
    const number = this.blockNumber(slot);
    const jackpot = random.chance(0.02) ? 100 + random.below(5_000) : 1;
    const topGwei = Math.exp(17.9 + random.normal()) * jackpot * worthOf(this.#seed, slot);
    const shares = this.#builders.map(({ size, period, phase }) =>
      Math.max(0.005, size * (1 + 0.7 * Math.sin((2 * Math.PI * slot) / period + phase))),
    );
    const makers = new Makers(this.#seed, shares);
    const { deliverers } = this.fate(slot);
    const wonMs = 100 + random.below(500);
    const rise = unit(this.#seed, salt.later, slot) < LATER.slots ? LATER.rise : 0;
    const drawOf = (from: Random, sentMs: number, relays: readonly number[]): Block => {
      const builder = makers.at(from.unit(), relays);
      // Values rise through the slot, faster towards its end: until the winner is sent no other block reaches its value.
      const progress = (Math.min(sentMs, wonMs) - OPENS_MS) / (CLOSES_MS - OPENS_MS);
      const later = 1 + (rise * Math.max(0, sentMs - wonMs)) / (CLOSES_MS - wonMs);
      const reached =
        (0.25 + 0.75 * progress * progress) * later * (1 - 0.012 * builder) * (0.9 + 0.13 * from.unit());
      const onLate = late !== undefined && from.chance(0.25);
      return {
        parentHash: onLate ? late : parent.hash,
        hash: from.hex(64),
        builder: from.pick(this.#builders[builder]?.keys ?? [ZERO_HASH]),
        value: wei(topGwei * reached, from),
        gasUsed: 3_000_000 + from.below(32_000_000),
        txCount: 20 + from.below(380),
        number: onLate ? number - 1 : number,
        maker: builder,
        sentMs,
      };
    };

    const pool = new Random(this.#seed, salt.shared, slot);
    const shared = Array.from({ length: SHARED_BLOCKS }, () =>
      drawOf(pool, OPENS_MS + Math.sqrt(pool.unit()) * (CLOSES_MS - OPENS_MS), []),
    );
    const winner: Block = {
      ...drawOf(random, wonMs, [...deliverers]),
      parentHash: parent.hash,
      number,
      hash: this.#hashOf(slot, 0),
      value: wei(topGwei, random),
    };
    const proposerIndex = mix(this.#seed, slot) % VALIDATORS;
    const proposer = this.#validator(proposerIndex);
    return {
      proposer: proposer.hex(96),
      proposerIndex,
      feeRecipient: proposer.hex(40),
      gasLimit: slot < 4_000_000 ? 30_000_000 : 36_000_000,
      winner,
      shared,
      draw: (from, sentMs, relay) => drawOf(from, sentMs, relay === undefined ? [] : [relay]),
    };
  }
}

/** Whether a relay worked in a slot. */
export function worked(relay: Profile["relay"], slot: number): boolean {
  return slot >= (relay.activeFrom ?? 0) && slot <= (relay.activeTo ?? Infinity);
}

/** Gwei with a random rest, as decimal wei. */
function wei(gwei: number, random: Random): string {
  const whole = Math.floor(gwei);
  const rest = String(random.below(1_000_000_000));
  return whole === 0 ? rest : String(whole) + rest.padStart(9, "0");
}
