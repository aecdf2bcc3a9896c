import { codeOf, messageOf } from "../../errors.ts";
import { proxyName, proxyOf } from "../../proxy.ts";
import type { FaultMaker } from "./body.ts";
import { FORBIDDEN_ADDRESS, PROXY_REFUSES } from "./connection.ts";
import type { RelayError } from "./errors.ts";

const UNREACHABLE: ReadonlySet<string> = new Set([
  "ENOTFOUND",
  "EAI_AGAIN",
  "EAI_FAIL",
  "EAI_NODATA",
  "ECONNREFUSED",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "EADDRNOTAVAIL",
  "ETIMEDOUT",
  "EPROTO",
]);
const RESETS: ReadonlySet<string> = new Set([
  "ECONNRESET",
  "ECONNABORTED",
  "EPIPE",
  "ERR_STREAM_PREMATURE_CLOSE",
]);

/**
 * Names what the network did to a request. Anything it can't be is an error of this program, and thrown as it is.
 */
export function networkFault(address: string, error: unknown, fault: FaultMaker): RelayError {
  const url = new URL(address);
  const code = codeOf(error) ?? "";
  const details = { cause: error };
  if (code === FORBIDDEN_ADDRESS) {
    const { hostname } = url;
    return fault("forbidden-address", `${hostname} leads to an address that is not public`, details);
  }
  const proxy = proxyOf(url);
  const why = proxy ? `${code}, through the proxy ${proxyName(proxy)}` : code;
  if (code === PROXY_REFUSES) {
    const { 1: told } = /(the proxy .*)$/.exec(messageOf(error)) ?? [];
    return fault("unreachable", `can't be reached: ${told}`, details);
  }
  if (UNREACHABLE.has(code)) return fault("unreachable", `can't be reached (${why})`, details);
  if (RESETS.has(code)) return fault("reset", `the connection broke (${why})`, details);
  if (code.startsWith("HPE_")) return fault("malformed", `not HTTP (${code})`, details);
  // What TLS refuses has many codes: CERT_HAS_EXPIRED, ERR_TLS_…, UNABLE_TO_VERIFY_LEAF_SIGNATURE, ERR_SSL_…
  if (/CERT|TLS|SSL|UNABLE_TO/.test(code)) {
    return fault("unreachable", `no trusted connection (${why})`, details);
  }
  if (error instanceof Error && error.name === "FetchError") {
    return fault("reset", `the connection failed (${code || messageOf(error)})`, details);
  }
  throw error;
}
