// What the documents tell people to type is typed here, by document, in an empty folder, with the simulated network.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { DuckDBInstance } from "@duckdb/node-api";
import test from "ava";
import { codeOf } from "../../runtime/errors.ts";
import { type FencedBlock, DOCUMENTS, ROOT, fencedBlocks, commandsOf, read } from "./markdown.ts";

/** Commands that would take the tests into themselves; `.ci/run` runs them, each as it names it. */
const RUN_BY_CI: Readonly<Record<string, readonly string[]>> = {
  "npm ci && npm test": ["npm ci ", "tests test\n"],
};

/** A folder in which npm works as in the repository, and in which a command's files stay. */
function reader(): string {
  const folder = mkdtempSync(join(tmpdir(), "etl-reader-"));
  for (const name of readdirSync(ROOT))
    if (!["data", "dist", ".git"].includes(name)) symlinkSync(join(ROOT, name), join(folder, name));
  return folder;
}

async function freePort(): Promise<string> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  return String(typeof address === "object" ? address?.port : "");
}

/** Runs a script; whatever it leaves running in the background ends with it. */
async function typed(script: string, cwd: string): Promise<{ code: number | null; output: string }> {
  // What is set for tests alone a service refuses as a setting that it doesn't know.
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !name.startsWith("ETL_TEST_")),
  );
  const shell = spawn("bash", ["-eu", "-c", script], {
    cwd,
    env,
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const said = Promise.all([text(shell.stdout), text(shell.stderr)]);
  const [code] = (await once(shell, "exit")) as [number | null];
  try {
    if (shell.pid !== undefined) process.kill(-shell.pid, "SIGKILL");
  } catch (error) {
    // Nothing of its group runs any more.
    if (codeOf(error) !== "ESRCH") throw error;
  }
  return { code, output: (await said).join("\n") };
}

/**
 * A line as it is compared: every number is any number, and so is the space before it. A coverage table shows `awaiting` in place of
 * a later column where there are any, which depends on when it is typed: of its head only the first columns count.
 */
const shape = (line: string) =>
  line
    .replaceAll(/\d[\d.,]*/g, "0")
    .replaceAll(/\s+/g, " ")
    .replace(/^((?:bids|payloads) slots covered missing) .*/, "$1")
    .trim();

/** The lines of a block `text` that aren't among what was printed. */
function unprinted(block: FencedBlock, output: string): string[] {
  const printed = new Set(output.split("\n").map(shape));
  return block.text.split("\n").filter((line) => !/^\s*…?$/.test(line) && !printed.has(shape(line)));
}

/** What is typed for a block `sh`; undefined where CI does it. */
function scriptOf(block: FencedBlock, ports: readonly string[]): string | undefined {
  const [only, ...more] = commandsOf(block);
  if (only !== undefined && more.length === 0 && only in RUN_BY_CI) return undefined;
  const [simulator = "", service = ""] = ports;
  // The folder's modules are the repository's own: installing them anew is what CI began with.
  return block.text.replaceAll("npm ci && ", "").replaceAll("8645", simulator).replaceAll("8080", service);
}

test("the commands that aren't run here are run by CI", (t) => {
  for (const [command, parts] of Object.entries(RUN_BY_CI))
    for (const part of parts) t.true(read(".ci/run").includes(part), command);
});

test("a printed line that a command doesn't print is seen, and one whose numbers differ isn't taken for one", (t) => {
  const block = { kind: "text", text: "heron  64 1,280\n…\nreport: data/x.html\n" };
  t.deepEqual(unprinted(block, "heron 8    2\nreport: data/x.html\n"), []);
  t.deepEqual(unprinted(block, "heron 8    2 1\n"), ["heron  64 1,280", "report: data/x.html"]);
});

for (const path of DOCUMENTS) {
  const blocks = fencedBlocks(read(path));
  // queries.md's statements have a test of their own, with what each must answer.
  if (path === "docs/queries.md" || !blocks.some(({ kind }) => kind === "sh")) continue;
  test(`what ${path} tells people to type works as it stands, and prints what it says`, async (t) => {
    const folder = reader();
    const ports = [await freePort(), await freePort()];
    let output = "";
    try {
      for (const block of blocks) {
        if (block.kind === "sh") {
          const script = scriptOf(block, ports);
          if (script === undefined) continue;
          const ran = await typed(script, folder);
          output = ran.output;
          t.is(ran.code, 0, `${path}: ${block.text}\n${output.slice(-3000)}`);
        } else if (block.kind === "sh cloud") output = "";
        else if (block.kind === "text" && output !== "") t.deepEqual(unprinted(block, output), [], path);
        else if (block.kind === "sql") await queried(block, join(folder, "data/simulated-1.duckdb"));
      }
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
}

async function queried({ text: sql }: FencedBlock, file: string): Promise<void> {
  const instance = await DuckDBInstance.create(file, { access_mode: "READ_ONLY" });
  const connection = await instance.connect();
  try {
    await connection.runAndReadAll(sql);
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}
