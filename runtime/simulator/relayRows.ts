import { simulatedNetwork } from "../chain/networks.ts";
import { slotStartMs } from "../chain/slots.ts";
import type { Profile, RowStyle } from "./directory.ts";
import { type Quirk, badRow, oddBid, oddPayload } from "./quirks.ts";
import { Random, unit } from "./random.ts";
import { type Auction, type Block, CLOSES_MS, OPENS_MS, type World, worked } from "./world.ts";

/** A row of a relay's database, and the JSON text that it sends for it. */
export interface RawRow {
  readonly slot: number;
  readonly block: Block;
  readonly proposer: string;
  readonly feeRecipient: string;
  readonly gasLimit: number;
  /** Unix ms at which the relay had the bid, and how much of it it tells; undefined for payloads. */
  readonly received: { readonly ms: number; readonly tells: "both" | "seconds" | "nothing" } | undefined;
  /** Undefined where the relay doesn't say. */
  readonly optimistic: boolean | undefined;
  /** Blobs in the block, where the relay sends such fields. */
  readonly blobs: number | undefined;
  readonly quirk: Quirk | undefined;
  /** The object as the relay sends it; written anew each time. */
  readonly json: string;
}

type UnwrittenRow = Omit<RawRow, "json">;

/** Rows are many and most are written once or never: their text isn't kept. */
class StoredRow implements RawRow {
  readonly slot: number;
  readonly block: Block;
  readonly proposer: string;
  readonly feeRecipient: string;
  readonly gasLimit: number;
  readonly received: RawRow["received"];
  readonly optimistic: boolean | undefined;
  readonly blobs: number | undefined;
  readonly quirk: Quirk | undefined;
  readonly #write: (row: UnwrittenRow) => string;

  constructor(row: UnwrittenRow, write: (row: UnwrittenRow) => string) {
    this.slot = row.slot;
    this.block = row.block;
    this.proposer = row.proposer;
    this.feeRecipient = row.feeRecipient;
    this.gasLimit = row.gasLimit;
    this.received = row.received;
    this.optimistic = row.optimistic;
    this.blobs = row.blobs;
    this.quirk = row.quirk;
    this.#write = write;
  }

  get json(): string {
    return this.#write(this);
  }
}

/** Salts that keep the drawn facts apart; above those of the world. */
const salt = { bids: 32, second: 33, adjusted: 34, payloads: 35, empty: 36 } as const;

/** What one relay has stored of each slot, whatever its dialect shows of it. */
export class RelayRows {
  readonly #seed: number;
  readonly #profile: Profile;
  readonly #world: World;
  readonly #scale: number;

  /** `scale` multiplies the number of bids. */
  constructor(seed: number, profile: Profile, world: World, scale: number) {
    this.#seed = seed;
    this.#profile = profile;
    this.#world = world;
    this.#scale = scale;
  }

  /** The bids of a slot in the order in which they were stored. */
  bids(slot: number): readonly RawRow[] {
    const { relay, index, bids, style } = this.#profile;
    if (!this.#hasBids(slot)) return [];
    const auction = this.#world.auction(slot);
    const random = new Random(this.#seed, salt.bids, slot, index);
    const { deliverers } = this.#world.fate(slot);
    const row = (block: Block, quirk?: Quirk) => this.#bidRow(slot, auction, block, random, quirk);

    const offered = this.#deliveredBlocks(slot, auction).map((block) => row(block));
    if (deliverers.has(index) && this.#adjusted(slot)) {
      // What was bid isn't what was delivered: the relay changed the block in between.
      const bid = new Random(this.#seed, salt.adjusted, slot, index, 1);
      offered[0] = row({ ...auction.draw(bid, auction.winner.sentMs), number: auction.winner.number });
    } else if (!deliverers.has(index) && random.chance(0.4)) offered.push(row(auction.winner));
    for (const block of auction.shared) {
      if (random.chance(Math.min(0.8, bids / 400) * Math.min(1, this.#scale))) offered.push(row(block));
    }
    const wanted = Math.min(2_450, Math.round(bids * this.#scale * (0.75 + 0.4 * random.unit())));
    const own: UnwrittenRow[] = [];
    while (own.length === 0 || own.length + offered.length < wanted) {
      const sentMs = OPENS_MS + Math.floor(Math.sqrt(random.unit()) * (CLOSES_MS - OPENS_MS));
      own.push(row(auction.draw(random, sentMs)));
    }
    const change = (quirk: (from: Random) => Quirk) => {
      const at = random.below(own.length);
      const old = own[at];
      if (old) own[at] = { ...old, quirk: quirk(random) };
    };
    if (random.chance(0.3)) for (let i = random.below(3); i >= 0; i--) change(oddBid);
    if (random.chance(0.06)) for (let i = random.below(2); i >= 0; i--) change(badRow);
    if (style.repeatsHashes) own.push(...this.#repeats(own, random));

    const write = (unwritten: UnwrittenRow) => bidJson(unwritten, style, relay.dialect === "bloxroute");
    return [...offered, ...own]
      .toSorted((a, b) => (a.received?.ms ?? 0) - (b.received?.ms ?? 0))
      .map((unwritten) => new StoredRow(unwritten, write));
  }

  /** The payloads of a slot in the order in which they were stored. */
  payloads(slot: number): readonly RawRow[] {
    const { relay, index, style } = this.#profile;
    if (!worked(relay, slot) || !this.#world.fate(slot).deliverers.has(index)) return [];
    const auction = this.#world.auction(slot);
    const random = new Random(this.#seed, salt.payloads, slot, index);
    const rows = this.#deliveredBlocks(slot, auction).map((block): RawRow => {
      const luck = random.unit();
      const quirk = luck < 0.01 ? badRow(random) : luck < 0.04 ? oddPayload(random) : undefined;
      const unwritten = this.#row(slot, auction, block, {
        received: undefined,
        optimistic: undefined,
        quirk,
      });
      return new StoredRow(unwritten, (row) => payloadJson(row, style));
    });
    // Rows twice: bloXroute's table has no unique key, and Helix joins older slots with the bids.
    const repeats = relay.dialect === "bloxroute" || relay.dialect === "helix";
    const [first] = rows;
    return first && repeats && random.chance(0.04) ? [...rows, first] : rows;
  }

  /** Whether the relay has any bids of a slot; cheap. */
  #hasBids(slot: number): boolean {
    const { relay, index, emptySlots } = this.#profile;
    if (slot < 0 || !worked(relay, slot)) return false;
    const { kind, deliverers } = this.#world.fate(slot);
    if (deliverers.has(index)) return true;
    // Half of the proposers who build for themselves aren't registered with any relay, so nobody bids.
    if (kind === "local" && unit(this.#seed, salt.empty, slot) < 0.5) return false;
    return unit(this.#seed, salt.empty, slot, 1 + index) >= (kind === "missed" ? 0.4 : emptySlots);
  }

  #deliveredBlocks(slot: number, auction: Auction): Block[] {
    const { index, secondPayload } = this.#profile;
    if (!this.#world.fate(slot).deliverers.has(index)) return [];
    const random = new Random(this.#seed, salt.second, slot, index);
    if (!random.chance(secondPayload)) return [auction.winner];
    return [auction.winner, auction.draw(random, auction.winner.sentMs - random.below(200))];
  }

  #adjusted(slot: number): boolean {
    return this.#profile.relay.adjusts && unit(this.#seed, salt.adjusted, slot, this.#profile.index) < 0.4;
  }

  /** Rows that are stored twice, and blocks that were sent again later or under another key. */
  #repeats(own: readonly UnwrittenRow[], random: Random): UnwrittenRow[] {
    const some = () => own.filter(() => random.chance(2 / own.length));
    const again = random.chance(0.3) ? some() : [];
    const later = random.chance(0.3) ? some() : [];
    return [
      ...again,
      ...later.map((row) => ({
        ...row,
        received: row.received && { ...row.received, ms: row.received.ms + 1 + random.below(700) },
        block: random.chance(0.3) ? { ...row.block, builder: random.hex(96) } : row.block,
      })),
    ];
  }

  #bidRow(
    slot: number,
    auction: Auction,
    block: Block,
    random: Random,
    quirk: Quirk | undefined,
  ): UnwrittenRow {
    const { withoutMs, withoutTime, saysOptimistic } = this.#profile.style;
    const luck = random.unit();
    const tells = luck < withoutTime ? "nothing" : luck < withoutTime + withoutMs ? "seconds" : "both";
    const ms =
      slotStartMs(simulatedNetwork(this.#seed), slot) + Math.floor(block.sentMs) + 5 + random.below(60);
    const optimistic = saysOptimistic ? random.chance(0.4) : undefined;
    return this.#row(slot, auction, block, { received: { ms, tells }, optimistic, quirk });
  }

  #row(
    slot: number,
    { proposer, feeRecipient, gasLimit }: Auction,
    block: Block,
    own: Pick<RawRow, "received" | "optimistic" | "quirk">,
  ): UnwrittenRow {
    const blobs = this.#profile.style.blobFields ? block.txCount % 7 : undefined;
    return { slot, block, proposer, feeRecipient, gasLimit, blobs, ...own };
  }
}

const BLOB_GAS = 131_072;

function payloadJson(row: UnwrittenRow, style: RowStyle): string {
  return objectText(commonMembers(row, style), row);
}

function bidJson(row: UnwrittenRow, style: RowStyle, msFirst: boolean): string {
  const members = commonMembers(row, style);
  const { received, optimistic } = row;
  if (received && received.tells !== "nothing") {
    const seconds = Math.floor(received.ms / 1000);
    const s: Member = ["timestamp", style.bareNumbers ? String(seconds) : `"${seconds}"`];
    if (received.tells === "seconds") members.push(s);
    else {
      const ms: Member = ["timestamp_ms", `"${received.ms}"`];
      members.push(...(msFirst ? [ms, s] : [s, ms]));
    }
  }
  if (optimistic !== undefined) members.push(["optimistic_submission", String(optimistic)]);
  return objectText(members, row);
}

type Member = readonly [name: string, json: string];

/** The fields of both endpoints in the order in which the reference relay writes them. */
function commonMembers(row: UnwrittenRow, style: RowStyle): Member[] {
  const { block, blobs } = row;
  const number = (n: number) => (style.bareNumbers ? String(n) : `"${n}"`);
  const members: Member[] = [
    ["slot", number(row.slot)],
    ["parent_hash", `"${block.parentHash}"`],
    ["block_hash", `"${block.hash}"`],
    ["builder_pubkey", `"${block.builder}"`],
    ["proposer_pubkey", `"${row.proposer}"`],
    ["proposer_fee_recipient", `"${style.mixedCase ? mixedCase(row.feeRecipient) : row.feeRecipient}"`],
    ["gas_limit", number(row.gasLimit)],
    ["gas_used", number(block.gasUsed)],
    ["value", `"${block.value}"`],
    ["num_tx", number(block.txCount)],
    ["block_number", number(block.number)],
  ];
  if (blobs !== undefined) {
    members.push(["num_blobs", `"${blobs}"`], ["blob_gas_used", `"${blobs * BLOB_GAS}"`]);
  }
  return members;
}

/** What column `extra` holds of a row, JSON text by field. */
export function unknownFields({ blobs, quirk }: RawRow): Readonly<Record<string, string>> {
  const own = blobs === undefined ? {} : { num_blobs: `"${blobs}"`, blob_gas_used: `"${blobs * BLOB_GAS}"` };
  return { ...own, ...quirk?.unknown };
}

function objectText(members: readonly Member[], { quirk }: UnwrittenRow): string {
  let text = "";
  if (!quirk) {
    for (const [name, json] of members) text += `${text === "" ? "{" : ","}"${name}":${json}`;
    return `${text}}`;
  }
  const all: Record<string, string | undefined> = { ...Object.fromEntries(members), ...quirk.sent };
  for (const [name, json] of Object.entries(all)) {
    if (json !== undefined) text += `${text === "" ? "{" : ","}"${name}":${json}`;
  }
  return `${text}}`;
}

/** An address as checksums write it: which letters are upper case is taken from its own digits. */
function mixedCase(address: string): string {
  let text = "0x";
  for (let i = 2; i < address.length; i++) {
    const digit = address.charAt(i);
    text += address.charCodeAt(i - 1) % 2 === 0 ? digit.toUpperCase() : digit;
  }
  return text;
}
