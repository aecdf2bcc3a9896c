import type { Relay } from "../relay/relay.ts";
import type { Flaw } from "./flaws.ts";
import { Random } from "./random.ts";

/** How a simulated relay differs from the others, beyond what the directory says of it. */
export interface Profile {
  readonly relay: Relay;
  /** Position in `PROFILES`; an alias has its original's. */
  readonly index: number;
  /** Typical bids a slot. */
  readonly bids: number;
  /** Share of slots in which it has no bids at all. */
  readonly emptySlots: number;
  /** Share of the delivered payloads that come first by this relay. */
  readonly share: number;
  /** How its software writes rows. */
  readonly style: RowStyle;
  /** Share of delivered slots in which it delivered two payloads. */
  readonly secondPayload: number;
  /** Keeps the newest so many slots before the head; undefined: everything. */
  readonly keepsSlots: number | undefined;
  /** What is wrong with it as such; nothing, unless it was asked for. */
  readonly flaw: Flaw | undefined;
}

export interface RowStyle {
  /** Addresses in mixed case. */
  readonly mixedCase: boolean;
  /** Integers as JSON numbers, `value` and `timestamp_ms` excepted. */
  readonly bareNumbers: boolean;
  /** Share of bids without `timestamp_ms`, and without both times (which the reference leaves out when 0). */
  readonly withoutMs: number;
  readonly withoutTime: number;
  /** Whether bids say `optimistic_submission`. */
  readonly saysOptimistic: boolean;
  /** Fields beyond the specification in every row. */
  readonly blobFields: boolean;
  /** One block hash more than once among a slot's stored bids; impossible where the relay's table has a unique key. */
  readonly repeatsHashes: boolean;
}

/** Slots that `merlin` keeps: a day. */
const A_DAY_OF_SLOTS = 7200;
/** A relay with a short memory forgets an hour's slots at a time, as pruning jobs do. */
export const PRUNED_TOGETHER = 300;

const plain: RowStyle = {
  mixedCase: false,
  bareNumbers: false,
  withoutMs: 0,
  withoutTime: 0,
  saysOptimistic: false,
  blobFields: false,
  repeatsHashes: true,
};

type Described = Partial<Omit<Relay, "name" | "dialect">> & {
  name: string;
  dialect: Relay["dialect"];
  bids: number;
  share: number;
  emptySlots?: number;
  secondPayload?: number;
  keepsSlots?: number;
  style?: Partial<RowStyle>;
};

const reference = { saysOptimistic: true };
const described: readonly Described[] = [
  { name: "heron", dialect: "flashbots", bids: 300, share: 0.15, filtering: "ofac", style: reference },
  {
    name: "kestrel",
    dialect: "flashbots",
    bids: 2200,
    share: 0.26,
    adjusts: true,
    style: { ...reference, withoutMs: 0.02 },
  },
  { name: "osprey", dialect: "helix", bids: 380, share: 0.25 },
  { name: "plover", dialect: "helix", bids: 220, share: 0.08, filtering: "ofac", emptySlots: 0.02 },
  {
    name: "swift",
    dialect: "bloxroute",
    bids: 340,
    share: 0.1,
    payloadLimit: 100,
    secondPayload: 0.08,
    style: { mixedCase: true },
  },
  {
    name: "tern",
    dialect: "bloxroute",
    bids: 180,
    share: 0.05,
    filtering: "ofac",
    payloadLimit: 100,
    style: { mixedCase: true },
  },
  {
    name: "dunlin",
    dialect: "dreamboat",
    bids: 260,
    share: 0.05,
    payloadLimit: 450,
    style: { mixedCase: true, repeatsHashes: false },
  },
  {
    name: "lapwing",
    dialect: "freelay",
    bids: 140,
    share: 0.04,
    style: { bareNumbers: true, repeatsHashes: false },
  },
  {
    name: "wren",
    dialect: "flashbots",
    bids: 68,
    share: 0.02,
    emptySlots: 0.15,
    style: { blobFields: true, withoutTime: 0.02 },
  },
  {
    name: "merlin",
    dialect: "flashbots",
    bids: 200,
    share: 0.04,
    keepsSlots: A_DAY_OF_SLOTS,
    style: { ...reference, withoutMs: 0.3 },
  },
  {
    name: "dotterel",
    dialect: "flashbots",
    bids: 120,
    share: 0.06,
    state: "ended",
    activeFrom: 1_000,
    activeTo: 2_000_000,
    style: reference,
  },
  {
    name: "kestrel-filtered",
    dialect: "flashbots",
    bids: 2200,
    share: 0,
    state: "off",
    filtering: "ofac",
    adjusts: true,
    aliasOf: "kestrel",
    style: { ...reference, withoutMs: 0.02 },
  },
];

/** The relays of the simulated network with all that the simulation knows of them; urls are paths (`/<name>`). */
export function profiles(seed: number): readonly Profile[] {
  return described.map((d, position) => {
    const index = d.aliasOf === undefined ? position : described.findIndex(({ name }) => name === d.aliasOf);
    const relay: Relay = {
      name: d.name,
      url: `/${d.name}`,
      pubkey: new Random(seed, 0xbe1a, index).hex(96),
      filtering: d.filtering ?? "none",
      dialect: d.dialect,
      payloadLimit: d.payloadLimit ?? 200,
      state: d.state ?? "active",
      activeFrom: d.activeFrom ?? null,
      activeTo: d.activeTo ?? null,
      collectFrom: null,
      aliasOf: d.aliasOf ?? null,
      adjusts: d.adjusts ?? false,
      requestsPerSecond: 100,
    };
    return {
      relay,
      index,
      bids: d.bids,
      emptySlots: d.emptySlots ?? 0,
      share: d.share,
      style: { ...plain, ...d.style },
      secondPayload: d.secondPayload ?? 0.02,
      keepsSlots: d.keepsSlots,
      flaw: undefined,
    };
  });
}

/**
 * The directory of the simulated network: ten active relays (`merlin` forgets what is older than a day), one that has
 * ended and one alias. `url` is a path; `withBase` makes it whole.
 */
export function simulatedRelays(seed: number): readonly Relay[] {
  return profiles(seed).map(({ relay }) => relay);
}

/** The same relays as served under a base such as `http://127.0.0.1:8080`. */
export function withBase(relays: readonly Relay[], base: string): readonly Relay[] {
  return relays.map((relay) => ({ ...relay, url: base + relay.url }));
}
