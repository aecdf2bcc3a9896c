import { isIPv6 } from "node:net";
import { InvalidArgumentError } from "commander";

/** An address to listen on. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** Reads `--listen`: HOST:PORT, [IPV6]:PORT, or a port of this machine alone. */
export function parseListen(text: string): ListenAddress {
  const [, bracketed, host = "127.0.0.1", digits] =
    /^(?:(?:\[([\da-fA-F:.]+)\]|([\w.-]+)):)?(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits ?? Number.NaN);
  if (!(port <= 65_535) || (bracketed !== undefined && !isIPv6(bracketed)))
    throw new InvalidArgumentError("Give HOST:PORT, [IPV6]:PORT, or a port, which is 127.0.0.1's.");
  return { host: bracketed ?? host, port };
}
