import { HttpProxyAgent } from "http-proxy-agent";
import { HttpsProxyAgent } from "https-proxy-agent";
import { proxyOf } from "./proxy.ts";

/** What a request goes through where the environment names a proxy for its URL (see proxyOf); undefined where it goes directly. */
export function agentOf(url: URL): HttpsProxyAgent<string> | HttpProxyAgent<string> | undefined {
  const proxy = proxyOf(url)?.href;
  if (proxy === undefined) return undefined;
  return url.protocol === "https:" ? new HttpsProxyAgent(proxy) : new HttpProxyAgent(proxy);
}
