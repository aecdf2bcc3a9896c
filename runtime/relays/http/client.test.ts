import type { Socket } from "node:net";
import type { ServerResponse } from "node:http";
import { gzipSync } from "node:zlib";
import test from "ava";
import fc from "fast-check";
import { systemClock } from "../../chain/clock.ts";
import { VirtualClock } from "../../chain/virtualClock.ts";
import { MalformedAnswerError } from "../../datasets/answer.ts";
import { ByteBudget } from "./budget.ts";
import { IDLE_SOCKET_MS } from "./connection.ts";
import type { RelayFault } from "./errors.ts";
import type { RelayRequest } from "./request.ts";
import { retryAfterMs } from "./retryAfter.ts";
import type { Answer } from "./sender.ts";
import {
  type Handler,
  servedBids,
  clientOf,
  relayFaultOf,
  firstly,
  servedJson,
  ok,
  serveAnswers,
  status,
  servedText,
} from "./served.testing.ts";
import { type Timer, realTimer } from "./transfer.ts";

const bidsOf = { kind: "bids", slot: 7 } as const;
const whole = (answer: Answer) => answer;

test("each question has its URL: a slot goes alone, a page has limit and cursor", async (t) => {
  const { url, asked } = await serveAnswers(t, ok());
  const client = clientOf(t, url);
  const questions: RelayRequest[] = [
    { kind: "bids", slot: 9 },
    { kind: "payload-page", cursor: 1000 },
    { kind: "payload-page", cursor: 1000, limit: 1 },
    { kind: "payloads", slot: 5 },
    { kind: "payload-newest" },
  ];
  for (const question of questions) t.is(await client.ask(question, servedText), "[]");
  const base = "/r/relay/v1/data/bidtraces";
  t.deepEqual(asked, [
    `${base}/builder_blocks_received?slot=9`,
    `${base}/proposer_payload_delivered?limit=200&cursor=1000`,
    `${base}/proposer_payload_delivered?limit=1&cursor=1000`,
    `${base}/proposer_payload_delivered?slot=5`,
    `${base}/proposer_payload_delivered?limit=1`,
  ]);
  t.like(client.counters, { requests: 5, retries: 0, refusals: 0, bytes: 10 });
});

test("slot and cursor 0 mean none to a relay, and are never asked for", async (t) => {
  const { url, asked } = await serveAnswers(t, ok());
  const client = clientOf(t, url);
  for (const slot of [0, -1, Number.NaN]) {
    await t.throwsAsync(servedBids(client, slot), { instanceOf: RangeError });
    await t.throwsAsync(client.ask({ kind: "payloads", slot }, servedText), { instanceOf: RangeError });
    await t.throwsAsync(client.ask({ kind: "payload-page", cursor: slot }, servedText), {
      instanceOf: RangeError,
    });
  }
  t.is(asked.length, 0);
});

test("gzip is asked for, and inflated here; the bytes on the wire are counted", async (t) => {
  const list = JSON.stringify(Array.from({ length: 2000 }, (_, i) => ({ slot: `${i}` })));
  const zipped = gzipSync(list);
  let encoding: unknown;
  const { url } = await serveAnswers(t, (request, response) => {
    encoding = request.headers["accept-encoding"];
    response.writeHead(200, { ...servedJson, "content-encoding": "gzip" });
    response.write(zipped.subarray(0, 100));
    response.end(zipped.subarray(100));
  });
  const client = clientOf(t, url);
  const answer = await client.ask(bidsOf, whole);
  t.is(encoding, "gzip");
  t.is(servedText(answer), list);
  t.like(answer, { status: 200, gzip: true, transferredBytes: zipped.length });
  t.is(client.counters.bytes, zipped.length);
});

test("204 is an empty answer that says so, and 404 of the relay's own says nothing is here", async (t) => {
  const { url } = await serveAnswers(t, (request, response) => {
    const [code, body] = (request.url ?? "").endsWith("slot=1") ? [204, ""] : [404, '{"code":404}'];
    response.writeHead(code, servedJson).end(body);
  });
  const client = clientOf(t, url);
  const none = { gzip: false, ageS: 0 };
  t.like(await client.ask({ kind: "bids", slot: 1 }, whole), { status: 204, transferredBytes: 0, ...none });
  const nothing = await client.ask({ kind: "bids", slot: 2 }, whole);
  t.like(nothing, { status: 404, transferredBytes: 12, ...none });
  t.is(nothing.body.length, 0);
});

for (const [body, nothing] of [
  ["", true],
  ["nothing for this slot", true],
  ['{"code":404,"message":"no payloads"}', true],
  ["404 page not found\n", false],
  ["<html>404</html>", false],
  ["\n <!doctype html>", false],
  ["error code: 1016", false],
] as const) {
  test(`a 404 with ${JSON.stringify(body)} ${nothing ? "says that nothing is here" : "is a fault"}`, async (t) => {
    const { url, asked } = await serveAnswers(t, status(404, body));
    const asking = clientOf(t, url).ask(bidsOf, ({ status: code }) => code);
    if (nothing) t.is(await asking, 404);
    else await relayFaultOf(t, asking, "bad-request");
    t.is(asked.length, 1);
  });
}

const soundLists: [string, Handler, string][] = [
  ["that is called HTML", ok("[]", { "content-type": "text/html; charset=utf-8" }), "[]"],
  ["behind a byte order mark", ok(Buffer.from("\ufeff[1]")), "[1]"],
  ["behind blanks", ok("\r\n [1]"), "\r\n [1]"],
  ["in an encoding that doesn't exist", ok("[1]", { ...servedJson, "content-encoding": "utf-8" }), "[1]"],
  ["in an encoding without a name", ok("[1]", { ...servedJson, "content-encoding": "" }), "[1]"],
  ["that is called gzip and isn't", ok("[1]", { ...servedJson, "content-encoding": "gzip" }), "[1]"],
  ["that is gzip and isn't called so", ok(gzipSync("\ufeff[1]")), "[1]"],
  ["written as null", ok("null\n"), "[]"],
  ["written as null behind a mark and blanks", ok(Buffer.from("\ufeff null")), "[]"],
];
for (const [name, handler, list] of soundLists) {
  test(`a list ${name} is taken at the first ask`, async (t) => {
    const { url, asked } = await serveAnswers(t, handler);
    t.is(await servedBids(clientOf(t, url), 7), list);
    t.is(asked.length, 1);
  });
}

test("an answer tells the relay's time, and how long it lay in a cache", async (t) => {
  const headers: Record<string, string>[] = [
    { date: "Thu, 01 Jan 2026 00:00:30 GMT", age: "17" },
    { date: "soon", age: "-3" },
  ];
  const { url } = await serveAnswers(t, (_, response, nth) => {
    response.writeHead(200, { ...servedJson, ...headers[nth - 1] }).end("[]");
  });
  const client = clientOf(t, url);
  const first = await client.ask(bidsOf, whole);
  t.like(first, { dateMs: Date.parse("2026-01-01T00:00:30Z"), ageS: 17 });
  t.like(await client.ask(bidsOf, whole), { dateMs: undefined, ageS: 0 });
});

const badOnce: [string, Handler][] = [
  ...[408, 425, 429, 500, 502, 503, 504, 520].map((status): [string, Handler] => [
    `status ${status}`,
    (_, response) => void response.writeHead(status).end("no"),
  ]),
  ["a page of HTML with 200", ok(" <html>hello</html>")],
  ["an object", ok('{"code":200}')],
  ["an empty body with 200", ok("")],
  ["truncated gzip", ok(gzipSync("[1,2,3]").subarray(0, 15), { ...servedJson, "content-encoding": "gzip" })],
  ["damaged gzip", ok(Buffer.concat([gzipSync("[]").subarray(0, 10), Buffer.from("not gzip")]))],
  ["an encoding nobody asked for", ok("\u000b\u0001", { ...servedJson, "content-encoding": "br" })],
  ["something that begins like null", ok("nullify")],
  ["a page that a network turns clients away with", status(403, "error code: 1015")],
  ["status 206", (_, response) => void response.writeHead(206, servedJson).end("[]")],
  ["a connection closed before the answer", (request) => request.socket.destroy()],
  [
    "a chunked body without its last chunk",
    (request, response) => {
      response.writeHead(200, servedJson);
      response.write('[{"slot":"7"}]', () => request.socket.end());
    },
  ],
  [
    "a body shorter than its length",
    (request, response) => {
      response.writeHead(200, { ...servedJson, "content-length": "100" });
      response.write('[{"slot":"7"}]', () => request.socket.end());
    },
  ],
  ["something that is not HTTP", (request) => void request.socket.end("SSH-2.0-relay\r\n\r\n")],
];
for (const [name, handler] of badOnce) {
  test(`asked again after ${name}`, async (t) => {
    const { url, asked } = await serveAnswers(t, firstly(2, handler));
    const client = clientOf(t, url);
    t.is(await client.ask(bidsOf, servedText), '[{"slot":"7"}]');
    t.is(asked.length, 3);
    t.like(client.counters, { requests: 3, retries: 2 });
  });
}

const givenUp: [string, Handler, RelayFault, number, RegExp][] = [
  [
    "a 400",
    (_, response) => void response.writeHead(400).end('{"code":400,"message":"invalid slot argument"}'),
    "bad-request",
    1,
    /\(400\): .*invalid slot argument/,
  ],
  ["a 404 of an unknown path", status(404, "404 page not found"), "bad-request", 1, /404/],
  ["a 403", status(403, "Forbidden"), "bad-request", 1, /403/],
  ["a network's 1006", status(403, "<b>Error 1006</b>"), "refused", 5, /refuses \(403\)/],
  [
    "a 500",
    (_, response) => void response.writeHead(500).end("pq: timeout"),
    "server",
    5,
    /500: pq: timeout/,
  ],
  ["a 429", (_, response) => void response.writeHead(429).end(), "refused", 5, /refuses \(429\)/],
  ["HTML", ok("<html>"), "malformed", 5, /HTML instead of data: <html>/],
  ["broken connections", (request) => request.socket.destroy(), "reset", 5, /broke \(ECONNRESET\)/],
];
for (const [name, handler, kind, requests, message] of givenUp) {
  test(`${name}: given up after ${requests} requests, with what came`, async (t) => {
    const { url, asked } = await serveAnswers(t, handler);
    const client = clientOf(t, url);
    const error = await relayFaultOf(t, servedBids(client, 3), kind);
    t.regex(error.message, message);
    t.is(error.retryable, requests > 1);
    t.is(asked.length, requests);
    t.is(client.counters.requests, requests);
    t.is(client.counters.refusals, kind === "refused" ? requests : 0);
  });
}

test("a redirect is not followed, and the relay is asked no more about it", async (t) => {
  const elsewhere = await serveAnswers(t, ok());
  const { url, asked } = await serveAnswers(t, (_, response) => {
    response.writeHead(302, { location: `${elsewhere.url}/other` }).end("Found");
  });
  const error = await relayFaultOf(t, servedBids(clientOf(t, url), 3), "redirect");
  t.true(error.message.includes(`redirects (302) to ${elsewhere.url}/other, which is not followed: Found`));
  t.false(error.retryable);
  t.is(asked.length, 1);
  t.is(elsewhere.asked.length, 0);
});

test("what a relay sent is escaped in errors, also when it is compressed or huge", async (t) => {
  const nasty = `\u001b]0;owned\u0007\u202eabc${"x".repeat(1 << 20)}`;
  const { url } = await serveAnswers(t, (request, response) => {
    const zip = (request.url ?? "").endsWith("slot=2");
    response.writeHead(410, zip ? { "content-encoding": "gzip" } : {});
    response.end(zip ? gzipSync(nasty.slice(0, 1000)) : nasty);
  });
  const client = clientOf(t, url);
  const plain = await relayFaultOf(t, servedBids(client, 1), "bad-request");
  const zipped = await relayFaultOf(t, servedBids(client, 2), "bad-request");
  for (const { message, excerpt } of [plain, zipped]) {
    t.true(message.length < 1000);
    t.true(excerpt.startsWith("\\u001b]0;owned\\u0007"));
    t.notRegex(message, /[\u0000-\u001f\u202e]/);
  }
});

test("a decoder that finds an answer malformed has it asked for again", async (t) => {
  const { url } = await serveAnswers(t, firstly(2, ok('[{"slot":')));
  const client = clientOf(t, url);
  const decode = (answer: { body: Buffer }): unknown => {
    try {
      return JSON.parse(servedText(answer));
    } catch {
      throw new MalformedAnswerError("not whole JSON");
    }
  };
  t.deepEqual(await client.ask(bidsOf, decode), [{ slot: "7" }]);
  t.is(client.counters.requests, 3);

  const always = clientOf(t, (await serveAnswers(t, ok('[{"slot":'))).url);
  const error = await relayFaultOf(t, always.ask(bidsOf, decode), "malformed");
  t.regex(error.message, /not whole JSON: \[\{"slot":/);
  t.is(always.counters.requests, 5);
  // An error of the program is not a relay's fault.
  const bug = new TypeError("a bug");
  t.is(
    await t.throwsAsync(
      client.ask(bidsOf, () => {
        throw bug;
      }),
    ),
    bug,
  );
});

test("Retry-After is kept, as seconds, as a date, and in Helix's header", async (t) => {
  for (const header of ["seconds", "date", "helix"]) {
    const clock = new VirtualClock();
    const askedAt: number[] = [];
    const { url } = await serveAnswers(t, (_, response, nth) => {
      askedAt.push(clock.monotonic());
      const headers =
        header === "seconds"
          ? { "retry-after": "40" }
          : header === "date"
            ? { "retry-after": new Date(clock.now() + 40_000).toUTCString() }
            : { "x-ratelimit-after": "40" };
      if (nth === 1) response.writeHead(429, headers).end("Too Many Requests! Wait for 40s");
      else response.writeHead(200, servedJson).end("[]");
    });
    const client = clientOf(t, url, { clock });
    // Other questions are held back too, not only the refused one.
    await Promise.all([client.ask({ kind: "bids", slot: 1 }, servedText), client.ask(bidsOf, servedText)]);
    // Dates have whole seconds.
    const waits = askedAt.slice(1).map((at) => at - (askedAt[0] ?? 0));
    t.true(
      waits.every((wait) => wait >= 38_999),
      `${header}: ${waits.join()}`,
    );
    t.is(client.counters.refusals, 1);
  }
});

test("a relay that refuses one of its datasets is asked more slowly for all", async (t) => {
  const clock = new VirtualClock();
  const pagesAt: number[] = [];
  const { url } = await serveAnswers(t, (request, response) => {
    if (request.url?.includes("builder_blocks_received"))
      response.writeHead(429, { "retry-after": "20" }).end();
    else {
      pagesAt.push(clock.monotonic());
      response.writeHead(200, servedJson).end("[]");
    }
  });
  const client = clientOf(t, url, { clock, limits: { attempts: 3 } });
  const { rate } = client;
  await relayFaultOf(t, servedBids(client, 1), "refused");
  const refusedAt = clock.monotonic();
  await client.ask({ kind: "payload-page", cursor: 9 }, servedText);
  t.true((pagesAt[0] ?? 0) >= refusedAt + 19_900, `asked at ${pagesAt[0]}, refused at ${refusedAt}`);
  t.true(client.rate < rate * 0.9, `${client.rate} of ${rate}`);
});

test("with a start rate below its limit it begins there, and a share of the rate is a share of both", async (t) => {
  const clock = new VirtualClock();
  const { url } = await serveAnswers(t, ok());
  const client = clientOf(t, url, { clock, rate: 20, startRate: 4 });
  t.is(client.rate, 4);
  client.rescale(0.25);
  t.is(client.rate, 1);
  for (let slot = 1; slot <= 3; slot++) await servedBids(client, slot);
  t.true(clock.monotonic() >= 2000, `three requests at one a second within ${clock.monotonic()} ms`);
  t.throws(() => client.rescale(0), { instanceOf: RangeError });
});

test("Retry-After is read in every form, and nothing else is", (t) => {
  const now = Date.parse("2026-01-01T00:00:00Z");
  const wait = (after: string | null, helix: string | null = null) =>
    retryAfterMs({ get: (name) => (name === "retry-after" ? after : helix) }, now);
  t.is(wait("0"), 0);
  t.is(wait(" 7 "), 7000);
  t.is(wait("1.5"), 1500);
  t.is(wait("Thu, 01 Jan 2026 00:00:30 GMT"), 30_000);
  t.is(wait("Thursday, 01-Jan-26 00:00:30 GMT"), 30_000);
  t.is(wait("Wed, 31 Dec 2025 23:00:00 GMT"), 0);
  t.is(wait("99999999999"), 86_400_000);
  t.is(wait(null, "12"), 12_000);
  t.is(wait("3", "12"), 12_000);
  for (const text of [null, "", "-5", "soon", "1e3", "Thu, nonsense", "2026-01-01"])
    t.is(wait(text), undefined);
});

test("a relay that wants minutes without requests is given up for now, and not asked meanwhile", async (t) => {
  const clock = new VirtualClock();
  const { url, asked } = await serveAnswers(
    t,
    firstly(1, (_, r) => void r.writeHead(429, { "retry-after": "600" }).end()),
  );
  const client = clientOf(t, url, { clock });
  const first = await relayFaultOf(t, servedBids(client, 1), "refused");
  t.is(first.retryAfterMs, 600_000);
  t.true(client.down);
  const second = await relayFaultOf(t, servedBids(client, 2), "refused");
  t.regex(second.message, /not to be asked for another (600|599) s/);
  t.is(asked.length, 1);
  clock.advance(600_000);
  t.false(client.down);
  t.is(await client.ask(bidsOf, servedText), '[{"slot":"7"}]');
});

test("retries wait at random below a bound that doubles, by the injected clock", async (t) => {
  const clock = new VirtualClock();
  const askedAt: number[] = [];
  const { url } = await serveAnswers(t, (request, response, nth) => {
    askedAt.push(clock.monotonic());
    (nth === 1 ? ok() : status(500))(request, response, nth);
  });
  const limits = { attempts: 9, backOffMs: 500, longestBackOffMs: 8000 };
  const client = clientOf(t, url, { clock, random: () => 0.999, limits });
  await servedBids(client, 1);
  askedAt.length = 0;
  await relayFaultOf(t, servedBids(client, 2), "server");
  const waits = askedAt.slice(1).map((at, i) => at - (askedAt[i] ?? 0));
  const bounds = [500, 1000, 2000, 4000, 8000, 8000, 8000, 8000];
  t.is(waits.length, bounds.length);
  for (const [i, bound] of bounds.entries()) {
    t.true(Math.abs((waits[i] ?? 0) - bound) < 25, `wait ${i} took ${waits[i]} of ${bound} ms`);
  }
});

test("a connection that the relay closed while it idled costs neither an attempt nor a refusal", async (t) => {
  // Closes each connection as soon as its second request arrives, as a server does whose idle time just ran out.
  const seen = new WeakMap<Socket, number>();
  const { url, asked } = await serveAnswers(t, (request, response) => {
    const nth = (seen.get(request.socket) ?? 0) + 1;
    seen.set(request.socket, nth);
    if (nth > 1) request.socket.destroy();
    else response.writeHead(200, servedJson).end("[]");
  });
  const client = clientOf(t, url, { limits: { attempts: 1 } });
  for (let slot = 1; slot <= 5; slot++) t.is(await servedBids(client, slot), "[]");
  // Requests 2 and 4 found a closed connection, and went out again on a fresh one.
  t.true(asked.length > 5);
  t.is(client.counters.requests, asked.length);
  t.is(client.counters.retries, asked.length - 5);
  t.is(client.counters.refusals, 0);
});

test("a reset on a fresh connection, or after the answer began, is a fault like others", async (t) => {
  const half: Handler = (request, response, nth) => {
    if (nth % 2 === 1) response.writeHead(200, servedJson).end("[]");
    else {
      response.writeHead(200, { ...servedJson, "content-length": "100" });
      response.write("[", () => request.socket.resetAndDestroy());
    }
  };
  const { url } = await serveAnswers(t, half);
  const client = clientOf(t, url, { limits: { attempts: 1 } });
  await client.ask(bidsOf, servedText);
  await relayFaultOf(t, servedBids(client, 2), "reset");
  t.is(client.counters.retries, 0);
});

test("idle connections are closed from here, before a relay does", async (t) => {
  const { url, sockets } = await serveAnswers(t, ok());
  const client = clientOf(t, url);
  await client.ask(bidsOf, servedText);
  const [socket] = sockets;
  if (!socket) throw new Error("no connection");
  t.false(socket.destroyed);
  // The reference relay gives them 3 s; this server would keep them for ever.
  t.true(IDLE_SOCKET_MS < 2000);
  await new Promise((resolve) => socket.once("end", resolve));
});

test("a gzip bomb, an endless body and a long one are cut off", async (t) => {
  const limits = { transferredBytes: 1 << 20, inflatedBytes: 4 << 20 };
  let sent = 0;
  const { url } = await serveAnswers(t, (request, response) => {
    const slot = new URL(request.url ?? "", "http://x").searchParams.get("slot");
    if (slot === "1") {
      response.writeHead(200, { ...servedJson, "content-encoding": "gzip" });
      response.end(gzipSync(Buffer.alloc(64 << 20, "[")));
    } else {
      response.writeHead(200, servedJson).write("[");
      const more = () => {
        while (!response.destroyed && response.write(Buffer.alloc(1 << 16, " "))) sent += 1 << 16;
      };
      response.on("drain", more);
      more();
    }
  });
  const client = clientOf(t, url, { limits });
  const bomb = await relayFaultOf(t, servedBids(client, 1), "too-large");
  t.regex(bomb.message, /inflates to over 4194304 bytes/);
  const endless = await relayFaultOf(t, servedBids(client, 2), "too-large");
  t.regex(endless.message, /over 1048576 bytes/);
  t.true(sent < 32 << 20, `${sent} bytes were taken`);
  t.is(client.counters.requests, 2);
});

test("an answer that never comes, and one that drips, end when the time is up", async (t) => {
  // Time is up when the server says so: no real time is measured.
  let timeIsUp = () => {};
  const timer: Timer = (onTime, ms) => {
    t.is(ms, 30_000);
    timeIsUp = onTime;
    return () => {};
  };
  const { url } = await serveAnswers(t, (request, response) => {
    if ((request.url ?? "").endsWith("slot=1")) timeIsUp();
    else response.writeHead(200, servedJson).write("[", () => setTimeout(() => timeIsUp(), 500));
  });
  const client = clientOf(t, url, { timer, limits: { attempts: 1 } });
  const silent = await relayFaultOf(t, servedBids(client, 1), "timeout");
  t.regex(silent.message, /no answer after 30 s/);
  const dripping = await relayFaultOf(t, servedBids(client, 2), "timeout");
  t.regex(dripping.message, /after 30 s/);
});

test("the machine's timer calls back once, or never when it is cancelled", async (t) => {
  const called: string[] = [];
  realTimer(() => called.push("cancelled"), 1)();
  await new Promise<void>((resolve) => {
    realTimer(() => {
      called.push("due");
      resolve();
    }, 20);
  });
  t.deepEqual(called, ["due"]);
});

test("on named networks only https to public addresses is asked", async (t) => {
  const { url, asked } = await serveAnswers(t, ok());
  const port = new URL(url).port;
  const cases: [string, RegExp][] = [
    [url, /only asked over https/],
    ["https://127.0.0.1:1", /127\.0\.0\.1 is not a public address/],
    ["https://[::ffff:127.0.0.1]:1", /not a public address/],
    ["https://[::1]:1", /not a public address/],
    [`https://localhost:${port}`, /localhost leads to an address that is not public/],
  ];
  for (const [target, message] of cases) {
    const client = clientOf(t, target, { allowPrivate: false });
    const error = await relayFaultOf(t, servedBids(client, 1), "forbidden-address");
    t.regex(error.message, message);
    t.false(error.retryable);
  }
  t.is(asked.length, 0);
});

test("a name that doesn't resolve is tried three times only", async (t) => {
  // A label of 64 characters is refused by the resolver itself: nothing leaves this machine.
  const client = clientOf(t, `https://${"a".repeat(64)}.invalid`, { allowPrivate: false });
  const error = await relayFaultOf(t, servedBids(client, 1), "unreachable");
  t.regex(error.message, /ENOTFOUND|EAI_AGAIN/);
  t.is(client.counters.requests, 3);
});

test("a stopped question ends at once, wherever it is, as stopped", async (t) => {
  const { url } = await serveAnswers(t, (_, response, nth) => {
    // The first is never answered.
    if (nth > 1) response.writeHead(500).end();
  });
  const client = clientOf(t, url, { concurrency: 1 });
  const stop = new AbortController();
  const asking = [servedBids(client, 1, stop.signal), servedBids(client, 2, stop.signal)];
  const settled = asking.map((question) => relayFaultOf(t, question, "aborted"));
  setTimeout(() => stop.abort(new Error("SIGTERM")), 50);
  await Promise.all(settled);
  await relayFaultOf(t, servedBids(client, 3, stop.signal), "aborted");
  t.false(client.down);
});

test("no more questions are under way than allowed, and one until the relay has answered", async (t) => {
  let open: ServerResponse[] = [];
  const groups: number[] = [];
  // Answers in groups: the first alone, then by threes; each waits long enough for one too many to show itself.
  const answerSoon = () =>
    setTimeout(() => {
      groups.push(open.length);
      const answered = open;
      open = [];
      for (const response of answered) response.writeHead(200, servedJson).end("[]");
    }, 60);
  const { url } = await serveAnswers(t, (_, response, nth) => {
    if (open.push(response) === (nth === 1 ? 1 : 3)) answerSoon();
  });
  const client = clientOf(t, url, { concurrency: 3, rate: 10_000, clock: systemClock });
  const slots = Array.from({ length: 13 }, (_, i) => i + 1);
  await Promise.all(slots.map((slot) => client.ask({ kind: "bids", slot }, servedText)));
  t.deepEqual(groups, [1, 3, 3, 3, 3]);
});

test("answers are held against the budget while they are decoded", async (t) => {
  const { url } = await serveAnswers(t, ok(`[${" ".repeat(3 << 20)}]`));
  const budget = new ByteBudget(8 << 20);
  const client = clientOf(t, url, { budget, rate: 1000 });
  const size = (await servedBids(client, 1)).length;
  t.is(budget.held, 0);
  const decoded: (() => void)[] = [];
  const slowly = () => client.ask(bidsOf, () => new Promise<void>((resolve) => decoded.push(resolve)));
  const asked = [slowly(), slowly(), slowly()];
  while (decoded.length < 2) await new Promise((resolve) => setImmediate(resolve));
  t.is(budget.held, 2 * size);
  // The third doesn't fit: it isn't even asked before one is done.
  await new Promise((resolve) => setTimeout(resolve, 50));
  t.is(client.counters.requests, 3);
  decoded[0]?.();
  while (decoded.length < 3) await new Promise((resolve) => setImmediate(resolve));
  decoded.forEach((done) => done());
  await Promise.all(asked);
  t.is(budget.held, 0);
  await t.throwsAsync(client.ask(bidsOf, () => Promise.reject(new Error("no"))));
  t.is(budget.held, 0);
});

test("a budget is never exceeded by what was reserved, serves in turn, and never gets stuck", async (t) => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 100 }),
      fc.array(
        fc.record({ bytes: fc.integer({ min: 0, max: 150 }), grows: fc.boolean(), aborts: fc.boolean() }),
        {
          maxLength: 20,
        },
      ),
      async (limit, users) => {
        const budget = new ByteBudget(limit);
        let reserved = 0;
        let holders = 0;
        let grown = 0;
        const order: number[] = [];
        const uses = users.map(async ({ bytes, grows, aborts }, index) => {
          const stop = new AbortController();
          const asking = budget.reserve(bytes, stop.signal);
          if (aborts) {
            setImmediate(() => stop.abort(new Error("stopped")));
          }
          const reservation = await asking.catch(() => undefined);
          if (!reservation) return;
          order.push(index);
          reserved += bytes;
          holders++;
          if (grown === 0 && holders > 1) t.true(reserved <= limit, `${reserved} of ${limit}`);
          if (grows) {
            reservation.atLeast(bytes + 50);
            grown++;
          }
          await new Promise((resolve) => setImmediate(resolve));
          reserved -= bytes;
          holders--;
          if (grows) grown--;
          reservation.release();
        });
        await Promise.all(uses);
        t.is(budget.held, 0);
        t.deepEqual(
          order,
          order.toSorted((a, b) => a - b),
        );
      },
    ),
    { numRuns: 50 },
  );
});
