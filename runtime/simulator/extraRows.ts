import { simulatedNetwork } from "../chain/networks.ts";
import { slotStartMs } from "../chain/slots.ts";
import type { DatasetName } from "../datasets/dataset.ts";
import type { Profile } from "./profile.ts";
import { Random, unit } from "./random.ts";
import type { RawRow } from "./rows.ts";
import type { Auction, Block } from "./world.ts";

/** Salts that keep the drawn facts apart; above those of relays' rows. */
const salt = { made: 48, adjustments: 49, merged: 50, headers: 51 } as const;
/** Shares of the delivered blocks that a relay that adjusts made itself. */
const MADE = { adjusted: 0.4, helixAdjusted: 0.2 };
/** Share of the slots with bids whose proposer asked a relay that didn't deliver. */
const ASKED = 0.7;
/** A relay has stored a bid so long after it was sent at the latest, beside its latency, ms. */
const STORED_MS = 65;

/** How a relay made the block that it delivered of one that was bid. */
export type Making = "adjusted" | "merged";

/** How a relay made what it delivered in a slot; undefined where it is what was bid. Helix relays merge too. */
export function madeBy({ relay, index }: Profile, seed: number, slot: number): Making | undefined {
  if (!relay.adjusts) return undefined;
  const luck = unit(seed, salt.made, slot, index);
  if (luck >= MADE.adjusted) return undefined;
  return relay.dialect === "helix" && luck >= MADE.helixAdjusted ? "merged" : "adjusted";
}

/** The block that was bid, and of which the relay made the slot's winner: worth more where it was adjusted, less where merged. */
export function submittedBlock(
  profile: Profile,
  seed: number,
  slot: number,
  { winner, draw }: Auction,
): Block {
  const making = madeBy(profile, seed, slot);
  const random = new Random(seed, salt.made, slot, profile.index, 1);
  const difference = partOf(BigInt(winner.value), random);
  const value = BigInt(winner.value) + (making === "merged" ? -difference : difference);
  return {
    ...draw(random, winner.sentMs),
    parentHash: winner.parentHash,
    number: winner.number,
    value: String(value),
  };
}

/** Up to 3 % of a value. */
function partOf(value: bigint, random: Random): bigint {
  return (value * BigInt(1 + random.below(300))) / 10_000n;
}

/** What a relay knows of a slot, as far as extras need it. */
export interface SlotKnown {
  readonly slot: number;
  readonly auction: Auction;
  readonly delivered: boolean;
}

type Values = Readonly<Record<string, string | null>>;

/** What a relay shows of a slot besides bids and payloads, each in its own form. */
export class ExtraRows {
  readonly #seed: number;
  readonly #profile: Profile;

  constructor(seed: number, profile: Profile) {
    this.#seed = seed;
    this.#profile = profile;
  }

  of(dataset: DatasetName, known: SlotKnown): readonly RawRow[] {
    if (dataset === "adjustments") return this.#adjustments(known);
    if (dataset === "merged_blocks") return this.#merged(known);
    return dataset === "headers" ? this.#headers(known) : [];
  }

  /** Of some slots more than what landed. */
  #adjustments(known: SlotKnown): RawRow[] {
    const { slot, auction, delivered } = known;
    if (!delivered || !this.#profile.relay.adjusts) return [];
    const random = new Random(this.#seed, salt.adjustments, slot, this.#profile.index);
    const row = (submitted: Block, adjusted: Pick<Block, "hash" | "value">) => {
      const start = slotStartMs(simulatedNetwork(this.#seed), slot);
      const received = new Date(start + Math.floor(submitted.sentMs)).toISOString().replace("Z", "417Z");
      const delta = String(BigInt(submitted.value) - BigInt(adjusted.value));
      const table = {
        block_number: String(submitted.number),
        builder_pubkey: submitted.builder,
        submitted_block_hash: submitted.hash,
        adjusted_block_hash: adjusted.hash,
        submitted_value: submitted.value,
        adjusted_value: adjusted.value,
        delta,
        submitted_received_at: received,
      };
      const sent = { ...table, block_number: submitted.number };
      return extraRow(known, submitted, table, sent);
    };
    const lost = auction.shared.slice(0, random.chance(0.4) ? random.below(4) : 0).map((block) => {
      const value = BigInt(block.value);
      return row(block, { hash: random.hex(64), value: String(value - partOf(value, random)) });
    });
    const isLanded = madeBy(this.#profile, this.#seed, slot) === "adjusted";
    return isLanded
      ? [...lost, row(submittedBlock(this.#profile, this.#seed, slot, auction), auction.winner)]
      : lost;
  }

  #merged(known: SlotKnown): RawRow[] {
    const { slot, auction, delivered } = known;
    const { winner } = auction;
    if (!delivered || madeBy(this.#profile, this.#seed, slot) !== "merged") return [];
    const original = submittedBlock(this.#profile, this.#seed, slot, auction);
    const random = new Random(this.#seed, salt.merged, slot, this.#profile.index);
    const uplift = BigInt(winner.value) - BigInt(original.value);
    const [base, own, revenue] = [uplift / 3n, uplift / 5n, uplift / 7n];
    const contribution = String(uplift + base + own + revenue);
    const inclusions = {
      [random.hex(40)]: { contribution, revenue: String(revenue), txs: [random.hex(64)] },
    };
    const counts = {
      original_tx_count: String(original.txCount),
      merged_tx_count: String(original.txCount + 1),
    };
    const table = {
      block_number: String(winner.number),
      original_block_hash: original.hash,
      block_hash: winner.hash,
      original_value: original.value,
      proposer_value: winner.value,
      total_merged_value: contribution,
      base_builder_revenue: String(base),
      relay_revenue: String(own),
      ...counts,
      original_blob_count: "3",
      merged_blob_count: "3",
      original_gas_used: String(original.gasUsed),
      merged_gas_used: String(original.gasUsed + 21_000),
      builder_inclusions: JSON.stringify(inclusions),
    };
    const gas = { original_gas_used: original.gasUsed, merged_gas_used: original.gasUsed + 21_000 };
    return [
      extraRow(known, winner, table, {
        slot: String(slot),
        ...table,
        ...gas,
        builder_inclusions: inclusions,
      }),
    ];
  }

  /** One for each time that the proposer asked; the last is of what was delivered. */
  #headers(known: SlotKnown): RawRow[] {
    const { slot, auction, delivered } = known;
    const { winner, shared, proposer, feeRecipient } = auction;
    const random = new Random(this.#seed, salt.headers, slot, this.#profile.index);
    if (!delivered && !random.chance(ASKED)) return [];
    const asked = 300 + random.below(1200);
    const came = Math.ceil(winner.sentMs) + STORED_MS + this.#profile.latencyMs;
    const first =
      slotStartMs(simulatedNetwork(this.#seed), slot) + (delivered ? Math.max(asked, came) : asked);
    const blocks = [...shared.slice(0, random.below(3)), delivered ? winner : (shared.at(-1) ?? winner)];
    return blocks.map((block, at) => {
      const ms = first + 90 * at;
      const shared_ = {
        parent_hash: block.parentHash,
        block_hash: block.hash,
        builder_pubkey: block.builder,
        proposer_pubkey: proposer,
        proposer_fee_recipient: feeRecipient,
        value: block.value,
      };
      const rest = { extra_data: "0x6d65762d6275696c646572", region: at % 2 === 0 ? "eu" : "na" };
      const table = {
        ...shared_,
        block_number: String(block.number),
        timestamp_ms: String(ms),
        timestamp: new Date(ms).toISOString(),
        ...rest,
      };
      const numbers = { block_number: block.number, proposer_send_timestamp_ms: ms };
      return extraRow(known, block, table, { slot: String(slot), ...shared_, ...numbers, ...rest });
    });
  }
}

function extraRow({ slot, auction }: SlotKnown, block: Block, table: Values, sent: object): RawRow {
  const { proposer, feeRecipient, gasLimit } = auction;
  const none = { received: undefined, optimistic: undefined, blobs: undefined, quirk: undefined };
  return { slot, block, proposer, feeRecipient, gasLimit, ...none, table, json: JSON.stringify(sent) };
}
