import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import test from "ava";
import { flashbotsDump } from "./flashbotsDump.ts";
import { csvOf, importWorld } from "./imports.testing.ts";
import { rowOf } from "../warehouse/warehouse.testing.ts";

/** Ends by a signal, or by itself. */
async function killed(folder: string, file: string, point: string): Promise<unknown> {
  const script = fileURLToPath(new URL("importChild.testing.ts", import.meta.url));
  const args = [`--import=${import.meta.resolve("tsx")}`, script, folder, "flashbots-dump", file, point];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "ignore", "inherit"] });
  const [, signal] = (await once(child, "exit")) as [unknown, unknown];
  return signal;
}

const header = flashbotsDump.headers?.bids ?? [];
const rows = (count: number, from: number) =>
  Array.from({ length: count }, (_, index) =>
    rowOf(7_567_001 + (index % 50), from + index, {
      num_tx: "1",
      block_number: "1",
      timestamp: "0",
      timestamp_ms: "0",
      optimistic_submission: "false",
    }),
  );

test("an import that is killed anywhere is completed by the next, and leaves nothing over", async (t) => {
  const points = ["import-staged", "import-kept", "import-committed"];
  // Counted from where the process begins its work, whatever the machine's speed: some fall behind its end.
  const moments = Array.from({ length: 27 }, (_, index) => String(2 + 12 * index));
  const world = await importWorld();
  const name = "a.csv.gz";
  let content = rows(3000, 0);
  let file = await world.file(name, gzipSync(csvOf(header, content)));
  let kills = 0;
  for (const [turn, point] of [...points, ...moments].entries()) {
    if ((await killed(world.folder, file, point)) === "SIGKILL") kills++;
    // Every third is completed, and another state of the file comes.
    if (turn % 3 !== 2) continue;
    await world.take(flashbotsDump, file);
    await whole(t, world, content.length);
    content = rows(2000 + 10 * turn, turn);
    file = await world.file(name, gzipSync(csvOf(header, content)));
  }
  t.true(kills >= points.length, `${kills} kills`);
  await world.take(flashbotsDump, file);
  await whole(t, world, content.length);
});

async function whole(
  t: import("ava").ExecutionContext,
  world: Awaited<ReturnType<typeof importWorld>>,
  count: number,
): Promise<void> {
  const found = await world.query(
    "SELECT count(*)::INT AS rows, count(DISTINCT block_hash)::INT AS once, (SELECT sum(rows)::INT FROM imports) AS told, (SELECT count(*)::INT FROM imports) AS files FROM imported_bids",
  );
  t.deepEqual(found, [{ rows: count, once: count, told: count, files: 1 }]);
  const lake = readdirSync(join(world.folder, "lake"), { recursive: true, withFileTypes: true });
  t.deepEqual(lake.flatMap((entry) => (entry.isFile() ? [entry.name] : [])).sort(), [
    "a.csv.gz",
    "a.csv.gz.json",
  ]);
  t.is(await world.take(flashbotsDump, join(world.folder, "given", "a.csv.gz")), undefined);
}
