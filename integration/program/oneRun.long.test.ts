import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { simulatedNetwork } from "../../runtime/chain/networks.ts";
import { settledSlot } from "../../runtime/chain/slots.ts";
import { coverageOf } from "../../runtime/collect/coverage.ts";
import { AUCTION } from "../../runtime/datasets/dataset.ts";
import { openFolderLake } from "../../runtime/lake/folder/folder.ts";
import { silentLog } from "../../runtime/log.ts";
import { SEED } from "../../runtime/seeds.testing.ts";
import { startSimulator } from "../../runtime/simulator/server.ts";
import { openDuckDb } from "../../runtime/warehouse/duckdb/duckdb.ts";
import { compareLake, compareTables } from "./compare.ts";
import { counted } from "./counted.ts";
import { hastyClock, lineOf, NOW } from "./line.ts";

const network = simulatedNetwork(SEED);
const RATE = 50;

/** Healthy relays, a lake that counts its writes, and how long a run over the newest slots takes, s. */
async function scene(t: ExecutionContext, slots: number) {
  t.timeout(1_200_000);
  const clock = hastyClock();
  const simulator = await startSimulator({ seed: SEED, clock, scale: 0.02, faults: "none" });
  t.teardown(() => simulator.close());
  const folder = mkdtempSync(join(tmpdir(), "etl-one-run-"));
  const { lake, writes } = counted(openFolderLake(join(folder, "lake"), network.name));
  const last = settledSlot(network, NOW);
  const range = { first: last - slots + 1, last };
  const active = simulator.relays.filter(({ state }) => state === "active");
  const relaysOf = (names: readonly string[]) =>
    active.filter(({ name }) => names.length === 0 || names.includes(name));
  return {
    clock,
    simulator,
    folder,
    lake,
    writes,
    range,
    /** Runs over some relays, or over all, until what there is is covered. */
    async run(...names: readonly string[]) {
      const relays = relaysOf(names);
      const began = clock.monotonic();
      await lineOf(SEED, relays, lake, clock, { rate: RATE }).run(range);
      const seconds = (clock.monotonic() - began) / 1000;
      for (const relay of relays)
        for (const dataset of AUCTION) {
          const onFault = (fault: string) => t.fail(fault);
          const { covered } = await coverageOf(
            lake,
            { network, range, nowMs: clock.now() },
            relay,
            dataset,
            onFault,
          );
          t.is(covered, slots, `${relay.name} ${dataset}`);
        }
      t.deepEqual((await compareLake(lake, simulator.truth)).differences, []);
      return seconds;
    },
    emptyBids: (name: string) => {
      let empty = 0;
      for (let slot = range.first; slot <= range.last; slot++)
        if (simulator.truth.bids(name, slot).length === 0) empty++;
      return empty;
    },
  };
}

/** 256 slots of which 51 are empty take 22 s at 50 a second; further empty ones are questions more. */
const mostSeconds = (empty: number) => 22 + Math.max(0, empty - 51) / RATE;

test("256 slots, of which one in five is empty, take at most 22 s at 50 a second, whatever waits for its second ask", async (t) => {
  const { run, emptyBids } = await scene(t, 256);
  const seconds = await run("wren");
  const empty = emptyBids("wren");
  t.true(empty > 20, `${empty} empty slots`);
  t.log(`${seconds.toFixed(1)} s, ${empty} empty slots`);
  t.true(seconds <= mostSeconds(empty), `${seconds} s`);
});

test("ten relays wait side by side: together they take hardly longer than the slowest", async (t) => {
  const { run, emptyBids } = await scene(t, 96);
  const seconds = await run();
  t.log(`${seconds.toFixed(1)} s`);
  t.true(seconds <= mostSeconds(emptyBids("wren")) + 1, `${seconds} s`);
});

test("a chunk with empty slots is written once by a run, and loaded once", async (t) => {
  const { run, emptyBids, writes, folder, lake, clock, simulator } = await scene(t, 320);
  await run("wren");
  t.true(emptyBids("wren") > 32);
  t.true(writes.size > 10);
  for (const [chunk, times] of writes) t.is(times, 1, chunk);
  const warehouse = openDuckDb(join(folder, "warehouse.duckdb"), network, { clock, log: silentLog });
  t.teardown(async () => warehouse.close());
  const first = await warehouse.load(lake, simulator.relays);
  t.is(first.objects, writes.size);
  t.like(await warehouse.load(lake, simulator.relays), { objects: 0, rows: 0 });
  t.deepEqual((await compareTables(lake, warehouse, simulator.truth)).differences, []);
  for (const { revision } of await warehouse.query(
    "SELECT revision FROM bids_loads UNION ALL SELECT revision FROM payloads_loads",
  ))
    t.is(Number(revision), 0, "replaced by a later load");
});

test("slots above the newest payload are settled by the same run, however many pages and chunks lie below them", async (t) => {
  const { lake, range, clock, simulator } = await scene(t, 8000);
  const [wren] = simulator.relays.filter(({ name }) => name === "wren");
  if (!wren) return t.fail("no such relay");
  await lineOf(SEED, [wren], lake, clock).run(range, ["payloads"]);
  const onFault = (fault: string) => t.fail(fault);
  t.like(await coverageOf(lake, { network, range, nowMs: clock.now() }, wren, "payloads", onFault), {
    covered: 8000,
    missing: 0,
  });
});
