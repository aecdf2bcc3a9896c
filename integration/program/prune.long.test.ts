import { cp, rm } from "node:fs/promises";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { simulatedNetwork } from "../../runtime/chain/networks.ts";
import { slotsOfDay } from "../../runtime/chain/slots.ts";
import { newFolder } from "../../runtime/warehouse/warehouse.testing.ts";
import { endedCommand } from "./command.ts";
import { saidIn } from "./saidLines.ts";

/** 2025-10-09 01:00 UTC: the newest 12 settled slots are of that day. */
const THEN = "1759971600";
const LATER = String(Number(THEN) + 3 * 86_400);

const ended = (folder: string, args: readonly string[], now = LATER) => endedCommand(folder, args, now);

async function collected(t: ExecutionContext) {
  const folder = await newFolder(t);
  const run = ["run", "--relay", "lapwing", "--last", "12", "--quiet", "--json"];
  const { code, out, said } = await ended(folder, run, THEN);
  t.is(code, 0, said);
  const { coverage } = JSON.parse(out) as { coverage: { rows: number; dataset: string }[] };
  const rowsOf = (name: string) => coverage.find(({ dataset }) => dataset === name)?.rows ?? 0;
  return { folder, bids: rowsOf("bids"), payloads: rowsOf("payloads") };
}

test("prune says what it would take out, does it with --yes, and load --rebuild --slots restores it from the lake", async (t) => {
  t.timeout(240_000);
  const { folder, bids, payloads } = await collected(t);
  t.true(bids > 0 && payloads > 0);
  const file = "data/simulated-1.duckdb";
  const grouped = bids.toLocaleString("en-US");
  const about = (verb: string) => [
    `rows of before 2025-10-11 UTC (--older 1d) ${verb} ${file}:`,
    `  payloads: ${payloads}, of 2025-10-09 to 2025-10-09`,
    `  bids: ${grouped}, of 2025-10-09 to 2025-10-09`,
    "ledgers stay: coverage doesn't change, and no load brings these rows back",
    "the file keeps its size: later loads fill what is freed",
  ];
  const dry = await ended(folder, ["prune", "--older", "1d"]);
  t.is(dry.code, 0, dry.said);
  const lines = dry.out.trimEnd().split("\n");
  t.deepEqual(lines.slice(0, 5), about("would leave"));
  const [, slots = ""] =
    /^the lake keeps them: load --rebuild --slots (\d+-\d+) restores them$/.exec(lines[5] ?? "") ?? [];
  t.not(slots, "", dry.out);
  t.deepEqual(lines.slice(6), ["nothing was done: --yes does it"]);

  const covered = await ended(folder, ["coverage", "--json", "--format", "json", "--relay", "lapwing"]);
  const done = await ended(folder, ["prune", "--older", "1d", "--yes"]);
  t.deepEqual(done.out.trimEnd().split("\n"), [...about("left"), lines[5]]);
  const again = await ended(folder, ["prune", "--older", "1d", "--yes"]);
  t.is(again.out, `${file} has no rows of before 2025-10-11 UTC: nothing to do\n`);
  const loaded = async (...more: string[]) => {
    const { out, said } = await ended(folder, ["load", "--json", ...more]);
    t.notThrows(() => JSON.parse(out) as unknown, said);
    return (JSON.parse(out) as { loaded_rows: number }).loaded_rows;
  };
  t.is(await loaded(), 0, "no load brings them back");
  const after = await ended(folder, ["coverage", "--json", "--format", "json", "--relay", "lapwing"]);
  t.is(after.out, covered.out);
  const loadedSlots = "4997572-4997583";
  const restored = `load --rebuild --slots ${loadedSlots} restores them`;
  for (const command of ["check", "report"]) {
    const refused = await ended(folder, [command]);
    t.is(refused.code, 1, refused.out);
    t.deepEqual(saidIn(refused.said), [
      `mev-boost-etl: all rows of simulated-1 have been pruned from ${file}; ${restored}`,
    ]);
  }
  const named = await ended(folder, ["check", "--slots", loadedSlots, "--json"]);
  t.true(
    named.said.includes(`have been pruned from ${file}, and are missing from what follows; ${restored}`),
    named.said,
  );
  const files = await ended(folder, ["export", "--partial", "--out", "parquet", "--json"]);
  const name = "2025-10-09";
  const day = { day: name, slots: slotsOfDay(simulatedNetwork(1), Date.parse(name) / 86_400_000) };
  t.deepEqual(JSON.parse(files.out), {
    files: [],
    incomplete: [],
    pruned: [
      { dataset: "payloads", ...day },
      { dataset: "bids", ...day },
    ],
  });
  t.is(await loaded("--rebuild", "--slots", slots), bids + payloads);
  t.is(await loaded(), 0);
});

test("a check and a report are about what is left, and say which days were pruned", async (t) => {
  t.timeout(240_000);
  const { folder } = await collected(t);
  const run = ["run", "--relay", "lapwing", "--last", "12", "--quiet"];
  t.is((await ended(folder, run, LATER)).code, 0);
  const whole = await ended(folder, ["check", "--json"]);
  t.is(whole.said, "");
  t.is((await ended(folder, ["prune", "--older", "1d", "--yes"])).code, 0);
  const dayEnd = slotsOfDay(simulatedNetwork(1), Date.parse("2025-10-09") / 86_400_000).last;
  for (const command of ["check", "report"]) {
    const { code, out, said } = await ended(folder, [command]);
    t.not(code, 1, said);
    t.regex(out, new RegExp(`^simulated-1, slots ${dayEnd + 1}-`));
    t.regex(
      saidIn(said)[0] ?? "",
      new RegExp(
        `^slots (\\d+)-${dayEnd} are left out: rows of them have been pruned; load --rebuild --slots \\1-${dayEnd} restores them$`,
      ),
    );
  }
});

test("prune refuses what could not come back, and what isn't a number of days", async (t) => {
  t.timeout(240_000);
  const { folder, bids } = await collected(t);
  await cp(join(folder, "data/lake"), join(folder, "data/other"), { recursive: true });
  await rm(join(folder, "data/other/simulated-1/bids"), { recursive: true });
  const refused = await ended(folder, ["prune", "--older", "1d", "--yes", "--lake", "data/other"]);
  t.is(refused.code, 1);
  t.regex(
    saidIn(refused.said).join("\n"),
    /^mev-boost-etl: the lake data\/other lacks \d objects whose rows would leave data\/simulated-1\.duckdb \(\S+\): they could not come back; give --lake the lake that was loaded from\. Nothing was done$/,
  );
  const { out } = await ended(folder, ["prune", "--older", "1d", "--json"]);
  t.like(JSON.parse(out), {
    pruned: false,
    before: "2025-10-11",
    datasets: [{ dataset: "payloads" }, { dataset: "bids", rows: bids }],
  });
  const odd = await ended(folder, ["prune", "--older", "90"]);
  t.is(odd.code, 2);
  t.true(odd.said.includes("Give a number of days, such as 90d."), odd.said);
});
