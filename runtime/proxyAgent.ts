import { HttpProxyAgent } from "http-proxy-agent";
import { HttpsProxyAgent } from "https-proxy-agent";
import { proxyOf } from "../proxy.ts";

/** The environment's proxy for a node (see proxyOf). */
export function agentOf(url: URL): HttpsProxyAgent<string> | HttpProxyAgent<string> | undefined {
  const proxy = proxyOf(url)?.href;
  if (proxy === undefined) return undefined;
  return url.protocol === "https:" ? new HttpsProxyAgent(proxy) : new HttpProxyAgent(proxy);
}
