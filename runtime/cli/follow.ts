import type { Clock } from "../chain/clock.ts";
import { type SlotRange, settledSlot } from "../chain/slots.ts";
import { bids } from "../datasets/bids.ts";
import { chunkRange } from "../datasets/chunks.ts";
import { takeableSlot } from "../tick/windows.ts";
import type { Asking } from "./asking.ts";
import { canonicalOf } from "./canonical.ts";
import type { CollectedChain } from "./chain.ts";
import type { Context } from "./context.ts";
import { type FollowLines, linesForPeople, linesForPrograms } from "./followLines.ts";
import type { FollowState } from "./followServer.ts";
import { FOLLOW_INTERVAL_MS, type TickReport, ticksOf } from "./followTick.ts";
import type { ListenAddress } from "./listen.ts";
import { openWarehouse } from "./load.ts";
import { prose } from "./numbers.ts";
import type { CommonOptions } from "./options.ts";
import { exitCodeOf } from "./summary.ts";
import type { Lake } from "../lake/lake.ts";

/** The options of `run` that concern following alone. */
export interface FollowOptions {
  readonly follow: boolean;
  readonly listen?: ListenAddress;
}

/** What is followed. The range's first slot is where it begins. */
export interface FollowParts {
  readonly lake: Lake;
  readonly asking: Asking;
  readonly chain: CollectedChain;
  readonly range: SlotRange;
  readonly stop: AbortSignal;
}

/** Without a tick's end for so long it is taken to hang: a tick that is out of time ends well within two intervals. */
const HUNG_AFTER_MS = 3 * FOLLOW_INTERVAL_MS;
/** Between the end of a tick that took too long and the next. */
const SHORTEST_PAUSE_MS = 1000;

/**
 * `run --follow`: a tick every five minutes until it is stopped, each with one line. Returns the exit code by the last tick. Throws
 * what the first tick throws; a later one that fails is told of, and the next goes on.
 */
export async function follow(
  options: CommonOptions & FollowOptions,
  context: Context,
  { lake, asking, chain, range, stop }: FollowParts,
): Promise<number> {
  const { network, clock } = context;
  const lines = linesOf(options, context);
  const canonical = await canonicalOf(options, context);
  const warehouse = await openWarehouse(options, context);
  const state: FollowState = { endedMs: undefined, endedWell: false, stopping: false };
  const served = options.listen ? await serve(options.listen, state, clock) : undefined;
  stop.addEventListener("abort", () => (state.stopping = true), { once: true });
  try {
    const [settled, takeable] = [settledSlot(network, clock.now()), takeableSlot(network, bids, clock.now())];
    const firstSlot = firstToFollow(range, takeable);
    lines.start({ network, range: { ...range, first: firstSlot }, settled, takeable, url: served?.url });
    const tick = ticksOf(context, {
      lake,
      warehouse,
      asking,
      chain,
      canonical,
      firstSlot,
      stop,
    });
    let code = 0;
    while (!stop.aborted) {
      const started = clock.monotonic();
      const report = await tick();
      const pauseMs = Math.max(SHORTEST_PAUSE_MS, started + FOLLOW_INTERVAL_MS - clock.monotonic());
      state.endedMs = clock.monotonic();
      state.endedWell = report.fault === undefined;
      served?.metrics.add(report);
      lines.tick(report, stop.aborted ? undefined : clock.now() + pauseMs);
      code = codeOfTick(report);
      await pause(clock, pauseMs, stop);
    }
    return code;
  } finally {
    await served?.close();
    await warehouse.close();
  }
}

/** Where the range begins; where it lies above all that can be taken by now, the newest chunk does, so that there is one to follow. */
function firstToFollow({ first }: SlotRange, takeable: number): number {
  return first <= takeable ? first : chunkRange(bids, takeable).first;
}

function linesOf(options: CommonOptions, { say }: Context): FollowLines {
  return process.stdout.isTTY && !options.json
    ? linesForPeople(
        options.quiet ? () => {} : (line) => void process.stdout.write(`${prose(line, process.stdout)}\n`),
        say,
      )
    : linesForPrograms(options.quiet && !options.json);
}

/** The metrics' client is only imported where metrics are asked for. */
async function serve(address: ListenAddress, state: FollowState, clock: Clock) {
  const [{ FollowMetrics }, { serveFollow }] = await Promise.all([
    import("./followMetrics.ts"),
    import("./followServer.ts"),
  ]);
  const metrics = new FollowMetrics();
  const monotonic = () => clock.monotonic();
  const server = await serveFollow({ address, metrics, state, monotonic, hungAfterMs: HUNG_AFTER_MS });
  return { ...server, metrics };
}

/** As of `run`: 1 where something failed, 3 where slots are missing. */
function codeOfTick({ fault, faults, coverage }: TickReport): number {
  return fault !== undefined || faults.length > 0 ? 1 : exitCodeOf(coverage);
}

async function pause(clock: Clock, ms: number, stop: AbortSignal): Promise<void> {
  if (stop.aborted) return;
  try {
    await clock.sleep(ms, stop);
  } catch (error) {
    if (!stop.aborted) throw error;
  }
}
