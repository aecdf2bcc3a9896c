import { printable } from "../errors.ts";
import type { Log } from "../log.ts";
import { proxyName, proxyOf } from "../proxy.ts";
import type { Tally } from "../collect/tally.ts";
import type { RelayClient } from "../relays/http/client.ts";
import type { RelayError } from "../relays/http/errors.ts";

type Clients = ReadonlyMap<string, RelayClient>;

/**
 * One sentence for a person where several relays were asked and none of them sent anything, with the likely causes and the
 * next step; undefined otherwise. A single relay that doesn't answer says more by its own fault.
 */
export function offlineSentence(tallies: readonly Tally[], clients: Clients): string | undefined {
  const asked = tallies.filter(({ relay }) => (clients.get(relay)?.counters.requests ?? 0) > 0);
  const sentence = offlineText(
    asked.map(({ relay }) => clients.get(relay)?.downWhy),
    clients,
  );
  return sentence && `${sentence}, and run again: what is missing will be asked for`;
}

/** What to say, and to do first, where each of several relays failed without having sent anything; undefined otherwise. */
export function offlineText(
  faults: readonly (RelayError | undefined)[],
  clients: Clients,
): string | undefined {
  const [first] = faults;
  if (!first || faults.length < 2 || isAnswered(clients)) return undefined;
  // A status is an answer, if not one that is of use.
  if (faults.some((fault) => fault === undefined || fault.status !== undefined)) return undefined;
  const none = `none of the ${faults.length} relays answered (${first.relay}: ${printable(first.what, 100)})`;
  const url = new URL(first.url);
  const proxy = proxyOf(url);
  if (proxy)
    return (
      `${none}: the proxy ${proxyName(proxy)} may be down, or let nobody through to them; see whether ${url.origin} opens ` +
      "through it, correct HTTPS_PROXY or take it away"
    );
  return (
    `${none}: this machine may be offline, or reach the internet only through a proxy; see whether it opens ` +
    `${url.origin}, set HTTPS_PROXY where there is a proxy`
  );
}

function isAnswered(clients: Clients): boolean {
  return [...clients.values()].some(({ counters }) => counters.bytes > 0);
}

/** Warnings that are held back at most. */
const MOST_HELD = 1000;

/** A log whose warnings wait until it is clear that somebody answers. */
export interface PatientLog {
  readonly log: Log;
  /** All have been asked. Where nobody answered, what is said of each relay replaces the warnings: they are details then. */
  end(): void;
}

/** Holds warnings of slots back until a relay has sent something: where none does, each slot would bear the same one. */
export function patientLog(log: Log, clients: Clients): PatientLog {
  const held: (readonly [object, string])[] = [];
  const release = () => {
    for (const [fields, message] of held.splice(0)) log.warn(fields, message);
  };
  return {
    log: {
      debug: (fields, message) => log.debug(fields, message),
      info: (fields, message) => log.info(fields, message),
      error: (fields, message) => log.error(fields, message),
      warn(fields, message) {
        held.push([fields, message]);
        if (held.length >= MOST_HELD || isAnswered(clients)) release();
      },
    },
    end() {
      if (!isAnswered(clients)) for (const [fields, message] of held.splice(0)) log.debug(fields, message);
      else release();
    },
  };
}
