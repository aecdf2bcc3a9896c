import { isPrivateHost } from "./addresses.ts";
import type { Relay } from "./relay.ts";

/** For a relay of the user's own network, where no other figure is given, requests a second. */
const PRIVATE_RATE = 50;

/**
 * How fast a relay is asked, requests a second: never more than `rate`, and `startRate` to begin with (see Pace). That is the
 * directory's figure, from which a higher limit is probed for; but a relay that was given by hand at a private address is the
 * user's own, and begins at the limit.
 */
export function ratesOf(
  relay: Pick<Relay, "url" | "requestsPerSecond">,
  givenByHand: boolean,
  limit?: number,
): { rate: number; startRate: number } {
  const known = givenByHand && isNear(relay.url) ? (limit ?? PRIVATE_RATE) : relay.requestsPerSecond;
  const rate = limit ?? known;
  return { rate, startRate: Math.min(rate, known) };
}

/** An address of this machine or a private network, or a name that only those know: one without a dot. */
function isNear(text: string): boolean {
  const url = new URL(text);
  return isPrivateHost(url) || /^[^.:]+$/.test(url.hostname);
}
