import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import type { Clock } from "../../runtime/chain/clock.ts";
import { simulatedNetwork } from "../../runtime/chain/networks.ts";
import { type SlotRange, settledSlot, slotAt, slotCount } from "../../runtime/chain/slots.ts";
import { coverageOf } from "../../runtime/collect/coverage.ts";
import { DATASET_NAMES, type DatasetName } from "../../runtime/datasets/dataset.ts";
import { openFolderLake } from "../../runtime/lake/folder.ts";
import type { Relay } from "../../runtime/relay/relay.ts";
import { type Simulator, type SimulatorOptions, startSimulator } from "../../runtime/simulator/server.ts";
import { compareLake } from "./compare.ts";
import { NOW, hastyClock, lineOf } from "./line.ts";

/** Any seed will do; a test that fails names its own. ETL_TEST_SEED repeats it. */
const seed = Number(process.env["ETL_TEST_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
const network = simulatedNetwork(seed);
const settled = settledSlot(network, NOW);
const head = slotAt(network, NOW);

const newLake = () => openFolderLake(mkdtempSync(join(tmpdir(), "etl-asking-")), network.name);

/** A clock whose waits cost nothing and whose date stands still, so that horizons stay where they are. */
function stillClock(): Clock {
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
    t.timeout(120_000);
    t.log(`seed ${seed}`);
    const clock = stillClock();
    const simulator = await start(clock, { keepsSlots: { merlin: kept } });
    t.teardown(() => simulator.close());
    const [merlin] = named(simulator, "merlin");
    if (!merlin) return t.fail("no such relay");
    const lake = newLake();
    const range = { first: head - kept - below, last: settled };
    const line = lineOf(seed, [merlin], lake, clock);
    await line.run(range);
    for (const dataset of DATASET_NAMES) {
      const horizon = simulator.truth.horizon("merlin", dataset) ?? 0;
      t.true(horizon > range.first && horizon < settled);
      const onFault = (fault: string) => t.fail(fault);
      const coverage = await coverageOf(lake, network, merlin, dataset, range, NOW, onFault);
      const { covered, missing, unavailable } = coverage;
      t.deepEqual(
        { covered, missing, unavailable },
        { covered: settled - horizon + 1, missing: 0, unavailable: horizon - range.first },
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

test("a healthy network is asked hardly more than once a covered slot for bids", async (t) => {
  t.timeout(120_000);
  t.log(`seed ${seed}`);
  const clock = hastyClock();
  const simulator = await start(clock, {});
  t.teardown(() => simulator.close());
  const relays = named(simulator, "heron", "osprey", "lapwing", "wren");
  const lake = newLake();
  const range = { first: settled - 299, last: settled };
  const tallies = await lineOf(seed, relays, lake, clock).run(range);
  for (const { relay, bids } of tallies) {
    const asked = simulator.requests.filter(
      (request) => request.relay === relay && request.dataset === "bids",
    );
    t.is(bids.covered, slotCount(range), relay);
    const first = asked.length - bids.secondAsks;
    t.log(`${relay}: ${first} requests for ${bids.covered} slots, and ${bids.secondAsks} second asks`);
    t.true(first <= 1.02 * bids.covered, `${relay}: ${first} requests for ${bids.covered} slots`);
  }
});

test("payloads cost at most one request per 90 rows, and every slot is asked for once", async (t) => {
  t.timeout(120_000);
  t.log(`seed ${seed}`);
  const clock = hastyClock();
  const simulator = await start(clock, {});
  t.teardown(() => simulator.close());
  const relays = named(simulator);
  const lake = newLake();
  const range = { first: settled - 4799, last: settled };
  const tallies = await lineOf(seed, relays, lake, clock).run(range, ["payloads"]);
  const rows = tallies.reduce((sum, { payloads }) => sum + payloads.rows, 0);
  for (const { relay, payloads } of tallies) t.is(payloads.covered, slotCount(range), relay);
  const requests = simulator.requests.length;
  t.log(`${requests} requests for ${rows} rows`);
  t.true(rows > 4000 && requests <= rows / 90, `${requests} requests for ${rows} rows`);
});

test("a relay that was gone for a day holds up nobody, and once it is back its day is covered like any other", async (t) => {
  t.timeout(120_000);
  t.log(`seed ${seed}`);
  const clock = hastyClock();
  const lake = newLake();
  const missing = async (simulator: Simulator, name: string, range: SlotRange, dataset: DatasetName) => {
    const [relay] = named(simulator, name);
    if (!relay) throw new Error(`no relay ${name}`);
    return (await coverageOf(lake, network, relay, dataset, range, clock.now(), (fault) => t.fail(fault)))
      .missing;
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
    for (const dataset of DATASET_NAMES) {
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
  for (const dataset of DATASET_NAMES) {
    t.is(await missing(back, "heron", day, dataset), 0);
    t.is(await missing(back, "heron", { first, last: first + 39 }, dataset), 0);
  }
  t.deepEqual((await compareLake(lake, back.truth)).differences, []);
});
