import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import test from "ava";
import { settledSlot } from "../../runtime/chain/slots.ts";
import { type Forecast, forecastLines, forecastOf } from "../../runtime/cli/forecast.ts";
import { AUCTION } from "../../runtime/datasets/dataset.ts";
import { openFolderLake } from "../../runtime/lake/folder/folder.ts";
import { silentLog } from "../../runtime/log.ts";
import { SEED } from "../../runtime/seeds.testing.ts";
import { startSimulator } from "../../runtime/simulator/server.ts";
import { bundled } from "./bundled.ts";
import { NOW, hastyClock, lineOf } from "./line.ts";

const main = await bundled("../../runtime/cli/main");

const folder = () => mkdtempSync(join(tmpdir(), "etl-run-forecast-"));

test("a run is expected to ask for what the lake lacks, and for nothing where it has all", async (t) => {
  t.timeout(600_000);
  const clock = hastyClock();
  const simulator = await startSimulator({ seed: SEED, clock, scale: 0.02, faults: "none" });
  t.teardown(() => simulator.close());
  const relays = simulator.relays.filter(({ name }) => name === "heron");
  const at = folder();
  const lake = openFolderLake(join(at, "lake"), `simulated-${SEED}`);
  const line = lineOf(SEED, relays, lake, clock);
  const { network } = line;
  const last = settledSlot(network, NOW) - 10_000;
  const range = { first: last - 63, last };
  const context = {
    network,
    clock,
    log: silentLog,
    datasets: AUCTION,
    say() {},
    note() {},
    print() {},
  };
  const options = {
    network: "simulated",
    relay: [],
    lake: join(at, "lake"),
    warehouse: join(at, "w.duckdb"),
    seed: SEED,
    faults: "none",
    quiet: true,
    json: false,
  } as const;
  const chosen = relays.map((relay) => ({ relay, givenByHand: false, allowPrivate: true, headers: {} }));
  const expected = async () => forecastOf(options, context, lake, chosen, range);
  const whole = await expected();
  t.deepEqual(whole.wanted, new Map([["heron", { bids: 64, payloads: 64 }]]));
  await line.run({ first: last - 31, last });
  const half = await expected();
  t.deepEqual(half.wanted, new Map([["heron", { bids: 32, payloads: 32 }]]));
  t.is(half.figures.total.rows, Math.floor(whole.figures.total.rows / 2));
  t.true(half.figures.total.requests < 0.6 * whole.figures.total.requests);
  t.true(half.warehouseBytes > 0);
  t.is(half.disks.length, 1, "lake and warehouse are on one disk");
  t.is(half.disks[0]?.needed, half.figures.total.lake_bytes + half.warehouseBytes);
  await line.run(range);
  const none = await expected();
  t.deepEqual([none.figures.total.requests, none.figures.total.rows, none.seconds], [0, 0, 0]);
  t.deepEqual(forecastLines(none), []);
});

const day: Forecast = {
  figures: {
    slots: 7200,
    shards: { count: 1, longest_slots: 7200, most_rows: 0 },
    relays: [],
    total: {
      slots: 7200,
      gone: 0,
      requests: 72_345,
      rows: 124e6,
      raw_bytes: 85e9,
      lake_bytes: 11.8e9,
      objects: 1,
      list_calls: 1,
    },
    hours: [],
    cost: { storage_month: 0, warehouse_month: 0, operations: 0, load: 0, workers: 0 },
    gone: [],
    quotas: [],
  },
  wanted: new Map(),
  seconds: 4 * 3600,
  mostSeconds: 7.25 * 3600,
  boundBy: "ethgas",
  warehouseBytes: 13e9,
  disks: [{ path: "data/lake", needed: 24.8e9, free: 100e9 }],
};

test("a run of over a minute is announced in a line, a shorter one isn't", (t) => {
  t.deepEqual(forecastLines(day), [
    "expected: 72.3 k requests, 124 M rows, at most 85.0 GB down; 11.8 GB of lake and 13.0 GB of warehouse; about 4.0 h (bound by ethgas), up to 7.3 h where many slots are without bids; 100 GB of disk are free",
  ]);
  t.is(forecastLines({ ...day, seconds: 60 }).length, 1);
  t.deepEqual(forecastLines({ ...day, seconds: 59 }), []);
  t.regex(
    forecastLines({ ...day, mostSeconds: day.seconds })[0] ?? "",
    /about 4\.0 h \(bound by ethgas\); 100 GB/,
  );
});

test("a disk that won't do is warned of, however short the run", (t) => {
  const disks = [{ path: "data/lake", needed: 24.8e9, free: 10e9 }];
  const warning =
    "the disk of data/lake has 10.0 GB free, and 24.8 GB are expected: ask for fewer slots, or name a larger disk by --lake and --warehouse";
  t.is(forecastLines({ ...day, disks })[1], warning);
  t.deepEqual(forecastLines({ ...day, disks, seconds: 5 }), [warning]);
});

test("run --dry-run prints a table and no quota of a cloud, asks nobody and writes nothing", async (t) => {
  t.timeout(240_000);
  let asked = 0;
  const server = createServer((_request, response) => {
    asked++;
    response.end("[]");
  });
  server.on("connection", () => asked++);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.teardown(() => server.close());
  const { port } = server.address() as AddressInfo;
  const at = folder();
  const args = [
    "run",
    "--network",
    "mainnet",
    "--slots",
    "12000000-12007199",
    "--dry-run",
    "--now",
    "1760000000",
  ];
  const relays = ["--relay", `ethgas=http://127.0.0.1:${port}`, "--relay", "flashbots"];
  const ended = async (...more: string[]) => {
    const child = spawn(process.execPath, [main, ...args, ...relays, ...more], { cwd: at });
    const exit = once(child, "exit");
    const [out] = await Promise.all([text(child.stdout), text(child.stderr)]);
    const [code] = (await exit) as [number];
    return { code, out };
  };
  const { code, out } = await ended();
  t.is(code, 0);
  t.regex(
    out,
    /^mainnet, slots 12000000-12007199, 2025-06-25 \d\d:\d\d:\d\d to \S+ \S+ UTC\nan estimate, nobody was asked\n\nrelay +slots requests +rows +lake req\/s +time\n/,
  );
  t.regex(
    out,
    /^flashbots .*\n(.*\n)*total .*\n\ndownload .*\nlake .*\nwarehouse .*\nfree disk .*\ntime .*bound by flashbots/m,
  );
  t.notRegex(out, /quota|spot|\$/);
  for (const line of out.split("\n")) t.true(line.length <= 80, line);
  const json = JSON.parse((await ended("--json")).out) as { bound_by: string; total: { requests: number } };
  t.is(json.bound_by, "flashbots");
  t.true(json.total.requests > 14_400);
  t.is(asked, 0);
  t.deepEqual(readdirSync(at), []);
});
