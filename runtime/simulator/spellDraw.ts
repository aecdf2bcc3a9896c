import type { FaultKind } from "./faultKinds.ts";
import type { FaultPlan } from "./faults.ts";
import { Random, mixText } from "./random.ts";
import { SPELLS, type Spell, type SpellKind } from "./spells.ts";

/** Drawn spells have ended so long after the simulator's start, ms. */
export const SPELLS_END_MS = 3_600_000;
const MINUTE_MS = 60_000;

const ALWAYS: readonly [FaultKind, ...FaultKind[]] = [
  "refused",
  "500-html",
  "403",
  "403-cdn",
  "429-cdn",
  "parked",
  "404-empty",
  "null-empty",
  "bom",
  "encoding-odd",
  "typed-html",
];

/** Makes the spells of one kind; `head`: the head when the simulator starts. */
type Draw = (random: Random, head: number) => readonly Spell[];

const draws: Readonly<Record<SpellKind, Draw>> = {
  starting: (random) => [{ kind: "starting", until: restartMs(random), payloads: random.chance(0.5) }],
  restart(random) {
    const from = random.below(5 * MINUTE_MS);
    return [{ kind: "restart", from, until: from + restartMs(random), payloads: random.chance(0.5) }];
  },
  "head-stuck": (random) => [{ kind: "head-stuck", ...someTime(random), behind: random.below(120) }],
  "exclusive-cursor": (random) => [{ kind: "exclusive-cursor", ...someTime(random) }],
  "oldest-page": (random) => [{ kind: "oldest-page", ...someTime(random) }],
  "page-hole": (random) => [{ kind: "page-hole", ...someTime(random), share: 0.1 }],
  "always-cut": (random) => [
    {
      kind: "always-cut",
      ...someTime(random),
      rows: 5 + random.below(20),
      keeps: random.pick(["newest", "oldest"]),
    },
  ],
  "clock-skew": (random) => [
    {
      kind: "clock-skew",
      ...someTime(random),
      ms: (random.chance(0.5) ? 1 : -1) * random.below(90 * MINUTE_MS),
    },
  ],
  replicas: (random) => [
    { kind: "replicas", ...someTime(random), behind: random.below(120), share: 0.2 + 0.6 * random.unit() },
  ],
  "crash-loop": (random) => [
    {
      kind: "crash-loop",
      ...someTime(random),
      upMs: 2_000 + random.below(10_000),
      downMs: 1_000 + random.below(10_000),
      startingMs: 500 + random.below(1_500),
    },
  ],
  // What is kept only deceives while the relay behind has nothing to show.
  "cached-witness"(random) {
    const from = MINUTE_MS / 4 + random.below(MINUTE_MS);
    return [
      { kind: "cached-witness", until: SPELLS_END_MS, keepsMs: (2 + random.below(8)) * MINUTE_MS },
      { kind: "restart", from, until: from + restartMs(random), payloads: random.chance(0.5) },
    ];
  },
  "lower-limit": (random) => [{ kind: "lower-limit", ...someTime(random), limit: 10 + random.below(90) }],
  poisoned: (random, head) => [{ kind: "poisoned", ...someTime(random), slot: head - 50 - random.below(64) }],
  always: (random) => [{ kind: "always", ...someTime(random), fault: random.pick(ALWAYS) }],
};

/**
 * Each relay's spells, those that the plan states and those that it leaves to chance. `head`: the head when the simulator
 * starts; `seeds`: what the draw depends on besides the relay and the kind. Throws where the plan names a relay that isn't
 * there: its test would show nothing.
 */
export function spellsOf(
  { spells = {}, spellRates = {} }: FaultPlan,
  relays: readonly string[],
  head: number,
  seeds: readonly number[],
): ReadonlyMap<string, readonly Spell[]> {
  const unknown = Object.keys(spells).find((name) => name !== "*" && !relays.includes(name));
  if (unknown !== undefined)
    throw new Error(`No simulated relay is called ${unknown}: there are ${relays.join(", ")}.`);
  const drawn = (relay: string) =>
    SPELLS.flatMap((kind) => {
      const random = new Random(...seeds, mixText(relay), mixText(kind));
      return random.chance(spellRates[kind] ?? 0) ? draws[kind](random, head) : [];
    });
  return new Map(
    relays.map((relay) => [relay, [...(spells["*"] ?? []), ...(spells[relay] ?? []), ...drawn(relay)]]),
  );
}

/** How long a relay answers [] around a start, ms. */
function restartMs(random: Random): number {
  return 3_000 + random.below(87_000);
}

/** Begins within five minutes of the start and ends within the hour. */
function someTime(random: Random): { readonly from: number; readonly until: number } {
  const from = random.chance(0.5) ? 0 : random.below(5 * MINUTE_MS);
  return { from, until: from + MINUTE_MS + random.below(SPELLS_END_MS - 6 * MINUTE_MS) };
}
