import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import test from "ava";
import { newFolder } from "../../runtime/warehouse/warehouse.testing.ts";
import { bundled } from "./bundled.ts";

const unit = new URL("../../deploy/vm/mev-boost-etl.service", import.meta.url);
const main = await bundled("../../runtime/cli/main");
const run = promisify(execFile);

test("systemd takes the unit, where there is a systemd", async (t) => {
  t.timeout(120_000);
  try {
    const { stderr } = await run("systemd-analyze", ["verify", unit.pathname]);
    t.is(stderr, "");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    t.log("there is no systemd-analyze here");
    t.pass();
  }
});

test("systemd-analyze would have found a key that there is not", async (t) => {
  t.timeout(120_000);
  const broken = join(await newFolder(t), "broken.service");
  await writeFile(broken, (await readFile(unit, "utf8")).replace("Restart=", "Restrat="));
  try {
    const { stderr } = await run("systemd-analyze", ["verify", broken]);
    t.regex(stderr, /Restrat/);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    t.pass();
  }
});

test("each option of the unit's command is one of run's", async (t) => {
  t.timeout(120_000);
  const text = await readFile(unit, "utf8");
  const { stdout: help } = await run(process.execPath, [main, "run", "--help"]);
  const [, command = ""] = /^ExecStart=\/usr\/bin\/env mev-boost-etl run (.*)$/m.exec(text) ?? [];
  const options = [
    ...command.matchAll(/--[a-z-]+/g),
    ...text.matchAll(/(?<=^Environment="ETL_RANGE=)--[a-z-]+/gm),
  ];
  t.true(options.length >= 6);
  for (const [option] of options) t.true(help.includes(`${option} `), option);
});
