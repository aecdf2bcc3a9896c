import { fixedDateClock, systemClock } from "../chain/clock.ts";
import { UserError } from "../errors.ts";
import { speak } from "../log.ts";
import { startSimulator } from "../simulator/server.ts";
import { stopSignal } from "./context.ts";

interface SimulateOptions {
  readonly port: number;
  readonly seed: number;
  readonly faults: string;
  /** MB. */
  readonly cache: number;
  readonly now?: number;
  readonly quiet: boolean;
}

/** `simulate`: serves the simulated relays until it is stopped. */
export async function simulate(options: SimulateOptions): Promise<number> {
  const { faults } = options;
  if (faults !== "none" && faults !== "mild" && faults !== "harsh") {
    throw new UserError("--faults: none, mild or harsh", { exitCode: 2 });
  }
  const clock = options.now === undefined ? systemClock : fixedDateClock(options.now * 1000);
  const stop = stopSignal((line) => (options.quiet ? undefined : speak("INFO", line)));
  const simulator = await startSimulator({
    seed: options.seed,
    faults,
    clock,
    port: options.port,
    cacheBytes: options.cache * 1e6,
    record: false,
  });
  if (!options.quiet) {
    process.stdout.write(
      `${simulator.relays.length} simulated relays of seed ${options.seed}, faults ${faults}:\n`,
    );
    for (const { name, dialect, state, url } of simulator.relays) {
      process.stdout.write(`  ${name.padEnd(18)} ${dialect.padEnd(10)} ${state.padEnd(7)} ${url}\n`);
    }
    process.stdout.write(
      `e.g. ${simulator.relays[0]?.url}/relay/v1/data/bidtraces/proposer_payload_delivered?limit=1\nstop: Ctrl-C\n`,
    );
  }
  await new Promise<void>((resolve) => stop.addEventListener("abort", () => resolve(), { once: true }));
  await simulator.close();
  return 0;
}
