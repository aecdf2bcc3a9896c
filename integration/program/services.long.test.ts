import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, writeFileSync } from "node:fs";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { systemClock } from "../../runtime/chain/clock.ts";
import { simulatedNetwork } from "../../runtime/chain/networks.ts";
import { settledSlot } from "../../runtime/chain/slots.ts";
import { coverageOf } from "../../runtime/collect/coverage.ts";
import { isSampled } from "../../runtime/collect/reread.ts";
import { takeableSlot } from "../../runtime/tick/windows.ts";
import { chunkRange } from "../../runtime/datasets/chunks.ts";
import { AUCTION, type AuctionDataset, datasets } from "../../runtime/datasets/dataset.ts";
import { openFolderLake } from "../../runtime/lake/folder/folder.ts";
import { type Lake, isBad } from "../../runtime/lake/lake.ts";
import { blocksOf } from "../../runtime/lake/lake.testing.ts";
import { silentLog } from "../../runtime/log.ts";
import type { Relay } from "../../runtime/relays/relay.ts";
import { LOG_LINES } from "../../runtime/services/logLines.ts";
import { SEED } from "../../runtime/seeds.testing.ts";
import { FAULT_PLANS, without } from "../../runtime/simulator/faults.ts";
import { type SimulatorOptions, startSimulator } from "../../runtime/simulator/server.ts";
import { simulatedRelays } from "../../runtime/simulator/directory.ts";
import { openDuckDb } from "../../runtime/warehouse/duckdb/duckdb.ts";
import { compareLake, compareTables } from "./compare.ts";
import { NOW, SOON_GIVEN_UP, lineOf } from "./line.ts";
import { TickClock, startService } from "./service.ts";

const seed = SEED;
const network = simulatedNetwork(seed);
const MINUTE = 60_000;

/** A relay of each dialect that is alive. */
const SOME = ["wren", "osprey", "tern", "merlin"];

/** A small young network: some relays on loopback, a lake in a folder, a warehouse in DuckDB. */
async function world(t: ExecutionContext, options: Partial<SimulatorOptions> = {}) {
  const clock = new TickClock(NOW);
  const simulator = await startSimulator({
    seed,
    faults: "none",
    clock,
    scale: 0.02,
    record: false,
    ...options,
  });
  const folder = mkdtempSync(join(tmpdir(), "etl-services-"));
  const lake = openFolderLake(join(folder, "lake"), network.name);
  const warehouse = openDuckDb(join(folder, "warehouse.duckdb"), network, { clock, log: silentLog });
  t.teardown(() => simulator.close());
  // What they have is over after a while, so that a test comes to an end.
  const collectFrom = settledSlot(network, NOW) - 96;
  const activeTo = collectFrom + 127;
  const relays = simulator.relays
    .filter(({ name }) => SOME.includes(name))
    .map((relay) => ({ ...relay, collectFrom, activeTo }));
  const start = async (dataset: AuctionDataset, parts: Partial<Parameters<typeof startService>[0]> = {}) => {
    const service = await startService({ dataset, seed, relays, lake, warehouse, clock, ...parts });
    t.teardown(() => service.close());
    return service;
  };
  /** Slots that were to be had at a time and aren't; those before a relay's first row are unavailable. */
  const lacking = async (sinceMs: number) => {
    const count = { covered: 0, missing: 0, unavailable: 0 };
    for (const relay of relays) {
      for (const name of AUCTION) {
        const last = takeableSlot(network, datasets[name], sinceMs);
        const coverage = await coverageOf(
          lake,
          { network, range: { first: 0, last }, nowMs: clock.now() },
          relay,
          name,
          (fault) => t.fail(fault),
        );
        count.covered += coverage.covered;
        count.missing += coverage.missing;
        count.unavailable += coverage.unavailable;
      }
    }
    return count;
  };
  return { clock, simulator, relays, folder, lake, warehouse, start, lacking };
}

/** A relay that answers each request as it is told. */
async function relayThat(t: ExecutionContext, name: string, answer: http.RequestListener): Promise<Relay> {
  const server = http.createServer(answer);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.teardown(() => {
    server.close();
    server.closeAllConnections();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    name,
    url,
    pubkey: null,
    filtering: [],
    dialect: "flashbots",
    payloadLimit: 200,
    state: "active",
    activeFrom: null,
    activeTo: null,
    collectFrom: null,
    aliasOf: null,
    adjusts: false,
    requestsPerSecond: 500,
  };
}

test("ticks of both services over relays with every fault that can be seen end in exactly the truth", async (t) => {
  t.timeout(1_200_000);
  const { clock, simulator, lake, warehouse, start, lacking } = await world(t, {
    faults: without(FAULT_PLANS.harsh, "short", "late"),
  });
  const parts = { relayLimits: SOON_GIVEN_UP };
  const services = [await start("payloads", parts), await start("bids", parts)];
  let left = { covered: 0, missing: Infinity, unavailable: 0 };
  // A slot that stays unanswered is asked again at every doubling of its age.
  for (let turn = 0; turn < 24 && (turn < 6 || left.missing > 0); turn++) {
    clock.advance(turn < 6 ? 5 * MINUTE : 10 * MINUTE * 1.5 ** (turn - 6));
    for (const service of services) t.is((await service.tick()).status, 200);
    left = await lacking(clock.now());
  }
  t.is(left.missing, 0);
  const { slots, rows, differences } = await compareTables(lake, warehouse, simulator.truth);
  t.deepEqual(differences, []);
  t.is(left.covered + left.unavailable, 2 * SOME.length * 128);
  t.true(slots > left.covered, "extras are compared too");
  t.true(rows > 1000, `${rows} rows`);
});

test("the service has four routes, and limits what it reads", async (t) => {
  const { start } = await world(t);
  const service = await start("payloads", { relays: [] });
  const answers: [string, string, number][] = [
    ["GET", "/health", 200],
    ["GET", "/ready", 200],
    ["GET", "/ready?verbose=1", 200],
    ["GET", "/started", 200],
    ["POST", "/tick", 200],
    ["GET", "/tick", 405],
    ["PUT", "/tick", 405],
    ["POST", "/health", 405],
    ["DELETE", "/ready", 405],
    ["GET", "/", 404],
    ["POST", "/ticks", 404],
    ["POST", "/tick/", 404],
    ["GET", "/healthz", 404],
    ["GET", "//ready", 404],
  ];
  for (const [method, path, status] of answers) {
    const answer = await service.ask(path, { method });
    t.is(answer.status, status, `${method} ${path}`);
    if (status === 405) t.is(answer.headers.get("allow"), path === "/tick" ? "POST" : "GET");
  }
  t.is((await service.ask("/tick", { method: "POST", body: "x".repeat(16_384) })).status, 200);
  t.is((await service.ask("/tick", { method: "POST", body: "x".repeat(16_385) })).status, 413);
  const endless = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(new Uint8Array(4096)),
  });
  const stream = { method: "POST", body: endless, duplex: "half" } as RequestInit;
  const cut = await service.ask("/tick", stream).catch(() => undefined);
  t.true(cut === undefined || cut.status === 413, "an endless body is read to its end");
  const long = await fetch(`${service.url}/health`, { headers: { "x-long": "x".repeat(17_000) } });
  t.is(long.status, 431);
  t.is((await service.ask("/health")).status, 200);
});

test("a relay that fails leaves its slots missing, and the tick has done its work all the same", async (t) => {
  const { start, relays } = await world(t);
  const broken = await relayThat(t, "broken", (_, response) => {
    response.writeHead(500, { "content-type": "application/json" });
    response.end(JSON.stringify({ password: "hunter2", token: "ya29.hunter2", padding: "z".repeat(5000) }));
  });
  const { collectFrom = 0, activeTo = 0 } = relays[0] ?? {};
  const service = await start("bids", { relays: [...relays, { ...broken, collectFrom, activeTo }] });
  const trace = "0123456789abcdef0123456789abcdef";
  const { status, body } = await service.tick({ "x-cloud-trace-context": `${trace}/1;o=1` });
  t.is(status, 200);
  t.is(body["outcome"], "done");
  t.is(body["relays_failed"], 1);
  const lines = service.lines();
  const ofRelay = (name: string) =>
    lines.find((line) => line["message"] === "tick.relay" && line["relay"] === name);
  t.true(Number(ofRelay("broken")?.["missing"]) > 60);
  t.is(ofRelay("wren")?.["missing"], 0);

  // Every line is one that Cloud Logging can read, with the fields that metrics are made of, and nothing of a relay's body.
  for (const line of lines) {
    t.true(["DEBUG", "INFO", "WARNING", "ERROR"].includes(String(line["severity"])), JSON.stringify(line));
    t.false(Number.isNaN(Date.parse(String(line["time"]))));
    t.is(line["logging.googleapis.com/trace"], `projects/a-project/traces/${trace}`);
  }
  for (const { message, fields } of [LOG_LINES.tick, LOG_LINES.relay]) {
    const written = lines.filter((line) => line["message"] === message);
    t.is(written.length, message === "tick" ? 1 : relays.length + 1);
    for (const line of written) {
      for (const [name, { type }] of Object.entries(fields)) {
        t.is(typeof line[name], type === "text" ? "string" : "number", `${message} ${name}`);
      }
    }
  }
  for (const text of [...service.logged, JSON.stringify(body)]) {
    t.false(text.includes("hunter2"), text);
    t.false(text.includes("z".repeat(200)), "a whole body");
  }
});

test("what ticks read again shows in their lines, in the lake and in table rereads, with the rows that were lacking", async (t) => {
  const { clock, lake, warehouse, start, relays, simulator } = await world(t);
  const service = await start("bids");
  clock.advance(30 * MINUTE);
  t.is((await service.tick()).status, 200);
  // A row that came late: it isn't in the lake yet.
  const relay = "osprey";
  const { collectFrom = 0, activeTo = 0 } = relays.find(({ name }) => name === relay) ?? {};
  const sampled = Array.from({ length: 128 }, (_, index) => (collectFrom ?? 0) + index).filter(isSampled);
  const slot = sampled.find((one) => simulator.truth.bids(relay, one).length > 0) ?? 0;
  const chunk = { dataset: "bids" as const, relay, ...chunkRange(datasets.bids, slot) };
  const content = await lake.read(chunk);
  if (!content) return t.fail();
  const { meta, generation } = content.stored;
  const lines = new Map(content.lines).set(slot, (content.lines.get(slot) ?? []).slice(1));
  await lake.write(chunk, blocksOf(lines), { ...meta, rows: meta.rows - 1 }, generation);

  let read = { slots: 0, differing: 0, rows_gained: 0 };
  for (let hours = 0; hours < 4; hours++) {
    clock.advance(60 * MINUTE);
    t.is((await service.tick()).status, 200);
    const line = service
      .lines()
      .findLast(({ message, relay: of }) => message === "tick.relay" && of === relay);
    read = {
      slots: read.slots + Number(line?.["reread"]),
      differing: read.differing + Number(line?.["reread_differing"]),
      rows_gained: read.rows_gained + Number(line?.["reread_rows_gained"]),
    };
  }
  // One in three agrees too badly: all slots of that day were read again, each once.
  t.deepEqual([read.differing, read.rows_gained], [1, 1]);
  t.true(read.slots > 2 * sampled.length && read.slots <= 128, `${read.slots} of ${activeTo} read again`);
  const [row] = await warehouse.query(
    `SELECT sum(slots) AS slots, sum(differing) AS differing, sum(rows_gained) AS rows_gained FROM rereads WHERE dataset = 'bids' AND relay = '${relay}'`,
  );
  t.deepEqual(
    Object.fromEntries(Object.entries(row ?? {}).map(([key, value]) => [key, Number(value)])),
    read,
  );
  const one = relays.find(({ name }) => name === relay);
  if (!one) return t.fail();
  const all = { first: 0, last: activeTo ?? 0 };
  const { reread } = await coverageOf(
    lake,
    { network, range: all, nowMs: clock.now() },
    one,
    "bids",
    (fault) => t.fail(fault),
  );
  t.deepEqual(reread, read);
  t.deepEqual((await compareTables(lake, warehouse, simulator.truth)).differences, []);
});

test("while a tick runs another is refused, and one after it is taken", async (t) => {
  const { start, lake, relays } = await world(t);
  let free = () => {};
  const held = new Promise<void>((resolve) => (free = resolve));
  const slow: Lake = Object.assign(Object.create(lake) as Lake, {
    async relays(dataset: AuctionDataset) {
      await held;
      return lake.relays(dataset);
    },
  });
  const service = await start("payloads", { lake: bound(slow, lake), relays: relays.slice(0, 1) });
  const first = service.tick();
  const others = await Promise.all([service.tick(), service.tick()]);
  t.deepEqual(
    others.map(({ status }) => status),
    [409, 409],
  );
  free();
  t.is((await first).status, 200);
  t.is((await service.tick()).status, 200);
});

test("a tick fails when lake or warehouse do, says why, and the next one goes on", async (t) => {
  const { start, lake, relays, folder, clock, warehouse } = await world(t);
  writeFileSync(join(folder, "text"), "not a warehouse");
  const badWarehouse = openDuckDb(join(folder, "text"), network, { clock, log: silentLog });
  const array = relays.slice(0, 1);
  const unloaded = await start("payloads", { warehouse: badWarehouse, relays: array });
  const failed = await unloaded.tick();
  t.is(failed.status, 500);
  t.regex(String(failed.body["fault"]), /text/);
  const [line] = unloaded.lines().filter(({ message }) => message === "tick");
  t.like(line, { severity: "ERROR", outcome: "failed", dataset: "payloads" });

  let broken = true;
  const badLake = bound(
    Object.assign(Object.create(lake) as Lake, {
      async *list(...range: Parameters<Lake["list"]>) {
        if (broken) throw new Error("the disk is gone, token=hunter2");
        yield* lake.list(...range);
      },
    }),
    lake,
  );
  const service = await start("payloads", { lake: badLake, relays: array });
  const { status, body } = await service.tick();
  t.is(status, 500);
  t.is(body["fault"], "the disk is gone, token=***");
  broken = false;
  t.is((await service.tick()).status, 200);
  t.true((await warehouse.query("SELECT 1 FROM payloads_loads")).length > 0);
});

test("a refusal by IAM is waited out in the first minutes with a warning, and is an error after them", async (t) => {
  const { start, lake, relays, clock } = await world(t);
  let refusals = 3;
  const refusing = bound(
    Object.assign(Object.create(lake) as Lake, {
      async *list(...range: Parameters<Lake["list"]>) {
        if (refusals > 0) {
          refusals--;
          const cause = Object.assign(new Error("Forbidden"), { code: 403 });
          throw new Error("no permission to list", { cause });
        }
        yield* lake.list(...range);
      },
    }),
    lake,
  );
  // A relay without extras, whose first tick has nothing to ask again.
  const plain = relays.filter(({ dialect }) => dialect === "flashbots").slice(0, 1);
  const service = await start("payloads", { lake: refusing, relays: plain });
  t.is((await service.tick()).status, 200);
  const said = () => service.lines().filter(({ message }) => message === LOG_LINES.access.message);
  t.is(said().length, 3);
  t.true(said().every(({ severity, fault }) => severity === "WARNING" && fault === "no permission to list"));

  refusals = Infinity;
  const early = await service.tick();
  t.is(early.status, 500);
  const ended = () => service.lines().filter(({ message }) => message === "tick");
  t.is(ended().at(-1)?.["severity"], "WARNING");
  clock.advance(5 * MINUTE);
  t.is((await service.tick()).status, 500);
  t.is(ended().at(-1)?.["severity"], "ERROR");
});

test("a tick whose time is up asks nothing more, and what it has read is in the tables", async (t) => {
  const { start, clock, simulator, lake, warehouse, relays } = await world(t);
  let asked = 0;
  let reached = () => {};
  const stuck = new Promise<void>((resolve) => (reached = resolve));
  const [first] = relays;
  if (!first) return t.fail();
  // Passes forty requests on, and leaves the others unanswered.
  const slow = await relayThat(t, first.name, (request, response) => {
    if (++asked > 40) {
      if (asked > 44) reached();
      return;
    }
    // A connection that idled may be closed just as it is used again: each request has its own.
    const passed = http.get(first.url + (request.url ?? ""), { agent: false }, (answer) => {
      response.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(response);
    });
    passed.on("error", () => response.destroy());
  });
  const service = await start("bids", { relays: [{ ...first, url: slow.url }] });
  const tick = service.tick();
  await stuck;
  clock.advance(169_000);
  const { status, body } = await tick;
  t.is(status, 200);
  t.is(body["outcome"], "out-of-time");
  const { slots, differences } = await compareTables(lake, warehouse, simulator.truth);
  t.deepEqual(differences, []);
  t.true(slots > 20 && slots <= 40, `${slots} slots`);
  t.is(body["load_slots"], slots);
});

/** The command line's `serve`, as a process of its own with the settings that it is given. */
function serveProcess(t: ExecutionContext, words: readonly string[], env: Record<string, string>) {
  const main = join(import.meta.dirname, "../../runtime/cli/main.ts");
  const { PATH = "" } = process.env;
  const child = spawn(process.execPath, [`--import=${import.meta.resolve("tsx")}`, main, "serve", ...words], {
    env: { PATH, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  t.teardown(() => child.kill("SIGKILL"));
  const said = { out: "", err: "" };
  child.stdout.on("data", (data: Buffer) => (said.out += data.toString()));
  child.stderr.on("data", (data: Buffer) => (said.err += data.toString()));
  const lines = () =>
    said.out
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  const line = async (message: string) => {
    for (;;) {
      const found = lines().find((record) => record["message"] === message);
      if (found) return found;
      if (child.exitCode !== null) throw new Error(`ended with ${child.exitCode}: ${said.out}${said.err}`);
      await Promise.race([once(child.stdout, "data"), once(child, "exit")]);
    }
  };
  return { child, said, lines, line };
}

/** The settings of a service on the simulated network, with one relay. */
function environment(simulatorUrl: string, folder: string): Record<string, string> {
  const relays = simulatedRelays(seed).filter(({ state }) => state === "active");
  const overrides = relays.map(({ name }) => [
    name,
    name === "heron" ? { url: `${simulatorUrl}/heron` } : { off: true },
  ]);
  return {
    ETL_NETWORK: network.name,
    ETL_LAKE: join(folder, "lake"),
    ETL_WAREHOUSE: join(folder, "warehouse.duckdb"),
    ETL_STAGING_DATASET: "staging",
    ETL_LOCATION: "US",
    ETL_RELAYS: JSON.stringify(Object.fromEntries(overrides)),
    ETL_RATE_SHARE: "0.9",
    PORT: "0",
  };
}

test("SIGTERM in the middle of a tick ends the service, with nothing asked after it and everything written that was read", async (t) => {
  let answered = 0;
  let enough = () => {};
  const many = new Promise<void>((resolve) => (enough = resolve));
  const simulator = await startSimulator({
    seed,
    faults: "none",
    clock: systemClock,
    scale: 0.02,
    onRequest: () => {
      if (++answered === 150) enough();
    },
  });
  t.teardown(() => simulator.close());
  const folder = mkdtempSync(join(tmpdir(), "etl-services-"));
  const { child, line, lines } = serveProcess(t, ["bids"], environment(simulator.url, folder));
  const { port } = await line("ready");
  const url = `http://127.0.0.1:${String(port)}`;
  const tick = fetch(`${url}/tick`, { method: "POST" });
  await many;
  child.kill("SIGTERM");
  await line("stopping; what was read is being written");
  const asked = answered;
  const late = await fetch(`${url}/tick`, { method: "POST" }).catch(() => undefined);
  t.true(late === undefined || late.status === 503);
  const { status } = await tick;
  t.is(status, 503);
  const [code] = (await once(child, "exit")) as [number | null];
  t.is(code, 0);
  // What was under way may still arrive.
  t.true(answered - asked <= 16, `${answered - asked} requests after it was told to stop`);
  t.like(
    lines().find(({ message }) => message === "tick"),
    { outcome: "stopped", severity: "INFO" },
  );

  const lake = openFolderLake(join(folder, "lake"), network.name);
  const range = { first: 0, last: 9_999_999 };
  const covered = new Set<number>();
  for await (const entry of lake.list("bids", "heron", range)) {
    if (isBad(entry)) return t.fail(entry.fault);
    for (const slot of entry.meta.covered.slots()) covered.add(slot);
  }
  // The last ones may have been on their way.
  const read = simulator.requests
    .slice(0, 120)
    .flatMap(({ slot, status: code_ }) => (code_ === 200 && slot ? [slot] : []));
  const withRows = read.filter((slot) => simulator.truth.expected("bids", "heron", slot).rows.length > 0);
  t.true(withRows.length > 80);
  t.deepEqual(
    withRows.filter((slot) => !covered.has(slot)),
    [],
  );
  t.deepEqual((await compareLake(lake, simulator.truth)).differences, []);
});

test("wrong settings stop a service at its start, all named in one line, with exit code 2", async (t) => {
  const good = environment("http://127.0.0.1:9", mkdtempSync(join(tmpdir(), "etl-services-")));
  const { child, said } = serveProcess(t, ["payloads"], {
    ...good,
    ETL_RATE_SHARE: "2",
    ETL_LOCATION: "",
    ETL_BACKLOAD: "all",
    PORT: "none",
  });
  const [code] = (await once(child, "exit")) as [number | null];
  t.is(code, 2);
  for (const name of ["ETL_RATE_SHARE", "ETL_LOCATION", "ETL_BACKLOAD", "PORT"])
    t.true(said.err.includes(`${name}: `), name);
  t.is(said.err.trim().split("\n").length, 1);

  const nothing = serveProcess(t, ["bids", "payloads"], good);
  t.deepEqual(await once(nothing.child, "exit"), [2, null]);
});

for (const dataset of AUCTION) {
  test(`${dataset}: an object placed a million slots back, and a gap there, are loaded and repaired within a day of ticks`, async (t) => {
    t.timeout(1_200_000);
    let asked = 0;
    const { clock, simulator, lake, warehouse, start } = await world(t, { onRequest: () => asked++ });
    const relay = simulator.relays.find(({ name }) => name === "heron") ?? t.fail();
    if (!relay) return;
    const old = {
      first: settledSlot(network, NOW) - 1_000_000,
      last: settledSlot(network, NOW) - 1_000_000 + 2000,
    };
    const line = lineOf(seed, [relay], lake, clock);
    const { chunkSlots } = datasets[dataset];
    const third = chunkRange(datasets[dataset], old.first + 2 * chunkSlots);
    // Two chunks, a gap of a chunk and a half, and a chunk.
    const gap = { first: third.first, last: third.last + chunkSlots / 2 };
    await line.run({ first: third.first - 2 * chunkSlots, last: gap.first - 1 }, [dataset]);
    await line.run({ first: gap.last + 1, last: third.last + 2 * chunkSlots }, [dataset]);
    // It is over for the newest slots, so that there is nothing else to do.
    const activeTo = settledSlot(network, NOW) - 33_000;
    const service = await start(dataset, {
      relays: [{ ...relay, activeTo }],
      settings: { intervalSeconds: 1800, tickSeconds: 240 },
    });
    const placed = { first: third.first - 2 * chunkSlots, last: third.last + 2 * chunkSlots };
    const loaded = async () =>
      (
        await warehouse.query(
          `SELECT count(*) AS n FROM ${dataset}_loads WHERE first_slot >= ${placed.first} AND last_slot <= ${placed.last} AND NOT contains(covered, '0')`,
        )
      )[0]?.["n"];
    const began = clock.now();
    asked = 0;
    let ticks = 0;
    while (clock.now() - began < 24 * 60 * MINUTE + 30 * MINUTE) {
      t.is((await service.tick()).status, 200);
      ticks++;
      if (Number(await loaded()) === 5) break;
      clock.advance(30 * MINUTE);
    }
    t.log(`after ${ticks} ticks of half an hour, with ${asked} requests`);
    t.is(Number(await loaded()), 5);
    const { missing } = await coverageOf(
      lake,
      { network, range: placed, nowMs: clock.now() },
      relay,
      dataset,
      (fault) => t.fail(fault),
    );
    t.is(missing, 0);
    const wrong = (await compareTables(lake, warehouse, simulator.truth)).differences.filter(
      (difference) => Number(/ (\d+): /.exec(difference)?.[1]) <= placed.last,
    );
    t.deepEqual(wrong, []);
  });
}

/** A lake made of another by replacing methods; the others still work on the one that they belong to. */
function bound(replaced: Lake, lake: Lake): Lake {
  return new Proxy(replaced, {
    get(target, name) {
      const of = Object.hasOwn(target, name) ? target : lake;
      const value: unknown = Reflect.get(of, name, of);
      return typeof value === "function" ? (value.bind(of) as unknown) : value;
    },
  });
}
