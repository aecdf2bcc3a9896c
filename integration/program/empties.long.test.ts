import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import type { Flaw } from "../../runtime/simulator/profile.ts";
import { simulatedNetwork } from "../../runtime/chain/networks.ts";
import { settledSlot, slotCount } from "../../runtime/chain/slots.ts";
import { coverageOf } from "../../runtime/collect/coverage.ts";
import { AUCTION, type DatasetName } from "../../runtime/datasets/dataset.ts";
import { openFolderLake } from "../../runtime/lake/folder/folder.ts";
import { resolveRelays } from "../../runtime/relays/directory.ts";
import type { Relay } from "../../runtime/relays/relay.ts";
import { startSimulator } from "../../runtime/simulator/server.ts";
import type { Spell } from "../../runtime/simulator/spells.ts";
import { SimulatedData } from "../../runtime/simulator/truth.ts";
import { SEED, examples } from "../../runtime/seeds.testing.ts";
import { compareLake } from "./compare.ts";
import { NOW, hastyClock, lineOf } from "./line.ts";

const MINUTE = 60_000;

interface Scene {
  readonly spells?: readonly Spell[];
  readonly flaw?: Flaw;
  readonly keepsSlots?: number;
  /** Slots that are collected. */
  readonly slots?: number;
  readonly scale?: number;
  /** How far the newest of them lies behind the newest settled slot. */
  readonly older?: number;
  /** What is known of the relay, by the first of the slots. */
  readonly known?: (first: number) => Partial<Relay>;
}

/** One relay with something wrong, on a clock of its own, and a lake that is filled from it. */
async function scene(t: ExecutionContext, name: string, options: Scene) {
  t.timeout(10 * MINUTE);
  const clock = hastyClock();
  const { spells = [], flaw, keepsSlots, slots = 64, scale = 0.02, older = 0 } = options;
  const simulator = await startSimulator({
    seed: SEED,
    clock,
    scale,
    faults: { rates: {}, spells: { [name]: spells } },
    ...(flaw ? { flaws: { [name]: flaw } } : {}),
    ...(keepsSlots === undefined ? {} : { keepsSlots: { [name]: keepsSlots } }),
  });
  t.teardown(() => simulator.close());
  const first = settledSlot(simulatedNetwork(SEED), NOW) - older - slots + 1;
  const relay = [...simulator.relays, ...simulator.others]
    .filter((relay) => relay.name === name)
    .map((relay) => ({ ...relay, ...options.known?.(first) }))[0];
  if (!relay) throw new Error(`no relay ${name}`);
  const lake = openFolderLake(mkdtempSync(join(tmpdir(), "etl-empties-")), `simulated-${SEED}`);
  const line = lineOf(SEED, [relay], lake, clock, { rate: 50 });
  const range = { first, last: first + slots - 1 };
  const cover = (dataset: DatasetName) =>
    coverageOf(lake, { network: line.network, range, nowMs: clock.now() }, relay, dataset, (fault) =>
      t.fail(fault),
    );
  /** No slot may be covered with anything but the truth. */
  const isTrue = async (after: string) => {
    t.deepEqual((await compareLake(lake, simulator.truth)).differences, [], after);
  };
  const isComplete = async (after: string) => {
    for (const dataset of AUCTION) {
      const { covered, missing } = await cover(dataset);
      t.deepEqual({ covered, missing }, { covered: slotCount(range), missing: 0 }, `${dataset} ${after}`);
    }
  };
  /** Runs three times, after which all is covered. */
  const runs = async () => {
    for (let run = 1; run <= 3; run++) {
      await line.run(range);
      await isTrue(`after run ${run}`);
      await clock.sleep(MINUTE);
    }
    await isComplete("after three runs");
  };
  return { clock, simulator, lake, line, range, cover, isTrue, isComplete, runs };
}

/** When a relay restarts, ms into the run, and for how long, ms. */
const RESTARTS = (
  [
    [600, 9_000],
    [2_500, 3_000],
    [1_200, 30_000],
    [3_000, 90_000],
  ] as const
).slice(0, examples(1, 4));

for (const name of ["heron", "osprey", "swift"]) {
  test.serial(
    `${name} answers [] from its start to its first head event: nothing is taken for empty, and later runs read it all`,
    async (t) => {
      const { line, range, cover, isTrue, clock, runs } = await scene(t, name, {
        spells: [{ kind: "starting", until: 20 * MINUTE }],
      });
      await line.run(range, ["bids"]);
      await isTrue("while it starts");
      t.like(await cover("bids"), { covered: 0, missing: slotCount(range), unproven: slotCount(range) });
      await clock.sleep(20 * MINUTE);
      await runs();
    },
  );

  for (const [from, lasts] of RESTARTS)
    test.serial(
      `${name} restarts ${from} ms into the run for ${lasts} ms: no slot read meanwhile is taken for empty`,
      async (t) => {
        const { line, range, isTrue, runs } = await scene(t, name, {
          slots: 200,
          spells: [{ kind: "restart", from, until: from + lasts }],
        });
        await line.run(range, ["bids"]);
        await isTrue("after the run with the restart");
        await runs();
      },
    );
}

test.serial(
  "a head that stands still 28 slots behind the newest target: what lies above waits, and is read when the head moves on",
  async (t) => {
    const { line, range, cover, isTrue, clock, runs } = await scene(t, "heron", {
      spells: [{ kind: "head-stuck", behind: 50 + 28, until: 60 * MINUTE }],
    });
    for (let run = 0; run < 3; run++) {
      await line.run(range);
      await isTrue(`run ${run} while the head stands still`);
      const { unproven, missing } = await cover("bids");
      t.is(unproven, missing);
      t.true(missing >= 28);
      await clock.sleep(5 * MINUTE);
    }
    await clock.sleep(60 * MINUTE);
    await runs();
  },
);

test.serial(
  "nothing newer than 50 slots behind, for an hour: the newest slots wait, and are read when it has caught up",
  async (t) => {
    const { line, range, isTrue, clock, runs } = await scene(t, "swift", {
      spells: [{ kind: "head-stuck", behind: 70, until: 60 * MINUTE }],
    });
    await line.run(range);
    await isTrue("while it is behind");
    await clock.sleep(60 * MINUTE);
    await runs();
  },
);

test.serial("our own clock is an hour ahead: slots that don't exist yet are not covered", async (t) => {
  const { line, range, cover, isTrue, clock, runs } = await scene(t, "heron", {
    spells: [{ kind: "clock-skew", ms: -60 * MINUTE, until: 61 * MINUTE }],
  });
  await line.run(range);
  await isTrue("while the clocks differ");
  t.is((await cover("bids")).covered, 0);
  await clock.sleep(61 * MINUTE);
  await runs();
});

test.serial("a cursor that means below: every payload is read all the same", async (t) => {
  const { line, range, isTrue, isComplete } = await scene(t, "swift", {
    slots: 600,
    spells: [{ kind: "exclusive-cursor" }],
  });
  await line.run(range, ["payloads"]);
  await isTrue("after a run");
  t.is((await line.run(range, ["payloads"]))[0]?.payloads.covered, 0, "a second run finds nothing new");
  await line.run(range, ["bids"]);
  await isComplete("after a run");
});

test.serial("payloads that no page shows are found by a recheck, which asks slot by slot", async (t) => {
  const { line, range, lake, simulator, isTrue } = await scene(t, "swift", {
    slots: 300,
    spells: [{ kind: "page-hole", share: 0.3 }],
  });
  await line.run(range, ["payloads"]);
  t.true((await compareLake(lake, simulator.truth)).differences.length > 0, "no payload was left out");
  const tallies = await line.recheck(range);
  t.true(
    tallies.every(({ complete }) => complete),
    "all that was chosen has been asked",
  );
  await isTrue("after the recheck");
});

test.serial(
  "lists that always end at 500 rows stay suspect, however often they are read again",
  async (t) => {
    const { line, range, cover } = await scene(t, "kestrel", {
      slots: 12,
      scale: 0.4,
      flaw: { kind: "cut", rows: 500, keeps: "newest" },
    });
    await line.run(range, ["bids"]);
    const { suspect } = await cover("bids");
    t.true(suspect >= 6, `${suspect} suspect`);
    for (let again = 0; again < 2; again++) {
      await line.recheck(range);
      t.is((await cover("bids")).suspect, suspect);
    }
  },
);

test.serial(
  "delivered, but without bids: missing while it is young; after a day covered and suspect, until that is accepted",
  async (t) => {
    const flaw = { kind: "stuck-empty" } as const;
    const young = await scene(t, "heron", { flaw });
    const delivered = ({ range, simulator }: typeof young) => {
      let count = 0;
      for (let slot = range.first; slot <= range.last; slot++)
        if (simulator.truth.payloads("heron", slot).length > 0)
          count += simulator.truth.bids("heron", slot).length === 0 ? 1 : 0;
      return count;
    };
    t.true(delivered(young) > 0, "no slot contradicts itself");
    for (let run = 0; run < 2; run++) {
      await young.line.run(young.range);
      await young.isTrue("young");
      t.like(await young.cover("bids"), {
        missing: delivered(young),
        unproven: delivered(young),
        suspect: 0,
      });
    }
    const old = await scene(t, "heron", { flaw, older: 7200 });
    t.true(delivered(old) > 0, "no slot contradicts itself");
    await old.line.run(old.range);
    for (let again = 0; again < 3; again++) {
      await old.isTrue("old");
      t.like(await old.cover("bids"), { missing: 0, suspect: delivered(old) });
      if (again < 2) await old.line.recheck(old.range);
    }
    await old.line.recheck(old.range, { accept: true });
    await old.isTrue("accepted");
    t.like(await old.cover("bids"), { missing: 0, suspect: 0 });
  },
);

test.serial("what lies just below a horizon is unavailable, not empty", async (t) => {
  for (const name of ["lapwing", "merlin"]) {
    const { line, range, isTrue, cover } = await scene(t, name, { slots: 700, keepsSlots: 600, scale: 0.02 });
    await line.run(range);
    await isTrue(name);
    for (const dataset of AUCTION) {
      const { missing, unavailable } = await cover(dataset);
      t.is(missing, 0, `${name} ${dataset}`);
      t.true(unavailable > 0, `${name} ${dataset}`);
    }
  }
});

for (const [name, behind, share] of [
  ["heron", 80, 0.5],
  ["swift", 72, 0.77],
  ["osprey", 60, 0.2],
] as const)
  test.serial(
    `two replicas behind ${name}, one of them ${behind} slots behind: what only one shows is not taken for empty`,
    async (t) => {
      const { line, range, isTrue, clock, runs } = await scene(t, name, {
        slots: 40,
        spells: [{ kind: "replicas", behind, share, until: 60 * MINUTE }],
      });
      for (let run = 0; run < 6; run++) {
        await line.run(range);
        await isTrue(`run ${run}`);
        await clock.sleep(MINUTE);
      }
      await clock.sleep(60 * MINUTE);
      await runs();
    },
  );

test.serial("a relay that goes up and down every few seconds: nothing is taken for empty", async (t) => {
  const { line, range, isTrue, clock, runs } = await scene(t, "heron", {
    spells: [{ kind: "crash-loop", upMs: 5000, downMs: 3000, startingMs: 1000, until: 60 * MINUTE }],
  });
  for (let run = 0; run < 4; run++) {
    await line.run(range, ["bids"]);
    await isTrue(`run ${run}`);
    await clock.sleep(MINUTE);
  }
  await clock.sleep(60 * MINUTE);
  await runs();
});

test.serial("answers that a cache in front keeps are no witnesses for the relay behind it", async (t) => {
  const { line, range, isTrue, clock, runs } = await scene(t, "heron", {
    spells: [
      { kind: "cached-witness", keepsMs: 10 * MINUTE, until: 60 * MINUTE },
      { kind: "restart", from: 1500, until: 60 * MINUTE, payloads: true },
    ],
  });
  await line.run(range);
  await isTrue("while the cache answers for a relay that has restarted");
  await clock.sleep(60 * MINUTE);
  await runs();
});

test.serial(
  "a relay with bids in one slot of twenty is covered between its witnesses, at 2.2 requests a slot",
  async (t) => {
    const { line, range, cover, isTrue, simulator } = await scene(t, "sparse", { slots: 1000, scale: 1 });
    await line.run(range, ["bids"]);
    await isTrue("after a run");
    const { covered, missing, unproven } = await cover("bids");
    t.is(missing, unproven);
    t.true(covered >= 900, `${covered} covered`);
    t.true(simulator.requests.length <= 2200, `${simulator.requests.length} requests`);
  },
);

test.serial(
  "a relay that has shown nothing for a day, or ever, is asked once a slot, and nothing of it is covered",
  async (t) => {
    for (const name of ["quiet", "never"]) {
      const { line, range, cover, simulator } = await scene(t, name, {});
      await line.run(range);
      const { covered, missing, unproven } = await cover("bids");
      t.deepEqual({ covered, missing, unproven }, { covered: 0, missing: 64, unproven: 64 }, name);
      const before = simulator.requests.length;
      await line.run(range, ["bids"]);
      t.true(
        simulator.requests.length - before <= 110,
        `${simulator.requests.length - before} more requests`,
      );
    }
  },
);

test.serial(
  "a relay that has ended and is asked by its URL: what lies above its newest row is unavailable, and nothing is missing",
  async (t) => {
    t.timeout(10 * MINUTE);
    const clock = hastyClock();
    const simulator = await startSimulator({ seed: SEED, clock, scale: 0.05, faults: "none" });
    t.teardown(() => simulator.close());
    const ended = simulator.relays.find(({ name }) => name === "dotterel");
    if (!ended?.activeTo) return t.fail("no relay that has ended");
    const relay = resolveRelays(simulator.relays, [`dotterel=${ended.url}`]).relays[0]?.relay;
    if (!relay) return t.fail("no such relay");
    const lake = openFolderLake(mkdtempSync(join(tmpdir(), "etl-empties-")), `simulated-${SEED}`);
    const line = lineOf(SEED, [relay], lake, clock, { rate: 50 });
    // Only a lake that holds some of a relay's rows can tell that there is nothing above them.
    let first = ended.activeTo - 39;
    while (simulator.truth.payloads("dotterel", first).length === 0) first--;
    const range = { first, last: ended.activeTo + 40 };
    await line.run(range);
    t.deepEqual((await compareLake(lake, simulator.truth)).differences, []);
    for (const dataset of AUCTION) {
      const row = await coverageOf(
        lake,
        { network: line.network, range, nowMs: clock.now() },
        relay,
        dataset,
        (fault) => t.fail(fault),
      );
      t.is(row.missing, 0, dataset);
      t.true(row.unavailable >= 40 && row.covered > 0, `${dataset}: ${row.unavailable} unavailable`);
      t.is(row.covered + row.unavailable, slotCount(range), dataset);
    }
  },
);

/** How far back from the newest settled slot the first slot is looked for that has rows of wren, or none. */
function wrenSlots(isFull: boolean): number {
  const truth = new SimulatedData({ seed: SEED, clock: hastyClock(), scale: 0.02 });
  const last = settledSlot(simulatedNetwork(SEED), NOW);
  for (let slots = 40; ; slots++)
    if (truth.bids("wren", last - slots + 1).length > 0 === isFull) return slots;
}

for (const bound of ["collectFrom", "activeFrom"] as const)
  test.serial(
    `the first slot that is wanted of a relay (by ${bound}) is read, though it was answered [] before`,
    async (t) => {
      const { line, range, cover, isTrue, clock, runs } = await scene(t, "wren", {
        slots: wrenSlots(true),
        known: (first) => ({ [bound]: first }),
        spells: [{ kind: "starting", until: 20 * MINUTE }],
      });
      await line.run({ first: range.first, last: range.first }, ["bids"]);
      await isTrue("while it starts");
      t.like(await cover("bids"), { covered: 0, unproven: 1 });
      await clock.sleep(20 * MINUTE);
      await line.run({ first: range.first, last: range.first }, ["bids"]);
      await isTrue("afterwards");
      t.like(await cover("bids"), { covered: 1, unproven: 0 });
      await runs();
    },
  );

test.serial(
  "the first slot that is wanted, where it is empty, is shown to be so by an older one, and no horizon is claimed",
  async (t) => {
    const { line, range, cover, lake, isTrue } = await scene(t, "wren", {
      slots: wrenSlots(false),
      known: (first) => ({ collectFrom: first }),
    });
    await line.run(range);
    await isTrue("after a run");
    t.like(await cover("bids"), { covered: slotCount(range), missing: 0, unavailable: 0 });
    t.is(await lake.readHorizon("bids", "wren"), undefined);
  },
);
