import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Slots of ten relays; ten times as many are 1.2 million bids. */
const SLOTS = 32;

/** Peak memory (MB) of a process that collects one and ten times the data from relays in another process. */
export async function benchMemory(): Promise<Record<string, number>> {
  const child = join(import.meta.dirname, "memoryChild.ts");
  const options = { execArgv: ["--import=tsx"] };
  const server = fork(child, ["serve"], options);
  const [base]: unknown[] = await once(server, "message");
  try {
    const peaks: number[] = [];
    for (const slots of [SLOTS, 10 * SLOTS]) {
      const folder = await mkdtemp(join(tmpdir(), "bench-memory-"));
      const [told]: unknown[] = await once(
        fork(child, ["collect", String(base), folder, String(slots)], options),
        "message",
      );
      await rm(folder, { recursive: true });
      if (typeof told !== "object" || told === null || !("mb" in told))
        throw new Error("the collector told nothing");
      peaks.push(Number(told.mb));
    }
    const [one = Number.NaN, ten = Number.NaN] = peaks;
    return { memory_mb: one, memory_mb_10x: ten, memory_10x_to_1x: ten / one };
  } finally {
    server.kill("SIGKILL");
  }
}
