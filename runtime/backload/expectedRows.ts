import { type SlotRange, intersect, slotCount } from "../chain/slots.ts";
import { AUCTION, type DatasetName } from "../datasets/dataset.ts";

/** How many bids a relay shows for a slot, at a slot where somebody counted. Between two counts it grows evenly. */
interface Count {
  readonly slot: number;
  readonly bids: number;
}

/**
 * Slots of the counts on mainnet: mid-November 2022 (hackmd metachris ByZm6GZHi: Flashbots 300 bids a slot), November
 * 2024 (xatu-data, mev-bids-per-slot.ipynb: by relay, 10,400 in all) and mid-June 2026 (aubury.org/blog/mev-relay-market:
 * 16,200 a slot in all). Facts: relay-data-api §4.
 */
const [NOV_2022, NOV_2024, JUNE_2026] = [5_145_000, 10_360_000, 14_530_000];
/** What all relays together grew by from November 2024 to June 2026: the later count isn't by relay. */
const GROWTH_TO_2026 = 16_200 / 10_400;
/** Flashbots in November 2022 against November 2024; taken for the other relays too, of which no count that old is known. */
const SHARE_OF_2024_IN_2022 = 300 / 1250;

/** Bids a slot in November 2024. */
const COUNTED_2024: Readonly<Record<string, number>> = {
  ultrasound: 2900,
  "bloxroute-max-profit": 2300,
  "bloxroute-regulated": 1850,
  flashbots: 1250,
  titan: 1100,
  agnostic: 1050,
  aestus: 250,
  eden: 150,
  manifold: 40,
};
/** A relay that nobody counted, and every relay of a test network: as the smallest of mainnet's that are still in use. */
const UNCOUNTED = 250;

/** 90.7 % of slots had a payload in June 2026, each delivered by 1.7 relays on average (facts: relay-data-api §4). */
const PAYLOADS_A_SLOT = 0.907 * 1.7;

/** Bids that a relay of a network is expected to show for a slot: of mainnet by counts, of others one figure for all. */
export function expectedBids(network: string, relay: string): (slot: number) => number {
  const counted = network === "mainnet" ? COUNTED_2024[relay] : undefined;
  if (counted === undefined) return () => UNCOUNTED;
  const counts: readonly [Count, Count, Count] = [
    { slot: NOV_2022, bids: counted * SHARE_OF_2024_IN_2022 },
    { slot: NOV_2024, bids: counted },
    { slot: JUNE_2026, bids: counted * GROWTH_TO_2026 },
  ];
  return (slot) => {
    const [oldest, middle, newest] = counts;
    if (slot <= oldest.slot) return oldest.bids;
    if (slot >= newest.slot) return newest.bids;
    return slot < middle.slot ? between(oldest, middle, slot) : between(middle, newest, slot);
  };
}

function between(from: Count, to: Count, slot: number): number {
  return from.bids + ((to.bids - from.bids) * (slot - from.slot)) / (to.slot - from.slot);
}

/** Slots over which the expected rows are taken to stay the same. */
export const EXPECTATION_SLOTS = 320;

/** Rows that a relay is expected to show for a run of slots, summed in steps; `relays`: how many share the payloads. */
export function expectedRows(
  network: string,
  relay: string,
  dataset: DatasetName,
  range: SlotRange,
  relays: number,
): number {
  const slots = range.last - range.first + 1;
  if (!AUCTION.some((name) => name === dataset)) return slots;
  if (dataset === "payloads") return (slots * PAYLOADS_A_SLOT) / Math.max(1, relays);
  const bids = expectedBids(network, relay);
  let rows = 0;
  for (let first = range.first; first <= range.last; first += EXPECTATION_SLOTS) {
    const last = Math.min(range.last, first + EXPECTATION_SLOTS - 1);
    rows += bids((first + last) / 2) * (last - first + 1);
  }
  return rows;
}

/**
 * Slots that a relay keeps, where it is known not to keep everything: slots of March 2024 were gone from bloXroute by
 * mid-2024, and 80 to 98 days are what was met (facts: relay-data-api §1.6, §5 row 18). Nobody publishes it.
 */
const KEEPS: Readonly<Record<string, number>> = {
  "bloxroute-max-profit": 98 * 7200,
  "bloxroute-regulated": 98 * 7200,
};

/** Slots before the head that a relay of a network is taken to remember; undefined: all of them, as far as is known. */
export function keepsSlots(network: string, relay: string): number | undefined {
  return network === "mainnet" ? KEEPS[relay] : undefined;
}

/**
 * Share of a working relay's slots without bids. Nobody has counted it: these are assumptions. Relays refuse bids for
 * proposers that haven't registered with them (mev-boost-relay and Helix: "could not find slot duty"), so the share is that of
 * the proposers who haven't. It was at most 39 % at Ultra Sound and 60 % at Titan in June 2026, whose payloads were in the
 * other slots (facts: relay-data-api §4).
 */
const EMPTY_SHARE = { large: 0.2, small: 0.6 } as const;
/** Bids a slot in November 2024 from which a relay counts as large. */
const LARGE = 1000;

/**
 * The first slots of the months in which others' archives begin to have rows of a relay that began late (facts: beyond §F10).
 * Slots of the time before are asked once and no more: nothing older has rows. Rows are expected there all the same, so that
 * plans stay what they were.
 */
const [DEC_2022, JAN_2024, SEPT_2025] = [5_252_399, 8_103_599, 12_488_399];
const FIRST_SEEN: Readonly<Record<string, number>> = {
  ultrasound: DEC_2022,
  agnostic: DEC_2022,
  aestus: DEC_2022,
  titan: JAN_2024,
  btcs: SEPT_2025,
  ethgas: SEPT_2025,
};

/** Slots of a range, of the time in which a relay worked, for which it is expected to show no bids. */
export function expectedEmpties(network: string, relay: string, range: SlotRange): number {
  const isMainnet = network === "mainnet";
  const worked = intersect(range, {
    first: (isMainnet ? FIRST_SEEN[relay] : undefined) ?? 0,
    last: Infinity,
  });
  const isLarge = isMainnet && (COUNTED_2024[relay] ?? 0) >= LARGE;
  return (worked ? slotCount(worked) : 0) * EMPTY_SHARE[isLarge ? "large" : "small"];
}
