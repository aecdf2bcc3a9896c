import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import { openFolderFiles } from "../../runtime/lake/folder/folderFiles.ts";
import { openFolderLake } from "../../runtime/lake/folder/folder.ts";
import { readCatalog } from "../../runtime/publish/catalog.ts";
import { footerOf } from "../../runtime/publish/parquetFile.ts";
import {
  bidsOf,
  dayRange,
  LATE_MS,
  publishedNetwork as network,
  tablesOf,
  twoDays,
} from "../../runtime/publish/publish.testing.ts";
import { strangersIn, verifyPublished } from "../../runtime/publish/verify.ts";
import { examples, SEED } from "../../runtime/seeds.testing.ts";
import { Random } from "../../runtime/simulator/random.ts";
import { expectedTableRows, put, tableRows } from "../../runtime/warehouse/warehouse.testing.ts";
import { bundled } from "./bundled.ts";

const KILLS = examples(6, 30);

test(`after ${KILLS} kills while days are published every file is whole, and one clean run ends in what the lake has`, async (t) => {
  t.timeout(1_200_000);
  const folder = mkdtempSync(join(tmpdir(), "etl-publish-crash-"));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const main = await bundled("../../runtime/cli/main");
  const lake = openFolderLake(join(folder, "lake"), network.name);
  const out = join(folder, "public");
  const store = openFolderFiles(out);
  await twoDays(lake);
  const words = ["publish", "--lake", "lake", "--out", "public", "--quiet", "--now", String(LATE_MS / 1000)];
  const start = () => spawn(process.execPath, [main, ...words], { cwd: folder, stdio: "ignore" });
  const names = () =>
    readdirSync(out, { recursive: true, encoding: "utf8" }).filter(
      (name) => !name.includes("/.") && !name.startsWith("."),
    );

  const whole = performance.now();
  await once(start(), "exit");
  const usual = performance.now() - whole;
  const random = new Random(SEED);
  let kills = 0;
  for (let tries = 0; kills < KILLS && tries < 4 * KILLS; tries++) {
    // There is always something to write.
    await put(lake, network, "bids", "two", {
      rows: bidsOf(dayRange.first + 32, [2 + (tries % 5), 5], tries),
    });
    const child = start();
    const timer = setTimeout(() => child.kill("SIGKILL"), usual * (0.3 + random.below(900) / 1000));
    const [, signal] = (await once(child, "exit")) as [number | null, NodeJS.Signals | null];
    clearTimeout(timer);
    if (signal === "SIGKILL") kills++;
    for (const name of names().filter((each) => each.endsWith(".parquet")))
      t.truthy(footerOf(readFileSync(join(out, name))), name);
    await readCatalog(store, network.name);
  }
  t.is(kills, KILLS);
  const [code] = (await once(start(), "exit")) as [number];
  t.is(code, 0);
  const source = { lake, network };
  const differences: string[] = [];
  for await (const day of verifyPublished(source, store)) differences.push(...day.differences);
  t.deepEqual([...differences, ...(await strangersIn(source, store))], []);
  t.deepEqual(await tableRows(await tablesOf(t, out), "bids"), await expectedTableRows(lake, "bids"));
  const left = readdirSync(out, { recursive: true, encoding: "utf8" }).filter((name) =>
    name.endsWith(".tmp"),
  );
  t.deepEqual(left, []);
});
