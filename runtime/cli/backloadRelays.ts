import { UserError, printable } from "../errors.ts";
import type { ShardNumber } from "../backload/shard.ts";
import type { Order } from "../chain/slots.ts";
import type { Context } from "./context.ts";
import type { CommonOptions } from "./options.ts";
import { type ReachedRelay, resolved } from "./relays.ts";

/** What `backload` is given. */
export type BackloadCommandOptions = CommonOptions & {
  readonly shard?: ShardNumber;
  readonly workers?: number;
  readonly order: Order;
  readonly dryRun: boolean;
  /** Seconds. */
  readonly timeLimit?: number;
  /** Where `simulate` serves the simulated relays. */
  readonly simulator?: string;
  /** This worker's part of the rate, 0–1: set by `--workers` for its processes. */
  readonly share: number;
};

/** The chosen relays; simulated ones are served by this process, unless they are served elsewhere. */
export async function startRelays(
  options: BackloadCommandOptions,
  context: Context,
): Promise<{ chosen: readonly ReachedRelay[]; base: string | undefined; close(): Promise<void> }> {
  if (!context.network.simulated) {
    if (options.simulator !== undefined)
      throw new UserError("--simulator: only the simulated network has relays there", { exitCode: 2 });
    return { chosen: await resolved(options, context), base: undefined, close: async () => {} };
  }
  if (options.simulator !== undefined) {
    const base = simulatorUrl(options.simulator);
    return { chosen: await resolved(options, context, base), base, close: async () => {} };
  }
  const { startSimulator } = await import("../simulator/server.ts");
  const { seed, faults } = options;
  const simulator = await startSimulator({ seed, faults, clock: context.clock, record: false });
  const chosen = await resolved(options, context, simulator.url);
  return { chosen, base: simulator.url, close: () => simulator.close() };
}

function simulatorUrl(text: string): string {
  if (URL.canParse(text)) {
    const url = new URL(text);
    if (url.protocol === "http:" && url.pathname === "/" && url.search === "") return url.origin;
  }
  throw new UserError(
    `--simulator ${printable(text, 100)}: give the address that simulate prints, http://HOST:PORT`,
    {
      exitCode: 2,
    },
  );
}
