import { execFile } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import test from "ava";
import { bundled } from "./bundled.ts";
import { NOW } from "./line.ts";

interface Rechecked {
  readonly coverage: readonly { readonly covered: number }[];
  readonly asked: number;
  readonly differing: number;
  readonly failed: number;
}

test("recheck tells how many of the covered slots it has asked again", async (t) => {
  const cli = await bundled("../../runtime/cli/main");
  const folder = mkdtempSync(join(tmpdir(), "etl-recheck-"));
  const world = ["--seed", "7", "--relay", "wren", "--now", String(NOW / 1000), "--last", "10", "--json"];
  const command = async (...args: string[]): Promise<Rechecked> => {
    const { stdout } = await promisify(execFile)(process.execPath, [cli, ...args, ...world], { cwd: folder });
    return JSON.parse(stdout) as Rechecked;
  };
  await command("run");
  const all = await command("recheck", "--sample", "1");
  t.is(all.asked, 20);
  t.is(
    all.coverage.reduce((sum, { covered }) => sum + covered, 0),
    all.asked,
  );
  t.is(all.failed, 0);
  t.is((await command("recheck", "--sample", "0")).asked, 0);
});

test("recheck counts what it asks again of any dataset", async (t) => {
  const cli = await bundled("../../runtime/cli/main");
  const folder = mkdtempSync(join(tmpdir(), "etl-recheck-"));
  const world = ["--relay", "osprey", "--dataset", "headers", "--now", String(NOW / 1000), "--last", "10"];
  const command = async (...args: string[]): Promise<Rechecked> => {
    const words = [cli, ...args, ...world, "--json"];
    const { stdout } = await promisify(execFile)(process.execPath, words, { cwd: folder });
    return JSON.parse(stdout) as Rechecked;
  };
  const [collected] = (await command("run")).coverage;
  const { asked, failed } = await command("recheck");
  t.deepEqual({ asked, failed }, { asked: collected?.covered, failed: 0 });
  t.true(asked > 0);
});
