import { UserError, printable, withoutUsers } from "../errors.ts";
import type { ChosenRelay } from "../relays/directory.ts";
import { type RelayHeaders, headerNameFault, headerValue } from "../relays/headers.ts";
import { PAYLOAD_LIMITS } from "../relays/relay.ts";

type Chosen = readonly Pick<ChosenRelay, "relay" | "headers">[];

/** Page limits by relay, from `--relay-limit NAME=N`. Throws UserError (exit 2) that says what to write. */
export function limitsOf(specs: readonly string[], chosen: Chosen): ReadonlyMap<string, number> {
  const limits = new Map<string, number>();
  const { least, most } = PAYLOAD_LIMITS;
  for (const spec of specs) {
    const [, name = "", number = ""] = /^([^=]*)=(\d{1,4})$/.exec(spec) ?? [];
    const limit = Number(number);
    if (!(limit >= least && limit <= most))
      throw badUsage(
        `--relay-limit ${printable(withoutUsers(spec), 60)}: write NAME=N, N from ${least} to ${most}`,
      );
    const relay = named(`--relay-limit`, name, chosen);
    if (limits.has(relay.name)) throw badUsage(`--relay-limit ${relay.name} is given twice: give one limit`);
    limits.set(relay.name, limit);
  }
  return limits;
}

/**
 * What each relay's client is to send: what its URL said, and `--relay-header NAME: Header: ENVVAR`. Throws UserError (exit 2)
 * that says what to write; no message repeats a value, nor what may be one in the wrong place.
 */
export function headersOf(
  specs: readonly string[],
  chosen: Chosen,
  env: Readonly<Record<string, string | undefined>>,
): ReadonlyMap<string, RelayHeaders> {
  const fromUrls = chosen.filter(({ headers }) => Object.keys(headers).length > 0);
  const all = new Map(fromUrls.map(({ relay, headers }) => [relay.name, headers]));
  for (const spec of specs) {
    const [name = "", header = "", variable, ...more] = spec.split(":").map((part) => part.trim());
    if (variable === undefined || more.length > 0 || !/^[A-Za-z_]\w*$/.test(variable))
      throw badUsage(
        "--relay-header: write 'NAME: Header: ENVVAR', ENVVAR being the environment variable that holds the header's value",
      );
    const relay = named("--relay-header", name, chosen);
    const at = `--relay-header ${relay.name}: ${printable(header, 60)}`;
    const fault = headerNameFault(header);
    if (fault !== undefined) throw badUsage(`${at} ${fault}`);
    const written = env[variable] ?? "";
    if (written.trim() === "")
      throw badUsage(`${at}: the environment variable that it names isn't set or is empty; export it first`);
    const value = headerValue(written);
    if (value === undefined)
      throw badUsage(
        `${at}: what the environment variable holds can't be sent: give printable ASCII, one line`,
      );
    const before = all.get(relay.name) ?? {};
    if (Object.hasOwn(before, header.toLowerCase()))
      throw badUsage(`${at} is given twice, here and before or in the relay's URL; leave one out`);
    all.set(relay.name, { ...before, [header.toLowerCase()]: value });
  }
  return all;
}

function named(option: string, name: string, chosen: Chosen): ChosenRelay["relay"] {
  const found = chosen.find(({ relay }) => relay.name === name);
  if (found) return found.relay;
  const names = chosen.map(({ relay }) => relay.name).join(", ");
  throw badUsage(`${option} ${printable(withoutUsers(name), 60)}: no such relay here; there are ${names}`);
}

function badUsage(message: string): UserError {
  return new UserError(message, { exitCode: 2 });
}
