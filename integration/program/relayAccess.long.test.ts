import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, readdirSync } from "node:fs";
import { type Server, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import test, { type ExecutionContext } from "ava";
import { type Clock, systemClock } from "../../runtime/chain/clock.ts";
import { simulatedNetwork } from "../../runtime/chain/networks.ts";
import { settledSlot } from "../../runtime/chain/slots.ts";
import { simulatedRelays } from "../../runtime/simulator/directory.ts";
import { startSimulator } from "../../runtime/simulator/server.ts";
import { hastyClock } from "./line.ts";

/** Services take no variable that they don't know. */
const { ETL_TEST_SEED: _seed, ETL_TEST_LONG: _long, ...environment } = process.env;

const NOW = 1_760_000_000;
/** The newest settled slots at that time. */
const LAST = 4_999_950;
const PASSWORD = "hunter2/3:4@5";
const KEY = "swordfish";
const AUTHORIZATION = `Basic ${Buffer.from(`me:${PASSWORD}`).toString("base64")}`;
/** However the secrets may be written. */
const SECRETS = /hunter2|swordfish|aHVudGVy|bWU6aHVud/;

/** A simulated relay that answers only who shows password and key, and what it was asked. */
async function guardedRelay(t: ExecutionContext, clock: Clock) {
  const simulator = await startSimulator({ seed: 7, faults: "none", clock, record: false });
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const { authorization, "x-api-key": key } = request.headers;
    if (authorization !== AUTHORIZATION || key !== KEY) {
      response.writeHead(401).end('{"code":401,"message":"who are you?"}');
      return;
    }
    asked.push(request.url ?? "");
    void fetch(`${simulator.url}/wren${request.url ?? ""}`).then(async (answer) => {
      response.writeHead(answer.status, { "content-type": "application/json" });
      response.end(Buffer.from(await answer.arrayBuffer()));
    });
  });
  const at = await listening(t, server);
  t.teardown(() => simulator.close());
  return { url: `http://me:${encodeURIComponent(PASSWORD)}@${at}`, shownUrl: `http://${at}`, asked };
}

/** Where a server listens on loopback, until the test ends. */
async function listening(t: ExecutionContext, server: Server): Promise<string> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const runtime = (file: string) => [
  `--import=${import.meta.resolve("tsx")}`,
  join(import.meta.dirname, "../../runtime", file),
];

function ended(folder: string, args: readonly string[], env: Readonly<Record<string, string>>) {
  const options = { cwd: folder, env: { ...environment, ...env }, maxBuffer: 1 << 26 };
  return new Promise<{ code: unknown; said: string }>((resolve) => {
    execFile(process.execPath, args, options, (error, out, err) =>
      resolve({ code: error ? error.code : 0, said: out + err }),
    );
  });
}

const command = (folder: string, ...args: string[]) =>
  ended(folder, [...runtime("cli/main.ts"), ...args], { RELAY_KEY: KEY });

/** Every file below a folder holds none of the secrets. */
function holdNoSecret(t: ExecutionContext, folder: string): void {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((dirent) =>
    dirent.isFile(),
  );
  t.true(files.length > 3);
  for (const { parentPath, name } of files)
    t.notRegex(readFileSync(join(parentPath, name), "latin1"), SECRETS, name);
}

test("a relay behind a password and a key is collected, by workers too, and neither stands anywhere", async (t) => {
  t.timeout(240_000);
  const folder = mkdtempSync(join(tmpdir(), "etl-access-"));
  const relay = await guardedRelay(t, { ...hastyClock(), now: () => NOW * 1000 });
  const world = ["--seed", "7", "--now", String(NOW), "--relay", `mine=${relay.url}`];
  const asking = ["--relay-header", "mine: X-Api-Key: RELAY_KEY", "--relay-limit", "mine=50"];
  const places = ["--lake", "lake", "--warehouse", "w.duckdb"];
  const slots = ["--slots", `${LAST - 9}-${LAST}`];

  const refused = await command(folder, "run", ...world, ...slots, ...places);
  t.is(refused.code, 3, refused.said);
  t.regex(refused.said, /401/);
  t.deepEqual(relay.asked, []);

  const runs = [
    refused,
    await command(folder, "run", ...world, ...asking, ...slots, ...places),
    await command(folder, "probe", ...world, ...asking, "--json"),
    await command(folder, "coverage", ...world, ...slots, "--lake", "lake", "--format", "json"),
    await command(
      folder,
      "backload",
      ...world,
      ...asking,
      "--slots",
      `${LAST - 700}-${LAST - 691}`,
      "--workers",
      "2",
      "--lake",
      "lake",
    ),
  ];
  for (const { code, said } of runs.slice(1)) t.is(code, 0, said);
  for (const { said } of runs) t.notRegex(said, SECRETS);
  t.true(relay.asked.some((path) => path.endsWith(`builder_blocks_received?slot=${LAST}`)));
  t.true(relay.asked.some((path) => path.endsWith(`slot=${LAST - 700}`)));
  const pages = relay.asked.flatMap((path) => /limit=(\d+)/.exec(path)?.[1] ?? []);
  // `probe` asks for too many rows on purpose, and for what the relay then says; the newest payload is one row.
  t.true(
    pages.includes("50") && pages.every((limit) => ["1", "50", "200", "1000"].includes(limit)),
    pages.join(),
  );

  holdNoSecret(t, folder);
  const instance = await DuckDBInstance.create(join(folder, "w.duckdb"));
  const connection = await instance.connect();
  const rows = await connection.runAndReadAll("SELECT url FROM relays WHERE name = 'mine'");
  t.deepEqual(rows.getRows(), [[relay.shownUrl]]);
  connection.closeSync();
  instance.closeSync();
});

/** A Secret Manager that holds what the guarded relay asks for. */
function secretManager(): Server {
  const secrets = new Map([
    ["authorization", AUTHORIZATION],
    ["key", `${KEY}\n`],
  ]);
  return createServer((request, response) => {
    const [, secret = ""] = /secrets\/(.*)\/versions\/1:access$/.exec(request.url ?? "") ?? [];
    const data = Buffer.from(secrets.get(secret) ?? "").toString("base64");
    response
      .writeHead(200, { "content-type": "application/json" })
      .end(JSON.stringify({ payload: { data } }));
  });
}

/** What a service of payloads says to one tick, and in its log until it has ended. */
async function servedTick(folder: string, env: NodeJS.ProcessEnv) {
  const service = spawn(process.execPath, [...runtime("cli/main.ts"), "serve", "payloads"], {
    cwd: folder,
    env,
  });
  const exit = once(service, "exit");
  let said = "";
  for (const stream of [service.stdout, service.stderr])
    stream.on("data", (data: Buffer) => (said += data.toString()));
  let port: string | undefined;
  while (port === undefined && service.exitCode === null) {
    await Promise.race([once(service.stdout, "data"), exit]);
    [, port] = /"port":(\d+),"message":"ready"/.exec(said) ?? [];
  }
  const answer = await fetch(`http://127.0.0.1:${port}/tick`, { method: "POST" });
  const told = await answer.text();
  service.kill("SIGTERM");
  await exit;
  return { told, said, status: answer.status };
}

test("a service and a back-load's worker collect such a relay too, by what Secret Manager holds", async (t) => {
  t.timeout(240_000);
  const folder = mkdtempSync(join(tmpdir(), "etl-access-"));
  const relay = await guardedRelay(t, systemClock);
  const versionOf = (secret: string) => `projects/a-project/secrets/${secret}/versions/1`;
  const off = simulatedRelays(7).map(({ name }) => [name, { off: true }] as const);
  const mine = {
    url: relay.shownUrl,
    requests_per_second: 100,
    payload_limit: 50,
    headers: { Authorization: versionOf("authorization"), "X-Api-Key": versionOf("key") },
  };
  const network = simulatedNetwork(7);
  const common = {
    SECRET_MANAGER_EMULATOR_HOST: await listening(t, secretManager()),
    ETL_NETWORK: network.name,
    ETL_LAKE: join(folder, "lake"),
    ETL_RELAYS: JSON.stringify({ ...Object.fromEntries(off), mine }),
  };
  const first = settledSlot(network, Date.now()) - 700;
  const worker = await ended(folder, runtime("services/backloadMain.ts"), {
    ...common,
    ETL_RANGE: `${first}-${first + 9}`,
    ETL_SHARDS: "1",
    JOB_COMPLETION_INDEX: "0",
  });
  t.is(worker.code, 0, worker.said);
  t.true(relay.asked.some((path) => path.endsWith(`slot=${first}`)));

  const env = {
    ...environment,
    ...common,
    ETL_WAREHOUSE: join(folder, "w.duckdb"),
    ETL_STAGING_DATASET: "staging",
    ETL_LOCATION: "US",
    ETL_RATE_SHARE: "1",
    ETL_TICK_SECONDS: "60",
    PORT: "0",
  };
  const { told, said, status } = await servedTick(folder, env);
  t.is(status, 200, told + said);
  const { by_relay: relays } = JSON.parse(told) as { by_relay: { relay: string; covered: number }[] };
  t.deepEqual(
    relays.map(({ relay: name, covered }) => [name, covered > 0]),
    [["mine", true]],
    told,
  );
  for (const text of [worker.said, said, told]) t.notRegex(text, SECRETS);
  holdNoSecret(t, folder);
});
