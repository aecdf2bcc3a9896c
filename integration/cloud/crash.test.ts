import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import test, { type ExecutionContext } from "ava";
import type { DatasetName } from "../../runtime/datasets/dataset.ts";
import { bundled } from "../program/bundled.ts";
import type { startService } from "../program/service.ts";
import { type CloudServers, startCloud } from "./cloud.ts";
import type { Passing } from "./proxy.ts";
import type { ServiceChildOptions } from "./serviceChild.ts";
import { seed, world } from "./world.ts";

const cloud = await startCloud();
test.after.always(() => cloud.close());

const KILLS = 30;
/** So many of them must have hit a tick in the middle of its asking, its writing, and its loading. */
const HITS = 3;
const RELAYS = 4;
const MINUTE = 60_000;

const isUpload = ({ method, path }: Passing) => method === "POST" && path.startsWith("/upload/");
const isLoad = ({ method, json }: Passing) =>
  method === "POST" && /"sourceUris"|BEGIN TRANSACTION/.test(json);

function startChild(
  child: string,
  { gcs, bigQuery }: CloudServers,
  options: ServiceChildOptions,
): ChildProcess {
  return fork(child, [JSON.stringify(options)], {
    execArgv: [],
    env: {
      ...process.env,
      STORAGE_EMULATOR_HOST: gcs.endpoint,
      BIGQUERY_EMULATOR_HOST: bigQuery.endpoint,
    },
  });
}

/** Kills a service once, at any moment within so many ms: of now, or of a request of a kind. */
function killer(service: ChildProcess) {
  let timer: NodeJS.Timeout | undefined;
  const die = (withinMs: number): void => {
    timer ??= setTimeout(() => service.kill("SIGKILL"), Math.random() * withinMs);
  };
  const dieFrom = (is: (request: Passing) => boolean, withinMs: number) => async (request: Passing) => {
    if (is(request)) die(withinMs);
    return undefined;
  };
  return { die, dieFrom, spare: () => clearTimeout(timer) };
}

/** The status of a tick's answer; undefined where the service died before. */
async function tickStatus(url: string): Promise<number | undefined> {
  return fetch(`${url}/tick`, { method: "POST" }).then(
    (response) => response.status,
    () => undefined,
  );
}

/** How far a service came since then. */
function lastMoment(
  { gcs, bigQuery }: CloudServers,
  before: { readonly writes: number; readonly jobs: number },
  hasAsked: boolean,
) {
  if (bigQuery.requests.slice(before.jobs).some(isLoad)) return "loading";
  if (gcs.requests.slice(before.writes).some(isUpload)) return "writing";
  return hasAsked ? "asking" : "none";
}

async function ticksUntilIdle(
  t: ExecutionContext,
  services: readonly Awaited<ReturnType<typeof startService>>[],
): Promise<void> {
  for (let turn = 0; turn < 3; turn++)
    for (const service of services) {
      const { status, body } = await service.tick();
      t.is(status, 200, JSON.stringify(body));
    }
  for (const service of services) t.is((await service.tick()).body["load_rows"], 0, "not idle yet");
}

test(`after ${KILLS} kills of a service at any moment of a tick, ticks end in exactly the truth`, async (t) => {
  t.timeout(900_000);
  const project = await cloud.project(t);
  let asked = 0;
  let onAsked: () => unknown = () => undefined;
  const onRequest = () => {
    asked++;
    onAsked();
  };
  const network = await world(t, project, { only: RELAYS, onRequest });
  const { clock, simulator, start } = network;
  const child = await bundled("../cloud/serviceChild");
  /** How long a tick of each dataset takes, ms: longer than any so far that wasn't killed. */
  const lasts = { bids: 3000, payloads: 3000 };
  const hits = { asking: 0, writing: 0, loading: 0, none: 0 };
  for (let kills = 0, tries = 0; kills < KILLS; tries++) {
    if (tries > 3 * KILLS) return t.fail(`only ${kills} kills in ${tries} tries`);
    const dataset: DatasetName = tries % 5 === 4 ? "payloads" : "bids";
    // Something new to do for each.
    clock.advance(3 * MINUTE);
    const service = startChild(child, project, {
      dataset,
      seed,
      base: simulator.url,
      lake: project.lakeUrl,
      warehouse: project.warehouseUrl,
      nowMs: clock.now(),
      only: RELAYS,
    });
    const exit = once(service, "exit");
    const [url] = (await once(service, "message")) as [string];
    const before = { asked, writes: project.gcs.requests.length, jobs: project.bigQuery.requests.length };
    const began = performance.now();
    const answered = tickStatus(url);
    const { die, dieFrom, spare } = killer(service);
    // Some die at any moment of the tick; the others soon after its first request to a relay, its first write, its first load.
    const way = tries % 4;
    if (way === 0) project.bigQuery.rule = dieFrom(isLoad, 600);
    else if (way === 1) project.gcs.rule = dieFrom(isUpload, 200);
    else if (way === 2) onAsked = () => die(50);
    else die(lasts[dataset]);
    const status = await answered;
    spare();
    project.bigQuery.rule = () => undefined;
    project.gcs.rule = () => undefined;
    onAsked = () => undefined;
    if (status !== undefined) {
      t.is(status, 200);
      lasts[dataset] = Math.max(lasts[dataset], 1.2 * (performance.now() - began));
      service.kill("SIGKILL");
      await exit;
      continue;
    }
    await exit;
    kills++;
    hits[lastMoment(project, before, asked > before.asked)]++;
  }
  t.log(JSON.stringify(hits));
  for (const [moment, count] of Object.entries(hits))
    if (moment !== "none") t.true(count >= HITS, `${count} kills while ${moment}`);

  await ticksUntilIdle(t, [await start("payloads"), await start("bids")]);
  await network.isTheTruth();
});
