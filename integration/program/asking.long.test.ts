import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import type { Clock } from "../../runtime/chain/clock.ts";
import { simulatedNetwork } from "../../runtime/chain/networks.ts";
import { type SlotRange, settledSlot, slotAt, slotCount } from "../../runtime/chain/slots.ts";
import { coverageOf } from "../../runtime/collect/coverage.ts";
import { AUCTION, type DatasetName } from "../../runtime/datasets/dataset.ts";
import { openFolderLake } from "../../runtime/lake/folder/folder.ts";
import type { Relay } from "../../runtime/relays/relay.ts";
import { SEED, examples } from "../../runtime/seeds.testing.ts";
import { type Simulator, type SimulatorOptions, startSimulator } from "../../runtime/simulator/server.ts";
import { compareLake } from "./compare.ts";
import { type LineClock, NOW, hastyClock, lineOf } from "./line.ts";

const seed = SEED;
const network = simulatedNetwork(seed);
const settled = settledSlot(network, NOW);
const head = slotAt(network, NOW);

const newLake = () => openFolderLake(mkdtempSync(join(tmpdir(), "etl-asking-")), network.name);

/** A clock whose waits cost nothing and whose date stands still, so that horizons stay where they are. */
function stillClock(): LineClock {
  return { ...hastyClock(), now: () => NOW };
}

async function start(clock: Clock, options: Partial<SimulatorOptions>): Promise<Simulator> {
  return startSimulator({ seed, faults: "none", clock, scale: 0.05, ...options });
}

const named = ({ relays }: Simulator, ...names: readonly string[]): Relay[] =>
  relays.filter(({ name, state }) => state === "active" && (names.length === 0 || names.includes(name)));

const isBelow = (slot: number) => (request: { slot: number | undefined; cursor: number | undefined }) =>
  (request.slot ?? request.cursor ?? Infinity) < slot;

for (const [kept, below] of [
  [900, 500],
  [450, 1500],
  [1250, 40],
] as const) {
  test(`a relay that keeps ${kept} slots, asked for ${below} older ones: unavailable, hardly asked for, and all above is covered`, async (t) => {
    t.timeout(1_200_000);
    const clock = stillClock();
    const simulator = await start(clock, { keepsSlots: { merlin: kept } });
    t.teardown(() => simulator.close());
    const [merlin] = named(simulator, "merlin");
    if (!merlin) return t.fail("no such relay");
    const lake = newLake();
    // Slots above its newest payload wait for the next one, so a second run would ask for them again.
    let last = settled;
    while (simulator.truth.payloads("merlin", last).length === 0) last--;
    const range = { first: head - kept - below, last };
    const line = lineOf(seed, [merlin], lake, clock);
    await line.run(range);
    for (const dataset of AUCTION) {
      const horizon = simulator.truth.horizon("merlin", dataset) ?? 0;
      t.true(horizon > range.first && horizon < last);
      const onFault = (fault: string) => t.fail(fault);
      const coverage = await coverageOf(lake, { network, range, nowMs: NOW }, merlin, dataset, onFault);
      const { covered, missing, unavailable } = coverage;
      t.deepEqual(
        { covered, missing, unavailable },
        { covered: last - horizon + 1, missing: 0, unavailable: horizon - range.first },
        dataset,
      );
      const asked = simulator.requests.filter((request) => request.dataset === dataset);
      const probes = asked.filter(isBelow(horizon));
      const where = probes.map(({ slot, cursor }) => (slot ?? cursor ?? 0) - horizon).join(" ");
      t.true(probes.length <= 60, `${probes.length} requests for ${dataset} below the horizon: ${where}`);
    }
    t.deepEqual((await compareLake(lake, simulator.truth)).differences, []);
    const before = simulator.requests.length;
    await line.run(range);
    t.is(simulator.requests.length, before, "a second run has nothing to ask");
  });
}

/** What the bids of a run may cost: each slot once, empty ones twice, and the witnesses of 32 empty ones at a time. */
const mostAsks = (slots: number, empty: number) => slots + empty + 6 * Math.ceil(empty / 32) + 4;

for (const name of ["heron", "wren", "osprey", "lapwing"].slice(0, examples(2, 4))) {
  test(`${name}, healthy, is asked once a slot for bids, a second time where it is empty, and hardly more`, async (t) => {
    t.timeout(1_200_000);
    const clock = hastyClock();
    const simulator = await start(clock, { scale: 0.02 });
    t.teardown(() => simulator.close());
    const range = { first: settled - 999, last: settled };
    const lake = newLake();
    await lineOf(seed, named(simulator, name), lake, clock, { rate: 100 }).run(range, ["bids"]);
    const { slots, differences } = await compareLake(lake, simulator.truth);
    t.deepEqual(differences, []);
    t.is(slots, slotCount(range));
    let empty = 0;
    for (let slot = range.first; slot <= range.last; slot++)
      if (simulator.truth.bids(name, slot).length === 0) empty++;
    const requests = simulator.requests.length;
    t.log(`${requests} requests for ${slots} slots, of which ${empty} are empty`);
    t.true(requests <= mostAsks(slots, empty), `${requests} requests`);
    t.true(mostAsks(1000, 10) <= 1.02 * 1000, "a busy relay, with one empty slot in a hundred");
  });
}

test("payloads cost at most 6 requests and one for each 45 % of a page, in every dialect and whatever the page limit", async (t) => {
  t.timeout(1_200_000);
  const clock = hastyClock();
  const simulator = await start(clock, {
    faults: { rates: {}, spells: { heron: [{ kind: "lower-limit", limit: 30 }] } },
  });
  t.teardown(() => simulator.close());
  const relays = named(simulator);
  const lake = newLake();
  const range = { first: settled - 4799, last: settled };
  const tallies = await lineOf(seed, relays, lake, clock).run(range, ["payloads"]);
  t.deepEqual((await compareLake(lake, simulator.truth)).differences, []);
  for (const { relay, payloads } of tallies) {
    t.is(payloads.covered, slotCount(range), relay);
    const requests = simulator.requests.filter(
      (request) => request.relay === relay && request.dataset === "payloads",
    ).length;
    const rows = payloads.rows + payloads.quarantined;
    const limit = relay === "heron" ? 30 : (relays.find(({ name }) => name === relay)?.payloadLimit ?? 0);
    t.log(`${relay}: ${requests} requests for ${rows} rows in pages of ${limit}`);
    t.true(requests <= 6 + rows / (0.45 * limit), `${relay}: ${requests} requests for ${rows} rows`);
  }
});

test("a relay that was gone for a day holds up nobody, and once it is back its day is covered like any other", async (t) => {
  t.timeout(1_200_000);
  const clock = hastyClock();
  const lake = newLake();
  const missing = async (simulator: Simulator, name: string, range: SlotRange, dataset: DatasetName) => {
    const [relay] = named(simulator, name);
    if (!relay) throw new Error(`no relay ${name}`);
    return (
      await coverageOf(lake, { network, range, nowMs: clock.now() }, relay, dataset, (fault) => t.fail(fault))
    ).missing;
  };
  const first = settled - 39;
  const gone = await start(clock, {
    faults: { rates: {}, relays: { heron: { refused: 1 } }, inARow: Infinity },
  });
  let last = settled;
  // Three runs over a day in which it never answers; the others' newest slots are collected as they settle.
  for (let run = 0; run < 3; run++) {
    last = settledSlot(network, clock.now());
    const range = { first: run === 0 ? first : last - 39, last };
    await lineOf(seed, named(gone, "heron", "wren", "osprey"), lake, clock).run(range);
    for (const dataset of AUCTION) {
      t.is(await missing(gone, "heron", range, dataset), slotCount(range));
      for (const other of ["wren", "osprey"]) t.is(await missing(gone, other, range, dataset), 0, other);
    }
    await clock.sleep(8 * 3600_000);
  }
  await gone.close();
  const back = await start(clock, {});
  t.teardown(() => back.close());
  const day = { first: last - 199, last };
  await lineOf(seed, named(back, "heron"), lake, clock).run(day);
  await lineOf(seed, named(back, "heron"), lake, clock).run({ first, last: first + 39 });
  for (const dataset of AUCTION) {
    t.is(await missing(back, "heron", day, dataset), 0);
    t.is(await missing(back, "heron", { first, last: first + 39 }, dataset), 0);
  }
  t.deepEqual((await compareLake(lake, back.truth)).differences, []);
});
