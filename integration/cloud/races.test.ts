import test from "ava";
import type { LoadSummary } from "../../runtime/warehouse/warehouse.ts";
import { compareTables } from "../program/compare.ts";
import { lineOf } from "../program/line.ts";
import { startCloud } from "./cloud.ts";
import type { Proxy } from "./proxy.ts";
import { seed, world } from "./world.ts";

const cloud = await startCloud();
test.after.always(() => cloud.close());

/** What must have happened at least, so that a test shows something. */
const AT_LEAST = 10;
const MINUTE = 60_000;

const lostWrites = (proxy: Proxy): number => proxy.requests.filter(({ status }) => status === 412).length;

/** Holds the first upload of each object until a second comes, or for a moment: so that writers meet. */
function meeting(proxy: Proxy): void {
  const waiting = new Map<string, () => void>();
  proxy.rule = async ({ method, path, query }) => {
    if (method !== "POST" || !path.startsWith("/upload/")) return undefined;
    const name = query.get("name") ?? "";
    const met = waiting.get(name);
    if (met) {
      waiting.delete(name);
      met();
      return undefined;
    }
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, 400);
      waiting.set(name, () => {
        clearTimeout(timer);
        resolve();
      });
    });
    waiting.delete(name);
    return undefined;
  };
}

test.serial(
  "two services and two workers on one lake at once end in exactly the truth, and every lost write was merged",
  async (t) => {
    t.timeout(240_000);
    const project = await cloud.project(t);
    const { relays, clock, network, start, lake, warehouse, missing, isTheTruth } = await world(t, project, {
      only: 4,
    });
    const services = await Promise.all([start("bids"), start("bids"), start("payloads")]);
    const worker = () => lineOf(seed, relays, project.lake(network), clock);
    meeting(project.gcs);
    const [answers] = await Promise.all([
      Promise.all(services.map((service) => service.tick())),
      // Each takes a part of what the other's chunks hold too.
      worker().run({ first: 1, last: 48 }),
      worker().run({ first: 49, last: 95 }),
    ]);
    project.gcs.rule = () => undefined;
    for (const { status, body } of answers) t.is(status, 200, JSON.stringify(body));
    const lost = lostWrites(project.gcs);
    t.log(`${lost} conditional writes lost and merged`);
    t.true(lost >= AT_LEAST, `only ${lost} conditional writes were lost: this shows nothing`);
    // What a busy machine's relays didn't answer in time is asked again once it is due.
    for (let turn = 0; turn < 12 && (turn === 0 || (await missing()) > 0); turn++) {
      clock.advance(10 * MINUTE);
      for (const service of services) t.is((await service.tick()).status, 200);
    }
    await warehouse.load(lake, relays);
    await isTheTruth();
  },
);

test.serial(
  "loaders of the same objects at once bring each row in once, and begin again only so often",
  async (t) => {
    t.timeout(240_000);
    const project = await cloud.project(t);
    const { simulator, relays, clock, network, lake, warehouse } = await world(t, project, { only: 4 });
    const loaders = Array.from({ length: 3 }, () => project.warehouse(network, clock));
    const line = lineOf(seed, relays, lake, clock);
    let retried = 0;
    let rounds = 0;
    for (let last = 5; last <= 119; last = Math.min(last + 9, 119), rounds++) {
      await line.run({ first: 1, last });
      const summaries: LoadSummary[] = await Promise.all(
        loaders.map((loader) => loader.load(lake, relays, { relayTables: false })),
      );
      retried += summaries.reduce((sum, summary) => sum + summary.retried, 0);
      t.deepEqual(
        summaries.flatMap(({ failed }) => failed),
        [],
      );
      if (last === 119) break;
    }
    t.log(`${rounds} rounds of ${loaders.length} loaders: ${retried} transactions began again`);
    t.true(retried >= AT_LEAST, `only ${retried} transactions began again: this shows nothing`);
    t.true(retried <= 40 * rounds * loaders.length);
    clock.advance(MINUTE);
    for (const loader of loaders) {
      t.is((await loader.load(lake, relays)).rows, 0);
      await loader.close();
    }
    const { differences, rows } = await compareTables(lake, warehouse, simulator.truth);
    t.deepEqual(differences, []);
    t.true(rows > 0);
  },
);

for (const moment of ["before", "after"] as const)
  test.serial(`an object replaced ${moment} the load job has read it comes in whole, and once`, async (t) => {
    t.timeout(120_000);
    const project = await cloud.project(t);
    const { simulator, relays, clock, network, lake, warehouse } = await world(t, project, { only: 4 });
    const line = lineOf(seed, relays, project.lake(network), clock);
    await line.run({ first: 1, last: 20 });
    let jobs = 0;
    project.bigQuery.rule = async ({ method, path, json }) => {
      if (method !== "POST" || !path.endsWith("/jobs") || !json.includes('"sourceUris"')) return undefined;
      const replace = async () => {
        jobs++;
        await line.run({ first: 1, last: 20 + 6 * jobs });
      };
      if (jobs >= 3) return undefined;
      if (moment === "after") return { kind: "meanwhile", work: replace };
      await replace();
      return undefined;
    };
    const summary = await warehouse.load(lake, relays);
    t.true(jobs > 0 && summary.left > 0, JSON.stringify({ jobs, ...summary }));
    t.deepEqual(summary.failed, []);
    project.bigQuery.rule = () => undefined;
    t.true((await warehouse.load(lake, relays)).rows > 0);
    const { rows, differences } = await compareTables(lake, warehouse, simulator.truth);
    t.deepEqual(differences, []);
    t.true(rows > 0);
    t.is((await warehouse.load(lake, relays)).rows, 0);
  });
