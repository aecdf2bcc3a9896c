import { createServer as createTcpServer } from "node:net";
import test from "ava";
import fc from "fast-check";
import { VirtualClock } from "../../chain/virtualClock.ts";
import type { RelayError } from "./errors.ts";
import { Liveness } from "./liveness.ts";
import {
  type Handler,
  servedBids,
  clientOf,
  relayFaultOf,
  servedJson,
  listen,
  ok,
  serveAnswers,
  status,
} from "./served.testing.ts";
import type { Timer } from "./transfer.ts";

const isNewest = (url: string | undefined) => (url ?? "").endsWith("proposer_payload_delivered?limit=1");
const slots = (count: number, first = 1) => Array.from({ length: count }, (_, i) => first + i);

const useless: [string, Handler][] = [
  ["a parked domain", ok("<html>buy this domain</html>", { "content-type": "text/html" })],
  ["a host that always answers 500", status(500, "oops")],
  ["a host that always answers 403", status(403, "Forbidden")],
  ["a host that always refuses", status(429)],
  ["a host that redirects", (_, response) => void response.writeHead(302, { location: "/" }).end()],
  ["a host that knows nothing of any slot", status(404, '{"code":404}')],
  ["a host that breaks every connection", (request) => request.socket.destroy()],
];
for (const [name, handler] of useless) {
  test(`${name} is down after a dozen requests, and is then asked no more`, async (t) => {
    const clock = new VirtualClock();
    const { url, asked } = await serveAnswers(t, handler);
    const client = clientOf(t, url, { clock }, { requestsPerSecond: 1 });
    await Promise.allSettled(slots(160).map((slot) => servedBids(client, slot)));
    t.true(client.down);
    t.true(asked.length <= 12, `${asked.length} requests`);
    // At one a second; who refuses is asked ever more slowly.
    const seconds = clock.monotonic() / 1000;
    t.true(seconds < (client.counters.refusals > 0 ? 120 : 20), `${seconds} s`);
    t.true(asked.some(isNewest));
    t.regex(client.downWhy?.message ?? "", /^testrelay: [^\n]+limit=1\)$/);
    const before = asked.length;
    const error = await t.throwsAsync(servedBids(client, 999));
    t.regex(error.message, /^testrelay: not asked, it is down: .*\(http.*\?slot=999\)$/);
    t.is(asked.length, before);
  });
}

test("a relay that can't be reached is down after ten requests, until it is revived", async (t) => {
  const server = createTcpServer();
  const url = await listen(t, server);
  await new Promise((resolve) => server.close(resolve));
  const client = clientOf(t, url);
  await Promise.allSettled(slots(4).map((slot) => servedBids(client, slot)));
  t.true(client.down);
  t.true(client.counters.requests <= 10, `${client.counters.requests}`);
  const before = client.counters.requests;
  const error = await relayFaultOf(t, servedBids(client, 5), "unreachable");
  t.regex(error.message, /can't be reached \(ECONNREFUSED\) \(http.*slot=5\)/);
  t.is(client.counters.requests, before);
  client.revive();
  t.false(client.down);
  await relayFaultOf(t, servedBids(client, 6), "unreachable");
  t.true(client.counters.requests > before);
});

test("a host that swallows requests is down after three of them", async (t) => {
  const { url, asked } = await serveAnswers(t, () => {});
  // Each request's time is up as soon as it is sent.
  const timer: Timer = (onTime) => {
    const timeout = setTimeout(onTime, 50);
    return () => clearTimeout(timeout);
  };
  const client = clientOf(t, url, { timer });
  await Promise.allSettled(slots(16).map((slot) => servedBids(client, slot)));
  t.true(client.down);
  t.true(asked.length <= 3, `${asked.length}`);
  t.is(client.downWhy?.kind, "timeout");
});

test("bad slots never make a relay down that answers about its newest payload", async (t) => {
  const { url, asked } = await serveAnswers(t, (request, response, nth) => {
    (isNewest(request.url) ? ok('[{"slot":"9"}]') : status(500))(request, response, nth);
  });
  const client = clientOf(t, url);
  for (const slot of slots(20)) await relayFaultOf(t, servedBids(client, slot), "server");
  t.false(client.down);
  // Once before the relay had been of use, then after every eighth question.
  const knocks = asked.filter(isNewest).length;
  t.is(knocks, 3);
  t.is(asked.length - knocks, 20 * 5);
});

test("a relay that goes bad while it is collected is down after eight questions, and not before", async (t) => {
  let good = true;
  const { url, asked } = await serveAnswers(t, (request, response, nth) =>
    (good ? ok() : status(502))(request, response, nth),
  );
  const client = clientOf(t, url);
  for (const slot of slots(10)) await servedBids(client, slot);
  good = false;
  for (const slot of slots(7)) await relayFaultOf(t, servedBids(client, slot), "server");
  t.false(client.down);
  t.false(asked.some(isNewest));
  await relayFaultOf(t, servedBids(client, 8), "server");
  t.true(client.down);
});

test("a relay that is down is knocked at with one request, and asked again once that is answered", async (t) => {
  let good = false;
  const { url, asked } = await serveAnswers(t, (request, response, nth) =>
    (good ? ok() : status(500))(request, response, nth),
  );
  const client = clientOf(t, url);
  await Promise.allSettled(slots(16).map((slot) => servedBids(client, slot)));
  t.true(client.down);
  const before = asked.length;
  t.false(await client.knock());
  t.is(asked.length, before + 1);
  t.true(client.down);
  good = true;
  t.true(await client.knock());
  t.false(client.down);
  t.is(await servedBids(client, 1), "[]");
});

test("what isn't a whole list about the newest payload is no sign of life", async (t) => {
  for (const body of ['[{"slot":', '{"code":200}']) {
    const { url } = await serveAnswers(t, ok(body));
    const client = clientOf(t, url);
    t.false(await client.knock());
  }
  const { url } = await serveAnswers(t, (_, response) => void response.writeHead(204, servedJson).end());
  t.true(await clientOf(t, url).knock());
});

test("a stopped question is no sign of anything", async (t) => {
  const { url } = await serveAnswers(t, () => {});
  const client = clientOf(t, url);
  const stop = new AbortController();
  const asking = slots(20).map((slot) => relayFaultOf(t, servedBids(client, slot, stop.signal), "aborted"));
  setTimeout(() => stop.abort(new Error("SIGTERM")), 20);
  await Promise.all(asking);
  t.false(client.down);
});

test("whatever comes in whatever order, a relay is down just when eight in a row and the newest payload failed", async (t) => {
  const fault = { kind: "server" } as RelayError;
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ sound: fc.boolean(), newest: fc.boolean() }), { maxLength: 60 }),
      async (questions) => {
        let newest = true;
        let knocks = 0;
        const liveness = new Liveness(async () => {
          knocks++;
          if (newest) liveness.sound();
          return newest ? undefined : fault;
        });
        let inARow = 0;
        for (const question of questions) {
          newest = question.newest;
          inARow = question.sound ? 0 : inARow + 1;
          const before = knocks;
          if (question.sound) liveness.sound();
          else await liveness.useless(fault);
          t.is(knocks - before, inARow === 8 ? 1 : 0);
          t.is(liveness.down !== undefined, inARow === 8 && !newest);
          if (liveness.down) return;
          if (inARow === 8) inARow = 0;
        }
      },
    ),
  );
});
