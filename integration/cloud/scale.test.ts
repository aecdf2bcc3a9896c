import { fork } from "node:child_process";
import { once } from "node:events";
import test from "ava";
import pLimit from "p-limit";
import { bids } from "../../runtime/datasets/bids.ts";
import { put, rowOf } from "../../runtime/warehouse/warehouse.testing.ts";
import { bundled } from "../program/bundled.ts";
import { startCloud } from "./cloud.ts";
import type { LoadChildOptions, LoadChildResult } from "./loadChild.ts";
import { seed, world } from "./world.ts";

const cloud = await startCloud();
test.after.always(() => cloud.close());

const OBJECTS = 10_000;
/** What one load takes at most. */
const MOST = 4000;
const MOST_MB = 256;
/** What Cloud Storage lists in one page. */
const PAGE = 1000;
const RELAY = "heron";

test("ten thousand waiting objects are listed in pages and loaded newest first, in bounded batches and memory", async (t) => {
  t.timeout(900_000);
  const project = await cloud.project(t);
  const { network, clock, lake, warehouse } = await world(t, project, { headSlot: 400_000 });
  const limit = pLimit(16);
  const chunk = (index: number) => (index + 1) * bids.chunkSlots;
  const written = Array.from({ length: OBJECTS }, (_, index) =>
    limit(() => {
      const slot = chunk(index);
      const rows = new Map([
        [slot, [rowOf(slot, index % 7)]],
        [slot + 1, []],
      ]);
      return put(lake, network, "bids", RELAY, { rows });
    }),
  );
  await Promise.all(written);

  const [listed, sent] = [project.gcs.requests.length, project.bigQuery.requests.length];
  const options: LoadChildOptions = {
    seed,
    lake: project.lakeUrl,
    warehouse: project.warehouseUrl,
    nowMs: clock.now(),
    maxObjects: MOST,
  };
  const child = fork(await bundled("../cloud/loadChild"), [JSON.stringify(options)], {
    execArgv: [],
    env: {
      ...process.env,
      STORAGE_EMULATOR_HOST: project.gcs.endpoint,
      BIGQUERY_EMULATOR_HOST: project.bigQuery.endpoint,
    },
  });
  const ended = once(child, "exit");
  const [{ loads, peakMb }] = (await once(child, "message")) as [LoadChildResult];
  await ended;
  t.log(`${JSON.stringify(loads)}, peak ${Math.round(peakMb)} MB`);
  const sum = (key: "objects" | "rows") => loads.reduce((total, load) => total + load[key], 0);
  t.is(sum("objects"), OBJECTS);
  t.is(sum("rows"), OBJECTS);
  for (const { objects, waiting } of loads)
    t.true(objects <= MOST && waiting <= OBJECTS, `${objects}, ${waiting}`);
  t.true(peakMb <= MOST_MB, `${Math.round(peakMb)} MB`);

  const pages = project.gcs.requests
    .slice(listed)
    .filter(({ method, path, query }) => method === "GET" && path.endsWith("/o") && query.has("startOffset"));
  t.log(`${pages.length} pages`);
  t.true(pages.length >= loads.length * (OBJECTS / PAGE), "a page is a thousand names at most");
  const jobs = project.bigQuery.requests
    .slice(sent)
    .filter(({ method, json }) => method === "POST" && json.includes('"sourceUris"'))
    .map(({ json }) => json.match(/gs:\/\//g)?.length ?? 0);
  t.log(`load jobs of ${jobs.join(", ")} objects`);
  t.true(jobs.length >= OBJECTS / MOST && jobs.every((uris) => uris <= 1000));
  // Newest first: the first load took the upper end.
  const [row] = await warehouse.query(
    `SELECT COUNT(*) AS slots, MIN(slot) AS oldest, MAX(slot) AS newest FROM bids WHERE block_timestamp > TIMESTAMP '2020-01-01 00:00:00'`,
  );
  t.deepEqual(row, { slots: String(OBJECTS), oldest: String(chunk(0)), newest: String(chunk(OBJECTS - 1)) });
});
