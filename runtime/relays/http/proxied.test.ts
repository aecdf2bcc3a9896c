import { once } from "node:events";
import test, { type ExecutionContext } from "ava";
import { VirtualClock } from "../../chain/virtualClock.ts";
import { findNetwork } from "../../chain/networks.ts";
import { Connection } from "../../collect/connection.ts";
import { relayOf } from "../described.ts";
import { serveProxy, serveTls } from "./proxied.testing.ts";
import { clientOf, ok, relayFaultOf, serveAnswers, servedBids } from "./served.testing.ts";

const VARIABLES = ["HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY"];

/** The environment is the process's: these tests take turns with it. */
function setProxies(t: ExecutionContext, variables: Readonly<Record<string, string>>): void {
  const names = VARIABLES.flatMap((name) => [name, name.toLowerCase()]);
  const clear = () => names.forEach((name) => delete process.env[name]);
  clear();
  Object.assign(process.env, variables);
  t.teardown(clear);
}

// The relays' certificates here are of their own making.
process.env["NODE_TLS_REJECT_UNAUTHORIZED"] = "0";

const answered = '[{"slot":"7"}]';
const PATH = "/relay/v1/data/bidtraces/builder_blocks_received";

test.serial(
  "over https a relay is asked through HTTPS_PROXY by CONNECT, its name is looked up there, and its tunnel serves its next requests until it has idled",
  async (t) => {
    const port = await serveTls(t, (_, response) => void response.end(answered));
    const proxy = await serveProxy(t, port);
    setProxies(t, { HTTPS_PROXY: proxy.url.replace("//", "//some-user:some%20pass@") });
    // No resolver knows it.
    const client = clientOf(t, "https://relay.test/r", { allowPrivate: false });
    t.timeout(240_000);
    for (let slot = 1; slot <= 20; slot++) t.is(await servedBids(client, slot), answered);
    // A machine that stands still for longer than a tunnel may idle needs another.
    t.true(proxy.asked.length < 20);
    t.deepEqual([...new Set(proxy.asked)], ["CONNECT relay.test:443"]);
    t.is(proxy.authorizations[0], `Basic ${btoa("some-user:some pass")}`);
    for (const tunnel of proxy.tunnels) if (!tunnel.closed) await once(tunnel, "close");
    const before = proxy.asked.length;
    t.is(await servedBids(client, 21), answered);
    t.is(proxy.asked.length, before + 1);
  },
);

test.serial("over plain http a relay is asked through HTTP_PROXY in absolute form", async (t) => {
  const { url, asked } = await serveAnswers(t, ok(answered));
  const proxy = await serveProxy(t, Number(new URL(url).port));
  setProxies(t, { HTTP_PROXY: proxy.url, NO_PROXY: "elsewhere.test,.own.test" });
  const client = clientOf(t, "http://relay.test:8080/r");
  t.is(await servedBids(client, 7), answered);
  t.is(await servedBids(client, 8), answered);
  t.deepEqual(proxy.asked, [
    `GET http://relay.test:8080/r${PATH}?slot=7`,
    `GET http://relay.test:8080/r${PATH}?slot=8`,
  ]);
  t.deepEqual(asked, [`/r${PATH}?slot=7`, `/r${PATH}?slot=8`]);
});

test.serial("what NO_PROXY names, and this machine itself, is asked directly", async (t) => {
  const { url, asked } = await serveAnswers(t, ok(answered));
  const proxy = await serveProxy(t, 1);
  setProxies(t, { HTTP_PROXY: proxy.url, HTTPS_PROXY: proxy.url, NO_PROXY: "relay.test" });
  t.is(await servedBids(clientOf(t, url), 7), answered);
  t.is(await servedBids(clientOf(t, url.replace("127.0.0.1", "localhost")), 7), answered);
  t.is(asked.length, 2);
  const named = clientOf(t, "https://relay.test/r", { allowPrivate: false, limits: { attempts: 1 } });
  await relayFaultOf(t, servedBids(named, 7), "unreachable");
  t.deepEqual(proxy.asked, []);
});

test.serial("a host that is written as a private address isn't asked through a proxy", async (t) => {
  const proxy = await serveProxy(t, 1);
  setProxies(t, { HTTP_PROXY: proxy.url, HTTPS_PROXY: proxy.url });
  for (const [url, allowPrivate] of [
    ["https://10.1.2.3/r", false],
    ["https://[fd00::1]/r", false],
    ["http://192.168.1.2:9062/r", true],
  ] as const) {
    const error = await relayFaultOf(
      t,
      servedBids(clientOf(t, url, { allowPrivate }), 7),
      "forbidden-address",
    );
    t.regex(error.message, /isn't asked through the proxy http:\/\/127\.0\.0\.1:\d+: name it in NO_PROXY/);
  }
  t.deepEqual(proxy.asked, []);
});

test.serial(
  "a proxy that refuses, and one that isn't there, are named, without their credentials",
  async (t) => {
    const proxy = await serveProxy(t, 1, 407);
    setProxies(t, { HTTPS_PROXY: proxy.url.replace("//", "//hidden-user:hidden-pass@") });
    const ask = async () => servedBids(clientOf(t, "https://relay.test/r", { limits: { attempts: 1 } }), 7);
    const refused = await relayFaultOf(t, ask(), "unreachable");
    t.regex(refused.message, /can't be reached: the proxy http:\/\/127\.0\.0\.1:\d+ answers 407 to CONNECT/);
    t.notRegex(`${refused.stack}`, /hidden/);
    setProxies(t, { HTTPS_PROXY: "http://hidden-user:hidden-pass@127.0.0.1:1" });
    const gone = await relayFaultOf(t, ask(), "unreachable");
    t.regex(gone.message, /ECONNREFUSED, through the proxy http:\/\/127\.0\.0\.1:1\)/);
    t.notRegex(`${gone.stack}`, /hidden/);
  },
);

test.serial(
  "through which proxy relays are asked is said once, and what is no http proxy is refused",
  (t) => {
    const network = findNetwork("mainnet", 1);
    if (!network) throw new Error("no mainnet");
    const said: string[] = [];
    const connect = () =>
      new Connection({ network, clock: new VirtualClock(), warn: (line) => said.push(line) });
    const relay = (name: string) =>
      relayOf({ name, url: `https://${name}.test`, pubkey: null, filtering: null, requestsPerSecond: 1 });
    setProxies(t, { HTTPS_PROXY: "http://hidden-user:hidden-pass@proxy.test:3128", NO_PROXY: "two.test" });
    for (const name of ["one", "two", "three"]) connect().add(relay(name), {});
    t.deepEqual(said, [
      "relays are asked through the proxy http://proxy.test:3128, as the environment says: it looks up their names, and where they lead is its to judge",
    ]);
    setProxies(t, { ALL_PROXY: "socks5://hidden-user:hidden-pass@proxy.test:1080" });
    const error = t.throws(() => connect().add(relay("four"), {}), {
      name: "UserError",
      message:
        "HTTPS_PROXY or ALL_PROXY: socks5://***@proxy.test:1080 is no proxy that can be used; give http://HOST:PORT, or name four.test in NO_PROXY",
    });
    t.false(error?.message.includes("hidden"));
  },
);
