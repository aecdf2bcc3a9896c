import { join } from "node:path";
import { writeFile } from "node:fs/promises";
import test, { type ExecutionContext } from "ava";
import { systemClock } from "../chain/clock.ts";
import { openFolderFiles } from "../lake/folder/folderFiles.ts";
import { openFolderLake } from "../lake/folder/folder.ts";
import type { FileStore } from "../lake/fileStore.ts";
import { readCatalog } from "../publish/catalog.ts";
import {
  DAY,
  DAY_MS,
  LATE_MS,
  newPlace,
  publishedNetwork,
  tablesOf,
  twoDays,
} from "../publish/publish.testing.ts";
import { simulatedRelays } from "../simulator/directory.ts";
import { verifyPublished } from "../publish/verify.ts";
import { expectedTableRows, tableRows } from "../warehouse/warehouse.testing.ts";
import { runPublish } from "./publishService.ts";

/** Relays of the simulated network: none is asked, but one that is on owes its days. */
function relaysOff(but: readonly string[] = []): string {
  const active = simulatedRelays(1).filter(({ state }) => state === "active");
  const told = active.map(({ name }) => [
    name,
    but.includes(name) ? { url: "http://127.0.0.1:9" } : { off: true },
  ]);
  return JSON.stringify(Object.fromEntries(told));
}

/** The job over a folder's lake, at a time. */
async function newJob(t: ExecutionContext, opened: (store: FileStore) => FileStore = (store) => store) {
  const place = await newPlace(t);
  const out = join(place.folder, "public");
  const run = (nowMs: number, more: Record<string, string> = {}) =>
    runPublish(
      {
        ETL_NETWORK: publishedNetwork.name,
        ETL_LAKE: join(place.folder, "lake"),
        ETL_OUT: out,
        ETL_RELAYS: relaysOff(),
        ...more,
      },
      {
        lake: async ({ lake }, network) => openFolderLake(lake, network.name),
        store: async ({ out: to }) => opened(openFolderFiles(to)),
      },
      { ...systemClock, monotonic: () => systemClock.monotonic(), now: () => nowMs },
    );
  const files = async () =>
    (await readCatalog(openFolderFiles(out), publishedNetwork.name)).files.map(
      ({ dataset, date, revision, coverage }) => [dataset, date, revision, coverage.length > 0],
    );
  return { ...place, out, run, files };
}

test("what is due of the last days is published, every dataset of it, and equals the lake; a second run finds nothing to do", async (t) => {
  const { lake, out, run, files, source } = await newJob(t);
  await twoDays(lake);
  t.is(await run(LATE_MS), 0);
  const all = [
    ["bids", "2025-10-09", 0, true],
    ["bids", "2025-10-10", 0, true],
    ["payloads", "2025-10-09", 0, true],
  ];
  t.deepEqual(await files(), all);
  t.is(await run(LATE_MS), 0);
  t.deepEqual(await files(), all);
  const tables = await tablesOf(t, out);
  for (const dataset of ["bids", "payloads"] as const)
    t.deepEqual(await tableRows(tables, dataset), await expectedTableRows(lake, dataset));
  for await (const { differences } of verifyPublished(source, openFolderFiles(out)))
    t.deepEqual(differences, []);
});

test("days that lie further back than it is told aren't looked at, and only the datasets that it is told", async (t) => {
  const { lake, run, files } = await newJob(t);
  await twoDays(lake);
  // A relay that is on owes the day: it is published when it is a week old.
  t.is(await run((DAY + 3) * DAY_MS, { ETL_RELAYS: relaysOff(["heron"]) }), 0);
  t.deepEqual(await files(), []);
  t.is(await run(LATE_MS, { ETL_DAYS: "7", ETL_DATASET: "bids" }), 0);
  t.deepEqual(await files(), [["bids", "2025-10-10", 0, true]]);
});

test("wrong settings end it with 2, a file that isn't what was written with 1", async (t) => {
  const wrong = await newJob(t);
  t.is(await wrong.run(LATE_MS, { ETL_OUT: join(wrong.folder, "lake", "public") }), 2);
  t.is(await wrong.run(LATE_MS, { ETL_DAYS: "many" }), 2);

  const broken = await newJob(
    t,
    (store) =>
      new Proxy(store, {
        get(target, key) {
          const value: unknown = Reflect.get(target, key);
          if (key !== "writeFile")
            return typeof value === "function" ? (value.bind(target) as unknown) : value;
          return async (name: string, make: (path: string) => Promise<unknown>) => {
            const made = await target.writeFile(name, make);
            await writeFile(join(target.url, name), "cut");
            return made;
          };
        },
      }),
  );
  await twoDays(broken.lake);
  t.is(await broken.run(LATE_MS), 1);
});
