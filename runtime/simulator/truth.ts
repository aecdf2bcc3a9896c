import type { Profile, Flaw } from "./profile.ts";
import type { Clock } from "../chain/clock.ts";
import { simulatedNetwork } from "../chain/networks.ts";
import { slotAt } from "../chain/slots.ts";
import { AUCTION, type DatasetName } from "../datasets/dataset.ts";
import { serves } from "../relays/relay.ts";
import { PRUNED_TOGETHER, otherProfiles, profiles } from "./directory.ts";
import { RelayRows } from "./relayRows.ts";
import { type RawRow, unknownFields } from "./rows.ts";
import { SimulatedChain } from "./chain.ts";
import { World, worked } from "./world.ts";

/** A row as the tables should hold it: every column of the dataset but `reorged`, in order, as the lake writes values. */
export type TableRow = Readonly<Record<string, string | boolean | null>>;

/** What should be kept of one relay's slot. Both lists are multisets: their order means nothing. */
export interface ExpectedSlot {
  /** Rows that a table can hold, equal ones once, with `copies`. */
  readonly rows: readonly TableRow[];
  /** Rows that none can hold, as they are sent; and, as JSON with sorted keys, fields that are too large for their rows. */
  readonly quarantine: readonly { readonly slot: number; readonly raw: string; readonly copies: number }[];
}

/**
 * What an ideal collector ends up with, from the same model that the simulated relays answer from but without their
 * faults, cuts and limits. It knows nothing of what relays forget: `horizon` says what is still to be had. Slots after
 * the head, and relays that don't exist, have no rows.
 */
export interface Truth {
  /** The bids that the relay shows of a slot, de-duplicated where its dialect does that. */
  bids(relay: string, slot: number): readonly RawRow[];
  payloads(relay: string, slot: number): readonly RawRow[];
  /** What lake and tables should hold of a slot; worked out without the datasets' own code. */
  expected(dataset: DatasetName, relay: string, slot: number): ExpectedSlot;
  /** The oldest slot for which the relay returns rows now. Undefined for an unknown relay or one without any rows yet. */
  horizon(relay: string, dataset: DatasetName): number | undefined;
  /** Block hash of the canonical chain; undefined for missed slots and those after the head. */
  canonicalHash(slot: number): string | undefined;
  /** The chain itself, slots after the head included. */
  readonly chain: SimulatedChain;
}

export interface TruthOptions {
  readonly seed: number;
  readonly clock: Clock;
  /** Multiplies the bids a slot (1); small values make small data with the same oddities. */
  readonly scale?: number;
  /** The newest slot, where it isn't to be told by the clock. */
  readonly head?: number;
  /** Slots that a relay keeps, by name, where that is to differ from the directory. */
  readonly keepsSlots?: Readonly<Record<string, number>>;
  /** The first slot whose bids a relay hasn't deleted, by name, where its payloads are all there (so prunes Freelay). */
  readonly bidsFrom?: Readonly<Record<string, number>>;
  /** What is wrong with single relays as such, by name. */
  readonly flaws?: Readonly<Record<string, Flaw>>;
  /** The first slot of the fork Gloas (EIP-7732); none without it. */
  readonly gloasFrom?: number;
}

/** Slots whose rows are kept in memory, for all relays together. */
const KEPT_SLOTS = 12;

/** Answers for the simulated relays and for the truth about them: one model, generated slot by slot as it is asked for. */
export class SimulatedData implements Truth {
  /** The relays of the directory. */
  readonly profiles: readonly Profile[];
  /** The relays beside it. */
  readonly others: readonly Profile[];
  readonly chain: SimulatedChain;
  readonly #options: TruthOptions;
  readonly #world: World;
  readonly #byName = new Map<string, { profile: Profile; rows: RelayRows }>();
  readonly #kept = new Map<string, readonly RawRow[]>();

  constructor(options: TruthOptions) {
    const { seed, scale = 1, keepsSlots = {}, flaws = {} } = options;
    this.#options = options;
    const { head } = this;
    const asWanted = (profile: Profile): Profile => ({
      ...profile,
      keepsSlots: keepsSlots[profile.relay.name] ?? profile.keepsSlots,
      flaw: flaws[profile.relay.name] ?? silence(profile, head),
    });
    this.profiles = profiles(seed).map(asWanted);
    this.others = otherProfiles(seed).map(asWanted);
    this.#world = new World(seed, this.profiles, this.others);
    this.chain = new SimulatedChain(seed, this.#world, options.gloasFrom);
    for (const profile of [...this.profiles, ...this.others]) {
      const rows = new RelayRows(seed, profile, this.#world, scale);
      this.#byName.set(profile.relay.name, { profile, rows });
    }
  }

  /** The newest slot that has begun. */
  get head(): number {
    return this.headAt(this.#options.clock.now());
  }

  /** The newest slot that has begun at a Unix time, ms. */
  headAt(unixMs: number): number {
    return this.#options.head ?? slotAt(simulatedNetwork(this.#options.seed), unixMs);
  }

  profile(relay: string): Profile | undefined {
    return this.#byName.get(relay)?.profile;
  }

  /**
   * First and last slot that a relay can answer for now, by dataset; `last < first` where there is none. `newest`: the head as the
   * relay sees it, where it isn't the real one.
   */
  span(relay: string, dataset: DatasetName, newest?: number): { first: number; last: number } {
    const profile = this.profile(relay);
    if (!profile) return { first: 0, last: -1 };
    const { head } = this;
    const { flaw } = profile;
    const shown = flaw?.kind === "quiet" ? flaw.from - 1 : Infinity;
    const pruned = profile.keepsSlots === undefined ? 0 : head - profile.keepsSlots;
    return {
      first: Math.max(
        profile.relay.activeFrom ?? 0,
        dataset === "bids" ? (this.#options.bidsFrom?.[relay] ?? 0) : 0,
        Math.ceil(Math.max(0, pruned) / PRUNED_TOGETHER) * PRUNED_TOGETHER,
      ),
      last: Math.min(profile.relay.activeTo ?? Infinity, newest ?? head, shown),
    };
  }

  /** What is in the relay's database for a slot up to `newest`, in the order in which it was stored. */
  stored(dataset: DatasetName, relay: string, slot: number, newest = this.head): readonly RawRow[] {
    const known = this.#byName.get(relay);
    if (!known || slot < 0 || slot > newest || !worked(known.profile.relay, slot)) return [];
    const key = `${dataset} ${relay} ${slot}`;
    const kept = this.#kept.get(key);
    if (kept) return kept;
    if (!serves(known.profile.relay, dataset)) return [];
    const rows = rowsOf(known.rows, dataset, slot);
    if (rows.length === 0) return rows;
    const oldest = this.#kept.size >= KEPT_SLOTS ? this.#kept.keys().next() : undefined;
    if (oldest && !oldest.done) this.#kept.delete(oldest.value);
    this.#kept.set(key, rows);
    return rows;
  }

  bids(relay: string, slot: number): readonly RawRow[] {
    return this.#shown("bids", relay, slot);
  }

  payloads(relay: string, slot: number): readonly RawRow[] {
    return this.#shown("payloads", relay, slot);
  }

  #shown(dataset: DatasetName, relay: string, slot: number): readonly RawRow[] {
    const rows = this.stored(dataset, relay, slot);
    const isDeduplicated = AUCTION.some((name) => name === dataset);
    return isDeduplicated && this.profile(relay)?.relay.dialect === "helix" ? firstOfEachHash(rows) : rows;
  }

  expected(dataset: DatasetName, relay: string, slot: number): ExpectedSlot {
    const rows = new Map<string, { row: TableRow; copies: number }>();
    const quarantine = new Map<string, number>();
    const { genesis } = simulatedNetwork(this.#options.seed);
    const setAside = (json: string) => quarantine.set(json, (quarantine.get(json) ?? 0) + 1);
    for (const raw of this.#shown(dataset, relay, slot)) {
      const row = tableRow(dataset, relay, genesis, raw);
      if (!row) {
        setAside(raw.json);
        continue;
      }
      if (raw.quirk?.oversize) setAside(object(raw.quirk.oversize));
      const key = JSON.stringify(row);
      rows.set(key, { row, copies: (rows.get(key)?.copies ?? 0) + 1 });
    }
    return {
      rows: Array.from(rows.values(), ({ row, copies }) => ({ ...row, copies: String(copies) })),
      quarantine: Array.from(quarantine, ([raw, copies]) => ({ slot, raw, copies })),
    };
  }

  horizon(relay: string, dataset: DatasetName): number | undefined {
    const { first, last } = this.span(relay, dataset);
    for (let slot = first; slot <= last; slot++)
      if (this.stored(dataset, relay, slot).length > 0) return slot;
    return undefined;
  }

  canonicalHash(slot: number): string | undefined {
    return slot > this.head ? undefined : this.#world.canonicalHash(slot);
  }

  /** The slot that a block number belongs to. */
  slotOfBlock(number: number): number {
    return this.#world.slotOfBlock(number);
  }
}

function rowsOf(rows: RelayRows, dataset: DatasetName, slot: number): readonly RawRow[] {
  if (dataset === "bids") return rows.bids(slot);
  return dataset === "payloads" ? rows.payloads(slot) : rows.extras(dataset, slot);
}

/** The flaw of a relay that has shown nothing for so long before the head. */
function silence({ quietSlots }: Profile, head: number): Flaw | undefined {
  return quietSlots === undefined ? undefined : { kind: "quiet", from: Math.max(0, head - quietSlots) };
}

/** Helix' de-duplication: the first stored row of each block hash. */
export function firstOfEachHash(rows: readonly RawRow[]): readonly RawRow[] {
  const seen = new Set<string>();
  return rows.filter(({ block }) => {
    const isNew = !seen.has(block.hash);
    seen.add(block.hash);
    return isNew;
  });
}

/** The row's columns; undefined where no table can hold it. */
function tableRow(dataset: DatasetName, relay: string, genesis: number, raw: RawRow): TableRow | undefined {
  const { block, received, quirk } = raw;
  if (quirk && !quirk.kept) return undefined;
  const unknown = unknownFields(raw);
  const leading = {
    relay,
    slot: String(raw.slot),
    block_timestamp: new Date((genesis + 12 * raw.slot) * 1000).toISOString(),
  };
  if (raw.table) return { ...leading, ...raw.table, extra: null };
  const common = {
    ...leading,
    parent_hash: block.parentHash,
    block_hash: block.hash,
    builder_pubkey: block.builder,
    proposer_pubkey: raw.proposer,
    proposer_fee_recipient: raw.feeRecipient,
    gas_limit: String(raw.gasLimit),
    gas_used: String(block.gasUsed),
    value: block.value,
    num_tx: String(block.txCount),
    block_number: String(block.number),
  };
  const times = () => {
    const seconds = received && received.tells !== "nothing" ? Math.floor(received.ms / 1000) : undefined;
    const ms = received?.tells === "both" ? received.ms : undefined;
    const time = ms ?? (seconds === undefined ? undefined : seconds * 1000);
    return {
      timestamp: time === undefined ? null : new Date(time).toISOString(),
      timestamp_s: seconds === undefined ? null : String(seconds),
      timestamp_ms: ms === undefined ? null : String(ms),
      optimistic_submission: raw.optimistic ?? null,
    };
  };
  return {
    ...common,
    ...(dataset === "bids" ? times() : {}),
    ...quirk?.kept,
    extra: Object.keys(unknown).length === 0 ? null : object(unknown),
  };
}

/** A JSON object with sorted keys, from the JSON text of its fields. */
function object(fields: Readonly<Record<string, string>>): string {
  const members = Object.entries(fields).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([name, json]) => `"${name}":${json}`).join(",")}}`;
}
