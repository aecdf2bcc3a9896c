import * as t from "io-ts";
import { isPrivateHost } from "../relays/addresses.ts";
import { findNetwork } from "../chain/networks.ts";
import { printable } from "../errors.ts";
import { askedAgain, directoryOf, unknownRelay } from "../relays/directory.ts";
import { headerNameFault } from "../relays/headers.ts";
import { PAYLOAD_LIMITS, RELAY_NAME, type Relay } from "../relays/relay.ts";
import { relayOf } from "../relays/described.ts";
import { simulatedDirectory } from "../relays/simulatedRelays.ts";
import { type Format, fields, json } from "./formats.ts";

/** What a deployment changes of one relay of the directory, or says of one that the directory doesn't know. */
const overrideType = fields(
  {},
  {
    /** Another address of the same relay, or where a new one is; without credentials. */
    url: t.string,
    /** Requests a second that it may be asked, at most, by all services together. */
    requests_per_second: t.number,
    /** Rows in a full page of payloads. */
    payload_limit: t.number,
    /** True: isn't asked; what was collected of it stays. */
    off: t.boolean,
    /** True: the url may be http, and lead to this machine or a private network. */
    private: t.boolean,
    /** Headers that it is sent: name to the version of a secret in Secret Manager that holds the value. */
    headers: t.readonly(t.record(t.string, t.string)),
  },
);
export type RelayOverride = Readonly<t.TypeOf<typeof overrideType>>;

/** Overrides by relay's name. */
export type RelayOverrides = Readonly<Record<string, RelayOverride>>;

/** Overrides as settings and config carry them. */
export const relayOverrides: Format<RelayOverrides> = json<RelayOverrides>(
  "a JSON object, relay's name to {url, requests_per_second, payload_limit, off, private, headers}, or some of these",
  t.record(t.string, overrideType),
);

/** The highest rate that may be set for a relay, requests a second. */
export const FASTEST = 1000;
const SECRET_VERSION =
  /^projects\/([a-z0-9][a-z0-9.:-]{0,61}[a-z0-9])\/secrets\/([\w-]{1,255})\/versions\/(?:[1-9]\d{0,8}|latest)$/;

/** What is wrong with overrides, a line `relay: fault` each. No line repeats a URL or a header: they may hold credentials. */
export function relayFaults(network: string, overrides: RelayOverrides): string[] {
  const directory = directoryFor(network);
  const faults: string[] = [];
  for (const [name, override] of Object.entries(overrides)) {
    const isKnown = directory.some((relay) => relay.name === name);
    const said = isKnown ? faultsOf(override, network) : faultsOfNew(name, override, network, directory);
    faults.push(...said.map((fault) => `${printable(name, 60)}: ${fault}`));
  }
  if (faults.length === 0) faults.push(...twins(overriddenRelays(network, overrides)));
  if (isSimulated(network)) {
    const nowhere = directory.filter(
      ({ name, state }) => state === "active" && overrides[name]?.url === undefined && !overrides[name]?.off,
    );
    if (nowhere.length > 0) {
      const names = nowhere.map(({ name }) => name).join(", ");
      faults.push(`simulated relays have no address of their own; give ${names} a url, or off: true`);
    }
  }
  return faults;
}

function faultsOfNew(
  name: string,
  override: RelayOverride,
  network: string,
  directory: readonly Relay[],
): string[] {
  if (!RELAY_NAME.test(name)) return ['a name is 1 to 40 of a-z, 0-9 and "-", the first no "-"'];
  if (override.url !== undefined) return faultsOf(override, network);
  const known = directory.map((relay) => relay.name).join(", ");
  return [`no relay of ${network}; known are ${known}; give another one its url`];
}

function faultsOf(override: RelayOverride, network: string): string[] {
  const { url, requests_per_second: rate, payload_limit: limit, headers = {} } = override;
  const faults: string[] = [];
  if (rate !== undefined && !(rate > 0 && rate <= FASTEST))
    faults.push(`requests_per_second must be above 0, at most ${FASTEST}`);
  const { least, most } = PAYLOAD_LIMITS;
  if (limit !== undefined && !(Number.isInteger(limit) && limit >= least && limit <= most))
    faults.push(`payload_limit must be a whole number from ${least} to ${most}`);
  const urlFault = url === undefined ? undefined : faultOfUrl(url, isSimulated(network), override.private);
  if (urlFault !== undefined) faults.push(`its url ${urlFault}`);
  if (override.private === true && url === undefined)
    faults.push("private is said of a url that is given here; give the url, or leave private out");
  const names = Object.keys(headers).map((name) => name.toLowerCase());
  for (const [name, reference] of Object.entries(headers)) {
    const nameFault = headerNameFault(name);
    if (nameFault !== undefined) faults.push(`a header of it ${nameFault}`);
    else if (!SECRET_VERSION.test(reference))
      faults.push(
        `its header ${name} must be a secret's version, projects/PROJECT/secrets/SECRET/versions/NUMBER, and never the value itself`,
      );
  }
  if (new Set(names).size < names.length) faults.push("a header of it is given twice; leave one out");
  return faults;
}

/** Two names for one endpoint: its data would count twice. */
function twins(relays: readonly Relay[]): string[] {
  const asked = relays.filter(({ state }) => state === "active");
  return asked.flatMap(({ name, url }, index) => {
    const same = asked.slice(0, index).find((other) => other.url === url);
    return same ? [`${name}: its url is ${same.name}'s too; ask one endpoint under one name`] : [];
  });
}

/** A header that a relay is sent, and the secret that holds its value. */
export interface HeaderSource {
  readonly relay: string;
  /** In lower case. */
  readonly header: string;
  /** Id or number of the project, and name of the secret: what grants are given on. */
  readonly project: string;
  readonly secret: string;
  /** `projects/PROJECT/secrets/SECRET/versions/VERSION` */
  readonly version: string;
}

/** The relays that are asked: all active ones, or those of them that are named. */
export function askedRelays(
  network: string,
  overrides: RelayOverrides,
  named: readonly string[] = [],
): readonly Relay[] {
  return overriddenRelays(network, overrides).filter(
    ({ name, state }) => state === "active" && (named.length === 0 || named.includes(name)),
  );
}

/** The headers of the relays that are asked. */
export function headerSources(
  ...[network, overrides, named]: Parameters<typeof askedRelays>
): readonly HeaderSource[] {
  return askedRelays(network, overrides, named).flatMap(({ name: relay }) =>
    Object.entries(overrides[relay]?.headers ?? {}).map(([header, version]) => {
      const [, project = "", secret = ""] = SECRET_VERSION.exec(version) ?? [];
      return { relay, header: header.toLowerCase(), project, secret, version };
    }),
  );
}

/**
 * The network's directory with the overrides in it, and behind it the relays that it doesn't know: ended and silenced ones
 * too, since what they left is shown.
 */
export function overriddenRelays(network: string, overrides: RelayOverrides): readonly Relay[] {
  const directory = directoryFor(network);
  const others = Object.entries(overrides)
    .filter(([name]) => !directory.some((relay) => relay.name === name))
    .map(([name, { url = "" }]) => unknownRelay(name, url));
  return [...directory, ...others].map((relay) => {
    const { url, requests_per_second: rate, payload_limit: limit, off } = overrides[relay.name] ?? {};
    return {
      ...(url === undefined ? relay : { ...askedAgain(relay), url: url.replace(/\/+$/, "") }),
      ...(rate === undefined ? {} : { requestsPerSecond: rate }),
      ...(limit === undefined ? {} : { payloadLimit: limit }),
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
  return isSimulated(network) ? simulatedDirectory.map(relayOf) : directoryOf(network);
}

/** The network that a setting names, `simulated-SEED` included; undefined where there is none of that name. */
export function networkNamed(name: string) {
  return isSimulated(name) ? findNetwork("simulated", seedOf(name)) : findNetwork(name, 0);
}

function faultOfUrl(text: string, simulated: boolean, isPrivate = false): string | undefined {
  if (!URL.canParse(text)) return "is not a URL; write https://host[/path]";
  const url = new URL(text);
  if (url.username !== "" || url.password !== "") return "holds credentials; give them as a header";
  if (url.search !== "" || url.hash !== "") return 'must end before any "?" or "#"';
  if (url.pathname.includes("/relay/v1/")) return "must end before /relay/v1/";
  const local = isPrivateHost(url) || url.hostname === "localhost";
  if (simulated) {
    if (!local) return "must be on this machine: the network is simulated";
    return url.protocol === "http:" || url.protocol === "https:" ? undefined : "must be http or https";
  }
  if (isPrivate && url.protocol === "http:") return undefined;
  if (url.protocol !== "https:") return isPrivate ? "must be http or https" : "must be https";
  return local && !isPrivate
    ? "is an address of this machine or a private network; where that is meant, say private: true"
    : undefined;
}
