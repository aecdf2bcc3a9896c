import type { Relay } from "../relay/relay.ts";
import { directoryOf, resolveRelays } from "../relay/directory.ts";
import type { Context } from "./context.ts";
import type { CommonOptions } from "./options.ts";

/** The relays that `--relay` names, or all of the network's directory, without anything being started or asked. */
export async function knownRelays(options: CommonOptions, context: Context): Promise<readonly Relay[]> {
  return (await resolved(options, context)).map(({ relay }) => relay);
}

/** A relay and whether its URL came from the command line, and may thus lead to this machine. */
export interface ChosenRelay {
  readonly relay: Relay;
  readonly allowPrivate: boolean;
}

/** The chosen relays; `base` is where the simulated ones are served. Warns of URLs that a directory would refuse. */
export async function resolved(
  options: CommonOptions,
  context: Context,
  base?: string,
): Promise<readonly ChosenRelay[]> {
  const { network, say } = context;
  const directory = network.simulated
    ? await simulatedDirectory(options.seed, base)
    : directoryOf(network.name);
  const { relays, warnings } = resolveRelays(directory, options.relay);
  if (!options.quiet) for (const warning of warnings) say(warning);
  return relays.map(({ relay, fromCommandLine }) => ({
    relay,
    allowPrivate: fromCommandLine || network.simulated,
  }));
}

async function simulatedDirectory(seed: number, base: string | undefined): Promise<readonly Relay[]> {
  const { simulatedRelays, withBase } = await import("../simulator/directory.ts");
  return base === undefined ? simulatedRelays(seed) : withBase(simulatedRelays(seed), base);
}
