import type { Profile } from "./profile.ts";
import { simulatedNetwork } from "../chain/networks.ts";
import { slotStartMs } from "../chain/slots.ts";
import type { DatasetName } from "../datasets/dataset.ts";
import { reaches } from "./builders.ts";
import { ExtraRows, madeBy, submittedBlock } from "./extraRows.ts";
import { FlawInSlot } from "./flaws.ts";
import { type Quirk, badRow, oddBid, oddPayload } from "./quirks.ts";
import { Random, unit } from "./random.ts";
import { type RawRow, SimulatedRow, type RowWriter, rowWriter } from "./rows.ts";
import { type Auction, type Block, CLOSES_MS, OPENS_MS, type World, worked } from "./world.ts";

/** Salts that keep the drawn facts apart; above those of the world. */
const salt = { bids: 32, second: 33, payloads: 35, empty: 36 } as const;

/** Share of a relay's slots in which a builder takes a bid back. */
const CANCELLED = 0.2;

/** What one relay has stored of each slot, whatever its dialect shows of it. */
export class RelayRows {
  readonly #seed: number;
  readonly #profile: Profile;
  readonly #world: World;
  readonly #scale: number;
  readonly #write: RowWriter;
  readonly #extras: ExtraRows;

  /** `scale` multiplies the number of bids. */
  constructor(seed: number, profile: Profile, world: World, scale: number) {
    this.#seed = seed;
    this.#profile = profile;
    this.#world = world;
    this.#scale = scale;
    this.#extras = new ExtraRows(seed, profile);
    this.#write = rowWriter(profile.style, profile.relay.dialect === "bloxroute");
  }

  /** The bids of a slot in the order in which they were stored. */
  bids(slot: number): readonly RawRow[] {
    const { index, bids, style } = this.#profile;
    const flaw = new FlawInSlot(this.#profile.flaw, this.#seed, slot, index);
    if (!this.#hasBids(slot) || flaw.hidesBids) return [];
    const auction = this.#world.auction(slot);
    const random = new Random(this.#seed, salt.bids, slot, index);
    const { deliverers } = this.#world.fate(slot);
    const row = (block: Block, quirk?: Quirk) => this.#bidRow(slot, auction, block, random, quirk);

    const sends = ({ maker }: Block) => reaches(this.#seed, maker, index);
    const offered = this.#deliveredBlocks(slot, auction).map((block) => row(block));
    if (deliverers.has(index) && madeBy(this.#profile, this.#seed, slot)) {
      // What was bid isn't what was delivered: the relay made another block of it.
      offered[0] = row(submittedBlock(this.#profile, this.#seed, slot, auction));
    } else if (!deliverers.has(index) && sends(auction.winner) && random.chance(0.4))
      offered.push(row(auction.winner));
    for (const block of auction.shared) {
      const reached = random.chance(Math.min(0.8, bids / 400) * Math.min(1, this.#scale));
      if (reached && sends(block)) offered.push(row(block));
    }
    const wanted = Math.min(2_450, Math.round(bids * this.#scale * (0.75 + 0.4 * random.unit())));
    const own: SimulatedRow[] = [];
    while (own.length === 0 || own.length + offered.length < wanted) {
      const sentMs = OPENS_MS + Math.floor(Math.sqrt(random.unit()) * (CLOSES_MS - OPENS_MS));
      own.push(row(auction.draw(random, sentMs, index)));
    }
    const change = (quirk: (from: Random) => Quirk) => {
      const at = random.below(own.length);
      const old = own[at];
      if (old) own[at] = old.with({ quirk: quirk(random) });
    };
    if (random.chance(0.3)) for (let i = random.below(3); i >= 0; i--) change(oddBid);
    if (random.chance(0.06)) for (let i = random.below(2); i >= 0; i--) change(badRow);
    if (random.chance(CANCELLED)) own.push(...this.#cancelled(own, random));
    if (style.repeatsHashes) own.push(...this.#repeats(own, random));

    return flaw.bids(byTime([...offered, ...flaw.ownBids(own)]));
  }

  /** The payloads of a slot in the order in which they were stored. */
  payloads(slot: number): readonly RawRow[] {
    const { relay, index } = this.#profile;
    if (!worked(relay, slot) || !this.#world.fate(slot).deliverers.has(index)) return [];
    const flaw = new FlawInSlot(this.#profile.flaw, this.#seed, slot, index);
    if (flaw.hidesPayloads) return [];
    const auction = this.#world.auction(slot);
    const random = new Random(this.#seed, salt.payloads, slot, index);
    const rows = this.#deliveredBlocks(slot, auction).map((block): RawRow => {
      const luck = random.unit();
      const quirk = luck < 0.01 ? badRow(random) : luck < 0.04 ? oddPayload(random) : undefined;
      return flaw.payload(
        this.#row(slot, auction, block, { received: undefined, optimistic: undefined, quirk }),
      );
    });
    // Rows twice: bloXroute's table has no unique key, and Helix joins older slots with the bids.
    const repeats = relay.dialect === "bloxroute" || relay.dialect === "helix";
    const [first] = rows;
    return first && repeats && random.chance(0.04) ? [...rows, first] : rows;
  }

  /** What it has of a slot besides. */
  extras(dataset: DatasetName, slot: number): readonly RawRow[] {
    const { relay, index, flaw } = this.#profile;
    if (!worked(relay, slot) || !this.#hasBids(slot)) return [];
    const { hidesPayloads } = new FlawInSlot(flaw, this.#seed, slot, index);
    const delivered = this.#world.fate(slot).deliverers.has(index) && !hidesPayloads;
    return this.#extras.of(dataset, { slot, auction: this.#world.auction(slot), delivered });
  }

  /** Whether the relay has any bids of a slot; cheap. */
  #hasBids(slot: number): boolean {
    const { relay, index, emptySlots } = this.#profile;
    if (slot < 0 || !worked(relay, slot) || this.#world.isDown(slot, index)) return false;
    const { kind, deliverers } = this.#world.fate(slot);
    if (deliverers.has(index)) return true;
    // Half of the proposers who build for themselves aren't registered with any relay, so nobody bids.
    if (kind === "local" && unit(this.#seed, salt.empty, slot) < 0.5) return false;
    return unit(this.#seed, salt.empty, slot, 1 + index) >= Math.max(kind === "missed" ? 0.4 : 0, emptySlots);
  }

  #deliveredBlocks(slot: number, auction: Auction): readonly Block[] {
    const { index, secondPayload, flaw } = this.#profile;
    if (!this.#world.fate(slot).deliverers.has(index)) return [];
    const random = new Random(this.#seed, salt.second, slot, index);
    const blocks = random.chance(secondPayload)
      ? [auction.winner, auction.draw(random, auction.winner.sentMs - random.below(200), index)]
      : [auction.winner];
    return new FlawInSlot(flaw, this.#seed, slot, index).delivered(blocks);
  }

  /** A builder takes a bid back by a lower one that comes later; relays keep both. */
  #cancelled(own: readonly SimulatedRow[], random: Random): SimulatedRow[] {
    const row = own[random.below(own.length)];
    if (!row?.received || row.quirk) return [];
    const value = String((BigInt(row.block.value) * 6n) / 10n);
    const block = { ...row.block, hash: random.hex(64), value };
    return [row.with({ block, received: { ...row.received, ms: row.received.ms + 40 + random.below(400) } })];
  }

  /** Rows that are stored twice, and blocks that were sent again later or under another key. */
  #repeats(own: readonly SimulatedRow[], random: Random): SimulatedRow[] {
    const some = () => own.filter(() => random.chance(2 / own.length));
    const again = random.chance(0.3) ? some() : [];
    const later = random.chance(0.3) ? some() : [];
    return [
      ...again,
      ...later.map((row) =>
        row.with({
          received: row.received && { ...row.received, ms: row.received.ms + 1 + random.below(700) },
          block: random.chance(0.3) ? { ...row.block, builder: random.hex(96) } : row.block,
        }),
      ),
    ];
  }

  #bidRow(
    slot: number,
    auction: Auction,
    block: Block,
    random: Random,
    quirk: Quirk | undefined,
  ): SimulatedRow {
    const { latencyMs } = this.#profile;
    const { withoutMs, withoutTime, saysOptimistic } = this.#profile.style;
    const luck = random.unit();
    const tells = luck < withoutTime ? "nothing" : luck < withoutTime + withoutMs ? "seconds" : "both";
    const ms =
      slotStartMs(simulatedNetwork(this.#seed), slot) +
      Math.floor(block.sentMs) +
      5 +
      latencyMs +
      random.below(60);
    const optimistic = saysOptimistic ? random.chance(0.4) : undefined;
    return this.#row(slot, auction, block, { received: { ms, tells }, optimistic, quirk });
  }

  #row(
    slot: number,
    { proposer, feeRecipient, gasLimit }: Auction,
    block: Block,
    own: Pick<RawRow, "received" | "optimistic" | "quirk">,
  ): SimulatedRow {
    const blobs = this.#profile.style.blobFields ? block.txCount % 7 : undefined;
    const { received, optimistic, quirk } = own;
    return new SimulatedRow(
      { slot, block, proposer, feeRecipient, gasLimit, blobs, received, optimistic, quirk },
      this.#write,
    );
  }
}

/** Rows in the order in which they were received, equal times as they come. */
function byTime(rows: readonly SimulatedRow[]): SimulatedRow[] {
  return rows.toSorted((a, b) => (a.received?.ms ?? 0) - (b.received?.ms ?? 0));
}
