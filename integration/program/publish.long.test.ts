import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import test from "ava";
import type { DatasetName } from "../../runtime/datasets/dataset.ts";
import { isBad } from "../../runtime/lake/lake.ts";
import { tablesOf } from "../../runtime/publish/publish.testing.ts";
import { serves } from "../../runtime/relays/relay.ts";
import { expectedTableRows, tableRows } from "../../runtime/warehouse/warehouse.testing.ts";
import { compareLake, compareTables } from "./compare.ts";
import { endedCommand } from "./command.ts";
import { NOW } from "./line.ts";
import { loadedNetwork } from "./loaded.ts";

const SEED = 18;
/** Of these relays kestrel and osprey tell what else they made of payloads. */
const NAMES = ["kestrel", "osprey", "heron"];
const DAY_S = 86_400;
const LATER = String(NOW / 1000 + 9 * DAY_S);

interface Outcome {
  readonly dataset: string;
  readonly outcome: string;
  readonly entry?: { readonly path: string; readonly rows: number };
}

test("published files hold what the truth has, field by field; they are verified, and what is published may leave the lake", async (t) => {
  t.timeout(300_000);
  const { folder, lake, simulator, warehouse } = await loadedNetwork({
    seed: SEED,
    slots: 64,
    isWhole: true,
  });
  t.teardown(() => simulator.close());
  await warehouse.close();
  const command = (...words: string[]) =>
    endedCommand(folder, [...words, "--seed", String(SEED), "--lake", "lake"], LATER);
  const published = async () => {
    const { out, said, code } = await command("publish", "--out", "public", "--json");
    t.is(code, 0, said);
    return JSON.parse(out) as Outcome[];
  };
  const first = await published();
  t.true(
    first.some(({ dataset }) => dataset === "bids") &&
      first.some(({ dataset }) => dataset === "chain_blocks"),
  );
  t.deepEqual([...new Set(first.map(({ outcome }) => outcome))], ["published"]);
  const tables = await tablesOf(t, join(folder, "public"));
  const { rows, differences } = await compareTables(lake, tables, simulator.truth);
  t.deepEqual(
    differences.filter((line) => !line.startsWith("chain_blocks ")),
    [],
  );
  // The truth is about relays.
  t.deepEqual(await tableRows(tables, "chain_blocks"), await expectedTableRows(lake, "chain_blocks"));
  t.true(rows > 1000, `${rows} rows`);

  t.deepEqual([...new Set((await published()).map(({ outcome }) => outcome))], ["unchanged"]);
  const sound = await command("verify-published", "public");
  t.is(sound.code, 0, sound.said);
  t.is(sound.out, `${first.length} files of public: 0 differences\n`);
  const early = await endedCommand(
    folder,
    ["publish", "--out", "public", "--seed", String(SEED), "--lake", "lake", "--relay", "swift"],
    LATER,
  );
  t.is(early.code, 2);
  t.regex(early.said, /publish takes no --relay/);

  const path = first.find(({ dataset }) => dataset === "payloads")?.entry?.path ?? "";
  const bytes = await readFile(join(folder, "public", path));
  await writeFile(join(folder, "public", path), bytes.subarray(1));
  const cut = await command("verify-published", "public");
  t.is(cut.code, 3);
  t.is(
    cut.out.split("\n")[0],
    `${path} has ${bytes.length - 1} bytes, not ${bytes.length}; remove it and publish again`,
  );
  await writeFile(join(folder, "public", path), bytes);

  const covered = async () => (await command("coverage", "--format", "json")).out;
  const before = JSON.parse(await covered()) as { covered: number; pruned: number }[];
  const prune = (...more: string[]) => command("prune", "--older", "1d", "--published", "public", ...more);
  const told = await prune();
  t.is(told.code, 0, told.said);
  t.regex(told.out, /^bids: [\d,]+ rows in \d+ chunks \([\d,]+ bytes\) would leave lake$/m);
  t.true(told.out.endsWith("nothing was done: --yes does it\n"));
  t.deepEqual(JSON.parse(await covered()), before);
  const done = await prune("--yes");
  t.is(done.code, 0, done.said);
  const after = JSON.parse(await covered()) as typeof before;
  t.deepEqual(
    after.map((row) => ({ ...row, pruned: 0 })),
    before,
  );
  t.deepEqual(
    after.map(({ pruned }) => pruned),
    after.map((row) => row.covered),
  );
  t.is((await command("verify-published", "public")).code, 0);
  t.deepEqual([...new Set((await published()).map(({ outcome }) => outcome))], ["pruned"]);
});

test("of a pruned lake no relay is asked anew, nothing is taken for empty, and what depends on pruned payloads is still asked for", async (t) => {
  t.timeout(300_000);
  const { lake, simulator, warehouse, line, range, relays } = await loadedNetwork({
    seed: SEED,
    slots: 96,
    record: true,
    relays: (all) => all.filter(({ name }) => NAMES.includes(name)),
  });
  t.teardown(() => simulator.close());
  await warehouse.close();
  const before = await compareLake(lake, simulator.truth);
  t.deepEqual(before.differences, []);
  const states = async (dataset: DatasetName) => {
    const metas: [string, number, number, string][] = [];
    for (const relay of NAMES)
      for await (const entry of lake.list(dataset, relay, range))
        if (!isBad(entry)) {
          const { covered, rows, pruned } = entry.meta;
          metas.push([entry.object, rows, pruned?.rows.size ?? 0, covered.toString()]);
        }
    return metas;
  };
  for (const dataset of ["bids", "payloads"] as const)
    for (const relay of NAMES)
      for await (const entry of lake.list(dataset, relay, range)) {
        if (isBad(entry)) return t.fail(entry.fault);
        const lines = (await lake.read(entry.chunk))?.lines ?? new Map<number, string[]>();
        const pruned = {
          rows: new Map([...lines].map(([slot, list]) => [slot, list.length])),
          generation: entry.generation,
        };
        await lake.write(entry.chunk, new Map(), { ...entry.meta, pruned }, entry.generation);
      }
  const pruned = [await states("bids"), await states("payloads")];
  const known = simulator.requests.length;
  await line.run(range);
  await line.recheck(range);
  await line.recheck(range, { onlyEmpty: true, accept: true });
  t.deepEqual([await states("bids"), await states("payloads")], pruned);
  const asked = (dataset: DatasetName) =>
    simulator.requests.slice(known).filter((request) => request.dataset === dataset);
  t.deepEqual(asked("bids"), [], "no slot of the range, nor a witness for one");

  await line.run(range, ["payloads", "adjustments", "merged_blocks"]);
  t.deepEqual([await states("bids"), await states("payloads")], pruned);
  const delivered = new Set(asked("adjustments").map(({ relay, slot = 0 }) => `${relay} ${slot}`));
  let wanted = 0;
  for (const relay of relays.filter((each) => serves(each, "adjustments")))
    for (let { first: slot } = range; slot <= range.last; slot++)
      if (simulator.truth.payloads(relay.name, slot).length > 0) {
        wanted++;
        t.true(delivered.has(`${relay.name} ${slot}`), `${relay.name} ${slot}`);
      }
  t.true(wanted > 5, `${wanted} delivered slots`);
  const extras = (await compareLake(lake, simulator.truth)).differences;
  t.deepEqual(
    extras.filter((difference) => !/^(?:bids|payloads) /.test(difference)),
    [],
  );
});
