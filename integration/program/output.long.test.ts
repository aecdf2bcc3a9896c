import { spawn } from "node:child_process";
import { once } from "node:events";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import test, { type ExecutionContext } from "ava";
import { newFolder } from "../../runtime/warehouse/warehouse.testing.ts";
import { bundled } from "./bundled.ts";
import { saidIn } from "./saidLines.ts";

const main = await bundled("../../runtime/cli/main");
const NOW = "1760000000";

interface Ended {
  readonly code: unknown;
  readonly signal: unknown;
  readonly out: string;
  readonly said: string;
}

/** Runs a command in a folder until it ends; `unread` closes one of its outputs before anything is written there. */
async function ended(
  folder: string,
  args: readonly string[],
  unread?: "stdout" | "stderr",
  before: readonly string[] = [],
): Promise<Ended> {
  const child = spawn(process.execPath, [...before, main, ...args, "--now", NOW], {
    cwd: folder,
    stdio: ["ignore", "pipe", "pipe"],
    timeout: 120_000,
  });
  const exit = once(child, "exit");
  const read = async (name: "stdout" | "stderr") => (name === unread ? "" : text(child[name]));
  if (unread) child[unread].destroy();
  const [out, said, [code, signal]] = await Promise.all([read("stdout"), read("stderr"), exit]);
  return { code, signal, out, said };
}

async function collected(t: ExecutionContext): Promise<string> {
  const folder = await newFolder(t);
  const { code, said } = await ended(folder, ["run", "--relay", "lapwing", "--last", "4", "--quiet"]);
  t.is(code, 0, said);
  return folder;
}

test("a command whose output nobody reads ends without a word and with its own exit code", async (t) => {
  t.timeout(240_000);
  const folder = await collected(t);
  const lapwing = ["--relay", "lapwing"];
  for (const [args, own] of [
    [["coverage", ...lapwing], 0],
    [["coverage", ...lapwing, "--format", "json"], 0],
    [["coverage"], 3],
    [["check"], 0],
    [["load"], 0],
    [["report", "--json"], 0],
    [["run", ...lapwing, "--last", "4", "--quiet"], 0],
    [["--help"], 0],
  ] as const) {
    const { code, said } = await ended(folder, args, "stdout");
    t.deepEqual([code, said], [own, ""], args.join(" "));
  }
  await rm(join(folder, "data/lake"), { recursive: true });
  for (const [args, own] of [
    [["coverage"], 0],
    [["coverage", "--relay", "dodo"], 0],
    [["coverage", "--slots", "now"], 2],
    [["export", "--warehouse", "none.duckdb", "--out", "out"], 1],
  ] as const) {
    const { code, out } = await ended(folder, args, "stderr");
    t.deepEqual([code, out], [own, ""], args.join(" "));
  }
});

test("what goes on until it is stopped stops when nobody reads what it says", async (t) => {
  t.timeout(240_000);
  const folder = await newFolder(t);
  const { code, said } = await ended(folder, ["simulate", "--port", "0"], "stdout");
  t.deepEqual([code, said], [0, ""]);
});

test("a command ends when all is written, whatever timers its libraries left, and cuts nothing off", async (t) => {
  t.timeout(240_000);
  const folder = await collected(t);
  const timer = ["--import=data:text/javascript,setInterval(()=>{},1e9)"];
  const report = await ended(folder, ["report", "--json"], undefined, timer);
  t.deepEqual([report.code, report.said], [0, ""]);
  t.notThrows(() => JSON.parse(report.out) as unknown);
  const mistake = await ended(folder, ["coverage", "--format", "csv"], undefined, timer);
  t.is(mistake.code, 2);
  t.regex(saidIn(mistake.said).join("\n"), /--format: table or json$/);
});
