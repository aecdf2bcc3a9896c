import { isPrivateHost } from "./addresses.ts";
import { PUBLIC_KEY, splitCredentials } from "../credentials.ts";
import { UserError, printable, withoutUsers } from "../errors.ts";
import { type Described, relayOf } from "./described.ts";
import { mainnetRelays } from "./mainnetRelays.ts";
import type { RelayHeaders } from "./headers.ts";
import { RELAY_NAME, type Relay } from "./relay.ts";
import { hoodiRelays, sepoliaRelays } from "./testnetRelays.ts";

const directories: ReadonlyMap<string, readonly Described[]> = new Map([
  ["mainnet", mainnetRelays],
  ["hoodi", hoodiRelays],
  ["sepolia", sepoliaRelays],
]);

/** All relays known of a named network, ended ones included; none for a network without a directory. */
export function directoryOf(networkName: string): readonly Relay[] {
  return (directories.get(networkName) ?? []).map(relayOf);
}

/** A relay that was chosen, and whether its URL came from the command line: only such a one may lead to a private host. */
export interface ChosenRelay {
  readonly relay: Relay;
  readonly fromCommandLine: boolean;
  /** What goes to its client alone: the user and password of its URL. */
  readonly headers: RelayHeaders;
}

/** What the bloXroute dialect, the strictest, takes: right for a relay of which nothing is known. */
const UNKNOWN_PAYLOAD_LIMIT = 100;

/** A relay that no directory knows: of the Flashbots dialect, asked for small pages. */
export function unknownRelay(name: string, url: string, pubkey: string | null = null): Relay {
  return relayOf({ name, url, pubkey, filtering: null, payloadLimit: UNKNOWN_PAYLOAD_LIMIT });
}

/**
 * The relays that `--relay NAME` and `--relay NAME=URL` name, or the whole directory when there are none. A known name with a
 * URL is that relay at that endpoint; an unknown one a new relay. A URL's user and password become a header, and no message
 * repeats them. `warnings` are lines for the person. Throws UserError (exit 2) for a name that isn't one or isn't known, a URL that can't be asked, and duplicates.
 */
export function resolveRelays(
  directory: readonly Relay[],
  specs: readonly string[],
): { relays: ChosenRelay[]; warnings: string[] } {
  if (specs.length === 0) {
    return {
      relays: directory.map((relay) => ({ relay, fromCommandLine: false, headers: {} })),
      warnings: [],
    };
  }
  const relays: ChosenRelay[] = [];
  const warnings: string[] = [];
  for (const spec of specs) {
    const chosen = chosenBy(spec, directory);
    const { relay } = chosen;
    if (relays.some((other) => other.relay.name === relay.name)) {
      throw badUsage(`--relay ${relay.name} is given twice: name each relay once`);
    }
    const same = relays.find((other) => other.relay.url === relay.url);
    if (same) {
      throw badUsage(
        `--relay ${same.relay.name} and --relay ${relay.name} are the same endpoint: name it once, or its data counts twice`,
      );
    }
    relays.push(chosen);
    warnings.push(...warningsOf(chosen, directory));
  }
  return { relays, warnings };
}

function chosenBy(spec: string, directory: readonly Relay[]): ChosenRelay {
  const at = spec.indexOf("=");
  const name = at === -1 ? spec : spec.slice(0, at);
  if (!RELAY_NAME.test(name)) {
    throw badUsage(
      `--relay ${printable(withoutUsers(spec))}: a relay's name is 1 to 40 of a-z, 0-9 and "-", and doesn't begin with "-"`,
    );
  }
  const known = directory.find((relay) => relay.name === name);
  if (at === -1) {
    if (known) return { relay: known, fromCommandLine: false, headers: {} };
    const names = directory.map((relay) => relay.name).join(", ");
    throw badUsage(
      `--relay ${name}: no such relay; known are ${names || "none"}. For another one give --relay ${name}=URL`,
    );
  }
  const { url, pubkey, headers } = endpointOf(name, spec.slice(at + 1));
  // Whoever names an endpoint wants it asked, for all slots, whatever became of the one in the directory.
  const relay: Relay = known
    ? { ...askedAgain(known), url, state: "active", aliasOf: null, pubkey: pubkey ?? known.pubkey }
    : unknownRelay(name, url, pubkey);
  return { relay, fromCommandLine: true, headers };
}

/**
 * The Data API's origin and path prefix, without credentials, which become a header; `https://<key>@host`, as relay lists
 * write it, tells the key.
 */
function endpointOf(
  name: string,
  text: string,
): Pick<Relay, "url" | "pubkey"> & Pick<ChosenRelay, "headers"> {
  const option = `--relay ${name}=…`;
  if (!URL.canParse(text)) {
    const said = printable(withoutUsers(text)) || "nothing";
    throw badUsage(`${option}: ${said} is not a URL; write https://host[/path]`);
  }
  const url = new URL(text);
  if (url.protocol !== "https:" && url.protocol !== "http:") {
    throw badUsage(`${option}: relays are asked by https or http; write https://host[/path]`);
  }
  if (url.search !== "" || url.hash !== "") {
    throw badUsage(
      `${option}: leave out everything from "?" or "#": slots and cursors are added by each request`,
    );
  }
  if (url.pathname.includes("/relay/v1/")) {
    throw badUsage(`${option}: end the URL before /relay/v1/: that part is added by each request`);
  }
  const pubkey = PUBLIC_KEY.test(url.username) ? url.username.toLowerCase() : null;
  return {
    url: `${url.origin}${url.pathname.replace(/\/+$/, "")}`,
    pubkey,
    headers: credentials(url, option),
  };
}

/** A relay that has ended as one that is asked for all slots, since somebody says where. */
export function askedAgain(relay: Relay): Relay {
  return relay.state === "ended" ? { ...relay, state: "active", hasEnded: true, activeTo: null } : relay;
}

/** Refuses a "%" that begins no escape: nobody could tell what was meant. */
function credentials(url: URL, option: string): RelayHeaders {
  try {
    decodeURIComponent(url.username + url.password);
  } catch (error) {
    if (!(error instanceof URIError)) throw error;
    throw badUsage(`${option}: user or password has a "%" that begins no escape; write it as %25`);
  }
  return splitCredentials(url.href).headers;
}

function warningsOf({ relay, fromCommandLine }: ChosenRelay, directory: readonly Relay[]): string[] {
  if (!fromCommandLine) {
    if (relay.state === "active") return [];
    const why = relay.aliasOf === null ? `is ${relay.state}` : `only repeats ${relay.aliasOf}`;
    return [`relay ${relay.name} ${why}: it isn't asked, only what was collected of it is shown`];
  }
  const url = new URL(relay.url);
  const doubts: string[] = [];
  if (url.protocol === "http:") doubts.push("plain http");
  if (isPrivateHost(url) || url.hostname === "localhost") doubts.push("a private address");
  const warnings: string[] = [];
  if (doubts.length > 0) {
    warnings.push(
      `relay ${relay.name}: ${relay.url} is ${doubts.join(" and ")}; it is asked because it was given by hand`,
    );
  }
  const twin = directory.find((other) => other.url === relay.url && other.name !== relay.name);
  if (twin) {
    warnings.push(
      `relay ${relay.name}: the directory knows ${relay.url} as ${twin.name}; its data is kept apart`,
    );
  }
  return warnings;
}

function badUsage(message: string): UserError {
  return new UserError(message, { exitCode: 2 });
}
