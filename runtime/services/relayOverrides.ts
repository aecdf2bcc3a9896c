import { findNetwork } from "../chain/networks.ts";
import { printable } from "../errors.ts";
import { isPrivateHost } from "../relay/connection.ts";
import { directoryOf } from "../relay/directory.ts";
import type { Relay } from "../relay/relay.ts";
import { simulatedRelays } from "../simulator/directory.ts";

/** What a deployment changes of one relay of the directory. */
export interface RelayOverride {
  /** Another address of the same relay, without credentials. */
  readonly url?: string;
  /** Requests a second that it may be asked, at most, by all services together. */
  readonly requests_per_second?: number;
  /** True: isn't asked; what was collected of it stays. */
  readonly off?: boolean;
}

export type RelayOverrides = Readonly<Record<string, RelayOverride>>;

const FASTEST = 1000;

/** What is wrong with overrides, one line a fault. No line repeats a URL: it may hold credentials. */
export function relayFaults(network: string, overrides: RelayOverrides): string[] {
  const directory = directoryFor(network);
  const faults: string[] = [];
  for (const [name, override] of Object.entries(overrides)) {
    const known = directory.find((relay) => relay.name === name);
    const at = `ETL_RELAYS: ${printable(name, 60)}`;
    if (!known) {
      faults.push(
        `${at}: no relay of ${network}; known are ${directory.map((relay) => relay.name).join(", ")}`,
      );
      continue;
    }
    const { url, requests_per_second: rate } = override;
    if (rate !== undefined && !(rate > 0 && rate <= FASTEST))
      faults.push(`${at}: requests_per_second must be above 0, at most ${FASTEST}`);
    const urlFault = url === undefined ? undefined : faultOfUrl(url, isSimulated(network));
    if (urlFault !== undefined) faults.push(`${at}: its url ${urlFault}`);
  }
  if (isSimulated(network)) {
    const nowhere = directory.filter(
      ({ name, state }) => state === "active" && overrides[name]?.url === undefined && !overrides[name]?.off,
    );
    if (nowhere.length > 0) {
      const names = nowhere.map(({ name }) => name).join(", ");
      faults.push(
        `ETL_RELAYS: simulated relays have no address of their own; give ${names} a url, or off: true`,
      );
    }
  }
  return faults;
}

/** The network's directory with the overrides in it: ended and silenced relays too, since what they left is shown. */
export function overriddenRelays(network: string, overrides: RelayOverrides): readonly Relay[] {
  return directoryFor(network).map((relay) => {
    const { url, requests_per_second: rate, off } = overrides[relay.name] ?? {};
    return {
      ...relay,
      ...(url === undefined ? {} : { url: url.replace(/\/+$/, "") }),
      ...(rate === undefined ? {} : { requestsPerSecond: rate }),
      ...(off === true ? { state: "off" as const } : {}),
    };
  });
}

/** The number at the end of a simulated network's name. */
function seedOf(network: string): number {
  return Number(network.slice("simulated-".length));
}

function isSimulated(network: string): boolean {
  return network.startsWith("simulated-");
}

function directoryFor(network: string): readonly Relay[] {
  return isSimulated(network) ? simulatedRelays(seedOf(network)) : directoryOf(network);
}

/** The network of the settings' name. */
export function networkOf(name: string) {
  return isSimulated(name) ? findNetwork("simulated", seedOf(name)) : findNetwork(name, 0);
}

function faultOfUrl(text: string, simulated: boolean): string | undefined {
  if (!URL.canParse(text)) return "is not a URL; write https://host[/path]";
  const url = new URL(text);
  if (url.username !== "" || url.password !== "") return "holds credentials; relays' Data APIs need none";
  if (url.search !== "" || url.hash !== "") return 'must end before any "?" or "#"';
  if (url.pathname.includes("/relay/v1/")) return "must end before /relay/v1/";
  const local = isPrivateHost(url) || url.hostname === "localhost";
  if (simulated) {
    if (!local) return "must be on this machine: the network is simulated";
    return url.protocol === "http:" || url.protocol === "https:" ? undefined : "must be http or https";
  }
  if (url.protocol !== "https:") return "must be https";
  return local ? "is an address of this machine or a private network" : undefined;
}
