// `npm run test:steady`: npm test again and again, on an idle machine and on a busy one. What follows `--` goes to ava.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { parseArgs } from "node:util";

const { values, positionals } = parseArgs({
  options: { idle: { type: "string", default: "3" }, busy: { type: "string", default: "2" } },
  allowPositionals: true,
});

/** Eight processes that do nothing but take time. Throws where stress-ng isn't installed. */
async function stress(): Promise<ChildProcess> {
  const child = spawn("stress-ng", ["--quiet", "--cpu", "8"], { stdio: "inherit" });
  try {
    await once(child, "spawn");
  } catch (error) {
    throw new Error("stress-ng can't be started; install it (Debian: apt-get install stress-ng)", {
      cause: error,
    });
  }
  return child;
}

/** Runs the suite once; whether all tests passed. */
async function green(what: string): Promise<boolean> {
  const began = performance.now();
  const child = spawn("npm", ["test", "--silent", "--", ...positionals], { stdio: "inherit" });
  const [code] = (await once(child, "exit")) as [number | null];
  console.log(
    `== ${what}: ${code === 0 ? "green" : "failed"} after ${((performance.now() - began) / 1000).toFixed(0)} s`,
  );
  return code === 0;
}

const outcomes: boolean[] = [];
for (let run = 0; run < Number(values.idle); run++) outcomes.push(await green("idle"));
if (Number(values.busy) > 0) {
  const load = await stress();
  try {
    for (let run = 0; run < Number(values.busy); run++) outcomes.push(await green("beside 8 busy processes"));
  } finally {
    load.kill();
  }
}
const failed = outcomes.filter((passed) => !passed).length;
console.log(`${outcomes.length - failed} runs green, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
