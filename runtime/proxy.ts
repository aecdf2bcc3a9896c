import { isIP } from "node:net";
import { getProxyForUrl } from "proxy-from-env";
import { redacted } from "./credentials.ts";
import { UserError, printable } from "./errors.ts";

/**
 * The proxy by which a URL is asked: HTTPS_PROXY or HTTP_PROXY by its scheme, else ALL_PROXY, unless NO_PROXY names its host; all
 * in either case. Undefined where it is asked directly, as this machine itself always is. Throws UserError (exit 2) for what is
 * no http or https proxy.
 */
export function proxyOf(url: URL): URL | undefined {
  if (isThisMachine(url)) return undefined;
  const text = getProxyForUrl(url);
  if (text === "") return undefined;
  if (URL.canParse(text) && /^https?:\/\/[^/]/.test(text)) return new URL(text);
  const what = printable(redacted(text));
  const variable = `${url.protocol.slice(0, -1).toUpperCase()}_PROXY or ALL_PROXY`;
  throw new UserError(
    `${variable}: ${what} is no proxy that can be used; give http://HOST:PORT, or name ${url.host} in NO_PROXY`,
    { exitCode: 2 },
  );
}

/** A proxy's URL for messages, without credentials. */
export function proxyName(proxy: URL): string {
  return redacted(proxy.origin);
}

/** True for localhost and loopback addresses: what they mean differs on the proxy. */
export function isThisMachine({ hostname }: URL): boolean {
  const host = hostname.replace(/^\[|\]$/g, "");
  return /(?:^|\.)localhost$/.test(host) || host === "::1" || (isIP(host) === 4 && host.startsWith("127."));
}
