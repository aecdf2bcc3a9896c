import { execFile } from "node:child_process";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import test from "ava";
import { withStack } from "./stack.ts";
import { saidIn } from "../program/saidLines.ts";

const main = join(import.meta.dirname, "../../runtime/cli/main.ts");

/** The outputs that the command line reads, in a program that deploys nothing else. */
const PROGRAM = {
  "Pulumi.yaml": "name: mev-boost-etl\nruntime:\n  name: nodejs\n  options:\n    typescript: false\n",
  "package.json": JSON.stringify({ name: "small", version: "0.0.0", type: "commonjs", main: "index.js" }),
  "index.js": `
exports.network = "hoodi";
exports.lakeUrl = "gs://a-lake-of-the-stack";
exports.warehouseUrl = "bigquery://a-project/a_dataset";
`,
};

test("--stack asks the real engine: a command works on the stack's lake, and says so when there is no such stack", (t) =>
  withStack({ stack: "test", program: PROGRAM }, async (stack) => {
    const asked: string[] = [];
    const storage = createServer((request, response) => {
      asked.push(request.url ?? "");
      response.setHeader("content-type", "application/json");
      // The lake is empty: it has no object, and a list of none.
      if (/\/o\/./.test(request.url ?? "")) response.statusCode = 404;
      response.end(JSON.stringify({ kind: "storage#objects", items: [] }));
    });
    await new Promise<void>((resolve) => storage.listen(0, "127.0.0.1", resolve));
    t.teardown(() => storage.close());
    const command = (...args: string[]) =>
      new Promise<{ code: number; out: string; err: string }>((resolve) => {
        const env = {
          ...stack.env,
          STORAGE_EMULATOR_HOST: `127.0.0.1:${(storage.address() as AddressInfo).port}`,
        };
        execFile(
          process.execPath,
          ["--import=tsx", main, ...args],
          { cwd: stack.tree, env, timeout: 120_000 },
          (error, out, err) => resolve({ code: error ? Number(error.code ?? -1) : 0, out, err }),
        );
      });

    const early = await command("coverage", "--stack", "test", "--slots", "900000-900063");
    t.is(early.code, 2);
    t.regex(
      saidIn(early.err).join("\n"),
      /^mev-boost-etl: --stack test: the stack has no output \w+; run pulumi up --stack test$/,
    );

    (await stack.up()).ok();
    const late = await command("coverage", "--stack", "test", "--slots", "900000-900063", "--format", "json");
    t.is(late.code, 3, late.err);
    const rows = JSON.parse(late.out) as { network: string; covered: number }[];
    t.true(rows.length > 0 && rows.every(({ network, covered }) => network === "hoodi" && covered === 0));
    t.true(
      asked.length > 0 && asked.every((url) => url.includes("/b/a-lake-of-the-stack/o")),
      asked.join("\n"),
    );

    const other = await command("coverage", "--stack", "other");
    t.is(other.code, 2);
    t.regex(saidIn(other.err).join("\n"), /^mev-boost-etl: --stack other: there is no such stack; [^\n]+$/);
  }));
