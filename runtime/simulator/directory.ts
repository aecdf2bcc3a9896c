import type { Relay } from "../relays/relay.ts";
import type { Flaw } from "./flaws.ts";
import { Random } from "./random.ts";

/** How a simulated relay differs from the others, beyond what the directory says of it. */
export interface Profile {
  readonly relay: Relay;
  /** Position in the directory, or beyond it; an alias has its original's. Facts of the relay are drawn by it. */
  readonly index: number;
  /** Typical bids a slot. */
  readonly bids: number;
  /** Share of slots in which it has no bids at all. */
  readonly emptySlots: number;
  /** Share of the delivered payloads that come first by this relay; beside the directory: that it delivers at all. */
  readonly share: number;
  /** How its software writes rows. */
  readonly style: RowStyle;
  /** Share of delivered slots in which it delivered two payloads. */
  readonly secondPayload: number;
  /** Keeps the newest so many slots before the head; undefined: everything. */
  readonly keepsSlots: number | undefined;
  /** Has shown nothing for so many slots before the head at which the simulation starts, and shows nothing since. */
  readonly quietSlots: number | undefined;
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

/** Slots of a day: `merlin` keeps so many, `quiet` has shown nothing for so many. */
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

type Described = Partial<Omit<Relay, "name" | "dialect" | "filtering">> & {
  filtering?: "ofac";
  name: string;
  dialect: Relay["dialect"];
  bids: number;
  share: number;
  emptySlots?: number;
  secondPayload?: number;
  keepsSlots?: number;
  quietSlots?: number;
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

/** Relays that are served beside those of the directory, for tests. */
const others: readonly Described[] = [
  { name: "sparse", dialect: "flashbots", bids: 60, share: 0.015, emptySlots: 0.96 },
  { name: "quiet", dialect: "flashbots", bids: 80, share: 0.03, quietSlots: A_DAY_OF_SLOTS },
  { name: "never", dialect: "flashbots", bids: 80, share: 0, quietSlots: Infinity },
];
/** Beyond every position in the directory, so that this may grow. */
const FIRST_OTHER = 100;

/** The relays of the simulated network with all that the simulation knows of them; urls are paths (`/<name>`). */
export function profiles(seed: number): readonly Profile[] {
  return described.map((d, position) =>
    profileOf(
      seed,
      d,
      d.aliasOf === undefined ? position : described.findIndex(({ name }) => name === d.aliasOf),
    ),
  );
}

/** The relays beside the directory, likewise. */
export function otherProfiles(seed: number): readonly Profile[] {
  return others.map((d, position) => profileOf(seed, d, FIRST_OTHER + position));
}

function profileOf(seed: number, d: Described, index: number): Profile {
  const relay: Relay = {
    name: d.name,
    url: `/${d.name}`,
    pubkey: new Random(seed, 0xbe1a, index).hex(96),
    filtering: [{ from: null, to: null, filtering: d.filtering ?? "none" }],
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
    quietSlots: d.quietSlots,
    flaw: undefined,
  };
}

/**
 * The directory of the simulated network: ten active relays (`merlin` forgets what is older than a day), one that has
 * ended and one alias. `url` is a path; `withBase` makes it whole.
 */
export function simulatedRelays(seed: number): readonly Relay[] {
  return profiles(seed).map(({ relay }) => relay);
}

/**
 * Relays that the simulator serves but the directory doesn't name: `sparse` has bids in one slot of twenty, `quiet` had none
 * for a day when the simulator started and has had none since, `never` has no row at all.
 */
export function otherRelays(seed: number): readonly Relay[] {
  return otherProfiles(seed).map(({ relay }) => relay);
}

/** The same relays as served under a base such as `http://127.0.0.1:8080`. */
export function withBase(relays: readonly Relay[], base: string): readonly Relay[] {
  return relays.map((relay) => ({ ...relay, url: base + relay.url }));
}
