import type { DatasetName } from "../datasets/dataset.ts";
import { type Described, relayOf } from "../relays/described.ts";
import type { Relay } from "../relays/relay.ts";
import { simulatedDirectory } from "../relays/simulatedRelays.ts";
import type { Profile, RowStyle } from "./profile.ts";
import { Random } from "./random.ts";

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

/** How a relay of the simulation behaves, beyond what a directory says. */
interface Behaviour {
  readonly bids: number;
  readonly share: number;
  readonly latencyMs?: number;
  readonly emptySlots?: number;
  readonly secondPayload?: number;
  readonly keepsSlots?: number;
  readonly quietSlots?: number;
  readonly without?: readonly DatasetName[];
  readonly style?: Partial<RowStyle>;
}

const reference = { saysOptimistic: true };
const behaviours: Readonly<Record<string, Behaviour>> = {
  heron: { bids: 300, share: 0.15, style: reference },
  kestrel: { bids: 2200, share: 0.26, latencyMs: 12, style: { ...reference, withoutMs: 0.02 } },
  osprey: { bids: 380, share: 0.25, latencyMs: 45 },
  plover: { bids: 220, share: 0.08, latencyMs: 90, emptySlots: 0.02, without: ["merged_blocks"] },
  swift: { bids: 340, share: 0.1, latencyMs: 20, secondPayload: 0.08, style: { mixedCase: true } },
  tern: { bids: 180, share: 0.05, latencyMs: 60, style: { mixedCase: true } },
  dunlin: { bids: 260, share: 0.05, latencyMs: 35, style: { mixedCase: true, repeatsHashes: false } },
  lapwing: { bids: 140, share: 0.04, latencyMs: 110, style: { bareNumbers: true, repeatsHashes: false } },
  wren: {
    bids: 68,
    share: 0.02,
    latencyMs: 75,
    emptySlots: 0.15,
    style: { blobFields: true, withoutTime: 0.02 },
  },
  merlin: {
    bids: 200,
    share: 0.04,
    latencyMs: 50,
    keepsSlots: A_DAY_OF_SLOTS,
    style: { ...reference, withoutMs: 0.3 },
  },
  dotterel: { bids: 120, share: 0.06, latencyMs: 28, style: reference },
  "kestrel-filtered": { bids: 2200, share: 0, latencyMs: 12, style: { ...reference, withoutMs: 0.02 } },
};

/** Relays that are served beside those of the directory, for tests. */
const others: Readonly<Record<string, Behaviour>> = {
  sparse: { bids: 60, share: 0.015, emptySlots: 0.96 },
  quiet: { bids: 80, share: 0.03, quietSlots: A_DAY_OF_SLOTS },
  never: { bids: 80, share: 0, quietSlots: Infinity },
};
/** Beyond every position in the directory, so that this may grow. */
const FIRST_OTHER = 100;

/** The relays of the simulated network with all that the simulation knows of them; urls are paths (`/<name>`). */
export function profiles(seed: number): readonly Profile[] {
  return simulatedDirectory.map((relay, position) => {
    const behaviour = behaviours[relay.name];
    if (!behaviour) throw new Error(`nothing says how the simulated relay ${relay.name} behaves`);
    const original = simulatedDirectory.findIndex(({ name }) => name === relay.aliasOf);
    return profileOf(seed, relay, behaviour, original === -1 ? position : original);
  });
}

/** The relays beside the directory, likewise. */
export function otherProfiles(seed: number): readonly Profile[] {
  return Object.entries(others).map(([name, behaviour], position) => {
    const relay = { name, url: `/${name}`, pubkey: null, filtering: "none", requestsPerSecond: 100 } as const;
    return profileOf(seed, relay, behaviour, FIRST_OTHER + position);
  });
}

function profileOf(seed: number, described: Described, behaviour: Behaviour, index: number): Profile {
  return {
    relay: relayOf({ ...described, pubkey: new Random(seed, 0xbe1a, index).hex(96) }),
    index,
    bids: behaviour.bids,
    emptySlots: behaviour.emptySlots ?? 0,
    share: behaviour.share,
    latencyMs: behaviour.latencyMs ?? 0,
    style: { ...plain, ...behaviour.style },
    secondPayload: behaviour.secondPayload ?? 0.02,
    keepsSlots: behaviour.keepsSlots,
    quietSlots: behaviour.quietSlots,
    without: behaviour.without ?? [],
    flaw: undefined,
  };
}

/** The directory of the simulated network, keys included. `url` is a path; `withBase` makes it whole. */
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
