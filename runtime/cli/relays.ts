import { isPrivateHost } from "../relays/addresses.ts";
import { withUnlisted } from "../collect/coverageOfAll.ts";
import type { Lake } from "../lake/lake.ts";
import type { Relay } from "../relays/relay.ts";
import { directoryOf, resolveRelays } from "../relays/directory.ts";
import type { RelayHeaders } from "../relays/headers.ts";
import type { Context } from "./context.ts";
import type { CommonOptions } from "./options.ts";
import { headersOf, limitsOf } from "./relaySpecs.ts";

/**
 * The relays that `--relay` names, or all of the network's directory and those that only the lake knows (collected by
 * `--relay NAME=URL`), without anything being started or asked.
 */
export async function knownRelays(
  options: CommonOptions,
  context: Context,
  lake: Lake,
): Promise<readonly Relay[]> {
  const relays = (await resolved(options, context)).map(({ relay }) => relay);
  if (options.relay.length > 0) return relays;
  return withUnlisted(lake, relays);
}

/** A relay, whether its URL came from the command line, and may thus lead to this machine, and what its client alone is told. */
export interface ReachedRelay {
  readonly relay: Relay;
  readonly givenByHand: boolean;
  readonly allowPrivate: boolean;
  readonly headers: RelayHeaders;
}

/** The chosen relays; `base` is where the simulated ones are served. Warns of URLs that a directory would refuse. */
export async function resolved(
  options: CommonOptions,
  context: Context,
  base?: string,
): Promise<readonly ReachedRelay[]> {
  const { network, say } = context;
  const directory = network.simulated
    ? await simulatedDirectory(options.seed, base)
    : directoryOf(network.name);
  const { relays, warnings } = resolveRelays(directory, options.relay);
  if (!options.quiet) for (const warning of warnings) say(warning);
  const limits = limitsOf(options.relayLimit ?? [], relays);
  const headers = headersOf(options.relayHeader ?? [], relays, process.env);
  for (const { relay } of relays) {
    const isReadable = relay.url.startsWith("http:") && !isPrivateHost(new URL(relay.url));
    if (isReadable && headers.has(relay.name) && !options.quiet)
      say(
        `relay ${relay.name}: its credentials go over plain http, where others can read them; give an https URL`,
      );
  }
  return relays.map(({ relay, fromCommandLine }) => ({
    relay: { ...relay, payloadLimit: limits.get(relay.name) ?? relay.payloadLimit },
    givenByHand: fromCommandLine,
    allowPrivate: fromCommandLine || network.simulated,
    headers: headers.get(relay.name) ?? {},
  }));
}

async function simulatedDirectory(seed: number, base: string | undefined): Promise<readonly Relay[]> {
  const { simulatedRelays, withBase } = await import("../simulator/directory.ts");
  return base === undefined ? simulatedRelays(seed) : withBase(simulatedRelays(seed), base);
}
