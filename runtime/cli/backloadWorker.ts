import type { Connected } from "../backload/connect.ts";
import type { RelayProgress } from "../backload/progress.ts";

/** How often a worker tells its fleet how far it has come, ms. */
const TELL_EVERY_MS = 500;
/** What was read is written within this time of a wish to stop, ms; what then isn't is read again. */
export const FLUSH_MS = 20_000;

/** What a worker tells the process that started it. */
export interface WorkerMessage {
  readonly progress: readonly RelayProgress[];
}

/** What that process tells a worker: its parts of the relays' rates, by relay. */
export interface FleetMessage {
  readonly shares: Readonly<Record<string, number>>;
}

/** True when this process was started by `--workers`, which shows its progress. */
export function isWorkerOfAFleet(): boolean {
  return process.send !== undefined;
}

/**
 * Aborted by SIGTERM, and when the process that started this one is gone; `end` lets go of that process. Ctrl-C reaches all
 * processes of a terminal; the one that started the workers passes it on.
 */
export function workerStop(): { signal: AbortSignal; end(): void } {
  const controller = new AbortController();
  const stop = (why: string) => {
    if (controller.signal.aborted) return;
    controller.abort(new Error(why));
    setTimeout(() => process.exit(3), FLUSH_MS).unref();
  };
  process.on("SIGINT", () => {});
  process.on("SIGTERM", () => stop("stopped by SIGTERM"));
  const onGone = () => stop("its fleet is gone");
  process.on("disconnect", onGone);
  return {
    signal: controller.signal,
    end() {
      process.off("disconnect", onGone);
      if (process.connected) process.disconnect();
    },
  };
}

/** Tells the fleet of the progress and takes shares from it, until the returned function is called. */
export function tellFleet(progress: () => readonly RelayProgress[], connected: Connected): () => void {
  const tell = () => {
    const message: WorkerMessage = { progress: progress() };
    if (process.connected) process.send?.(message);
  };
  const take = (message: FleetMessage) => {
    for (const [relay, share] of Object.entries(message.shares)) connected.setShare(relay, share);
  };
  process.on("message", take);
  const timer = setInterval(tell, TELL_EVERY_MS);
  return () => {
    clearInterval(timer);
    tell();
    process.off("message", take);
  };
}
