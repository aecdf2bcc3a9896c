import test from "ava";
import type { Flaw } from "../../runtime/simulator/profile.ts";
import { runChecks } from "../../runtime/checks/checks.ts";
import type { Relay } from "../../runtime/relays/relay.ts";
import { SEED, examples } from "../../runtime/seeds.testing.ts";
import type { FaultPlan } from "../../runtime/simulator/faults.ts";
import { type LoadedWarehouse, type LoadedOptions, loadedNetwork } from "./loaded.ts";
import { duckdbDialect } from "../../runtime/warehouse/sql/duckdbDialect.ts";

const SLOTS = 96;
/** Head of the tests' clock is slot 5,000,000; the newest settled slot is 50 before it. */
const LAST = 4_999_950;

/** The detectors that speak, by name, with the relays that they speak of. */
async function spoken(loaded: LoadedWarehouse, range = loaded.range): Promise<Record<string, string[]>> {
  const { warehouse, relays, line, clock } = loaded;
  const scope = { network: line.network, range, nowMs: clock.now() };
  const results = await runChecks(warehouse, duckdbDialect, { scope, relays });
  return Object.fromEntries(
    results
      .filter(({ findings }) => findings.length > 0)
      .map(({ check, findings }) => [
        check.name,
        [...new Set(findings.map(({ severity, relay }) => `${severity} ${relay}`))].toSorted(),
      ]),
  );
}

for (const seed of Array.from({ length: examples(1, 4) }, (_, more) => SEED + more)) {
  test.serial(`seed ${seed}: in a clean network no detector speaks`, async (t) => {
    const loaded = await loadedNetwork({ seed, slots: SLOTS });
    t.teardown(() => loaded.simulator.close());
    t.deepEqual(await spoken(loaded), {});
  });
}

interface Case {
  readonly what: string;
  readonly flaws?: Readonly<Record<string, Flaw>>;
  /** Relays without a fault that the case can't do without. */
  readonly company?: readonly string[];
  readonly options?: Partial<LoadedOptions>;
  readonly says: Record<string, string[]>;
}

const cases: readonly Case[] = [
  {
    what: "bid lists that end at a page limit",
    flaws: { kestrel: { kind: "cut", rows: 100, keeps: "newest" } },
    says: { truncated: ["error kestrel"] },
  },
  {
    what: "bid lists without the delivered block",
    flaws: { heron: { kind: "cut", rows: 15, keeps: "oldest" } },
    says: { truncated: ["error heron"] },
  },
  {
    what: "empty answers that stay in a relay's cache",
    flaws: { osprey: { kind: "stuck-empty" } },
    // About a third of what it covers is empty: in 96 slots that may still be chance.
    options: { slots: 240 },
    // Those that it delivered in aren't covered before they are a day old.
    says: { "stale-empty": ["warning osprey"] },
  },
  {
    what: "slots with more payloads than a page",
    flaws: { swift: { kind: "crowded", payloads: 130 } },
    says: { "page-border": ["error swift"] },
  },
  {
    what: "payloads that were never published",
    flaws: { osprey: { kind: "unpublished" } },
    says: { "not-on-chain": ["warning osprey"] },
  },
  {
    what: "a relay that states other values for what others delivered too",
    flaws: { osprey: { kind: "overclaims" } },
    // It shares few blocks with small relays, and few are never enough to tell from chance.
    company: ["kestrel", "plover"],
    says: { "same-payload": ["warning osprey"] },
  },
  {
    what: "a relay that is collected under two names",
    options: {
      relays: (all) =>
        all.map((relay) => (relay.aliasOf === null ? relay : { ...relay, state: "active", aliasOf: null })),
    },
    says: { "twin-relays": ["error kestrel"] },
  },
  {
    what: "a clock that is wrong",
    flaws: { tern: { kind: "clock", ms: 40_000 } },
    says: { timestamps: ["warning tern"] },
  },
  {
    what: "rows that are stored twice",
    flaws: { heron: { kind: "repeats" } },
    says: { duplicates: ["warning heron"] },
  },
  {
    what: "a field that is gone and another that is new",
    flaws: { plover: { kind: "drifts", from: LAST - 47 } },
    says: { "type-drift": ["warning plover"] },
  },
  {
    what: "values that no table can hold",
    flaws: { merlin: { kind: "unreadable" } },
    says: { "type-drift": ["error merlin"] },
  },
  {
    what: "a relay that delivers but shows no bids",
    flaws: { osprey: { kind: "no-bids" } },
    says: { "unequal-shares": ["warning osprey"] },
  },
  {
    what: "a relay that has gone quiet",
    flaws: { dunlin: { kind: "quiet", from: LAST - 50 } },
    says: { "gone-quiet": ["warning dunlin"] },
  },
];

/** Relays at fault, and some as company for them. */
const amongOthers = (...names: readonly string[]) => {
  const all = [...["heron", "osprey", "swift", "tern"].slice(0, examples(3, 4)), ...names];
  return (relays: readonly Relay[]) => relays.filter(({ name }) => all.includes(name));
};

for (const { what, flaws = {}, company = [], options = {}, says } of cases) {
  test.serial(`${what}: only its detector speaks`, async (t) => {
    const relays = amongOthers(...Object.keys(flaws), ...company);
    const loaded = await loadedNetwork({ seed: SEED, slots: SLOTS, relays, flaws, ...options });
    t.teardown(() => loaded.simulator.close());
    t.deepEqual(await spoken(loaded), says);
  });
}

test.serial("rows that come late: only their detector speaks", async (t) => {
  const faults: FaultPlan = { rates: {}, relays: { lapwing: { late: 1 } } };
  const loaded = await loadedNetwork({ seed: SEED, slots: 40, faults, relays: amongOthers("lapwing") });
  t.teardown(() => loaded.simulator.close());
  await loaded.line.recheck(loaded.range);
  await loaded.load(loaded.range);
  t.deepEqual(await spoken(loaded), { "late-rows": ["warning lapwing"] });
});

test.serial("slots that a relay forgot before they were collected: only their detector speaks", async (t) => {
  const loaded = await loadedNetwork({
    seed: SEED,
    slots: 40,
    keepsSlots: { swift: 350 },
    relays: (all) => all.filter(({ name }) => ["swift", "heron"].includes(name)),
  });
  t.teardown(() => loaded.simulator.close());
  t.deepEqual(await spoken(loaded), {}, "nothing is forgotten yet");
  // Some 400 slots later the relay has forgotten what came right after the first collection.
  await loaded.clock.sleep((5_000_400 - 5_000_000) * 12_000);
  const range = { first: loaded.range.first, last: LAST + 395 };
  await loaded.line.run(range);
  await loaded.load(range);
  t.deepEqual(await spoken(loaded, range), { retention: ["error swift"] });
});
