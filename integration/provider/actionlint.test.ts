import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { publishedGoTool } from "../toolCache.ts";

const ACTIONLINT = "github.com/rhysd/actionlint/cmd/actionlint@v1.7.12";
const FOLDER = join(import.meta.dirname, "../../.github/workflows");

/** What actionlint says of workflows. Without the programs that it asks where they happen to be installed. */
async function lint(files: readonly string[], input = ""): Promise<string> {
  const program = await publishedGoTool("actionlint", ACTIONLINT, "half a minute");
  const args = ["-shellcheck=", "-pyflakes=", "-oneline", "-no-color", ...files];
  const { status, stdout, stderr } = spawnSync(program, args, { input, encoding: "utf8" });
  if (status !== 0 && status !== 1) throw new Error(`actionlint failed: ${stderr}`);
  return stdout;
}

test("actionlint has nothing to say of the workflows", async (t) => {
  const files = readdirSync(FOLDER).filter((name) => name.endsWith(".yml"));
  t.true(files.length >= 4);
  t.is(await lint(files.map((name) => join(FOLDER, name))), "");
});

test("it would have, of a context that isn't there", async (t) => {
  const job = "runs-on: ubuntu-24.04\n    steps:\n      - run: echo\n        if: github.no_such_key == ''\n";
  t.regex(await lint(["-"], `on: push\njobs:\n  one:\n    ${job}`), /"no_such_key" is not defined/);
});
