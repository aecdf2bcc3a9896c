import { type ChildProcess, spawn } from "node:child_process";
import { on, once } from "node:events";
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import test, { type ExecutionContext } from "ava";
import { newFolder } from "../../runtime/warehouse/warehouse.testing.ts";

const root = join(import.meta.dirname, "../..");
/** More than is asked for within any test. */
const SLOTS = "4980000-4989999";

/** `npm start` in the middle of a run: something has been written, and more is being read. */
async function inTheMiddle(t: ExecutionContext) {
  t.timeout(400_000);
  const folder = await newFolder(t);
  const words = ["run", "--slots", SLOTS, "--lake", folder, "--now", "1760000000"];
  const npm = spawn("npm", ["start", "--", ...words], {
    cwd: root,
    stdio: ["ignore", "pipe", "pipe"],
  });
  t.teardown(() => npm.kill());
  let isOver = false;
  const ended = Promise.all([text(npm.stdout), text(npm.stderr), once(npm, "exit")]).then(
    ([out, said, [code]]) => {
      isOver = true;
      return { out, said, code: code as unknown };
    },
  );
  while (!isOver && !(await readdir(folder, { recursive: true })).some((path) => path.includes("relay=")))
    await sleep(50);
  return { npm, folder, ended };
}

/** The program itself, which npm has started; as a child of its own, since nothing stands between. */
async function programOf({ pid }: ChildProcess): Promise<number> {
  return Number(await readFile(`/proc/${pid}/task/${pid}/children`, "utf8"));
}

const TOLD_TO_STOP = /SIG(INT|TERM): stopping; what was read is being written/;

test("SIGTERM to npm start reaches the program: it stops in order, and says which command finishes the work", async (t) => {
  const { npm, folder, ended } = await inTheMiddle(t);
  npm.kill("SIGTERM");
  const { out, said, code } = await ended;
  t.is(code, 3, said);
  t.regex(said, TOLD_TO_STOP);
  t.true(out.includes(`\nnext:\n  npm start -- run --lake ${folder} --slots ${SLOTS}\n`), `${out}${said}`);
});

test("Ctrl-C reaches the program twice, from the terminal and from npm, and is one wish to stop in order", async (t) => {
  const { npm, ended } = await inTheMiddle(t);
  process.kill(await programOf(npm), "SIGINT");
  await heard(npm, TOLD_TO_STOP);
  npm.kill("SIGINT");
  const { out, said, code } = await ended;
  t.is(code, 3, said);
  t.true(out.includes("\nnext:\n  npm start -- run "), `${out}${said}`);
});

/** Waits for a text on standard error. */
async function heard({ stderr }: ChildProcess, what: RegExp): Promise<void> {
  let said = "";
  for await (const [part] of on(stderr as Readable, "data", { close: ["end"] })) {
    said += String(part);
    if (what.test(said)) return;
  }
}
