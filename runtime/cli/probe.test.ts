import test from "ava";
import { simulatedNetwork } from "../chain/networks.ts";
import { settledSlot } from "../chain/slots.ts";
import { VirtualClock } from "../chain/virtualClock.ts";
import { clientOf, ok, serveAnswers, status } from "../relays/http/served.testing.ts";
import { startSimulator } from "../simulator/server.ts";
import { directoryOf } from "../relays/directory.ts";
import { probeRelay, probeRows } from "./probe.ts";

const forever = new AbortController().signal;
const cursorOf = (url: string) => {
  const cursor = new URL(url, "http://x").searchParams.get("cursor");
  return cursor === null ? undefined : Number(cursor);
};
const page = (first: number, last: number, limit: number) => {
  const slots = Array.from({ length: Math.max(0, Math.min(limit, last - first + 1)) }, (_, i) => last - i);
  return JSON.stringify(slots.map((slot) => ({ slot: String(slot) })));
};

test("what relays showed stands below one head, within 80 columns, each name whole", (t) => {
  const names = directoryOf("mainnet").map(({ name }) => name);
  const row = probeRows(names, 80);
  const shown = {
    url: "https://relay.example",
    reachable: true,
    latency_ms: 12_345,
    page_rows: 1000,
    page_limit: 1000,
    newest_slot: 15_000_000,
    oldest_slot: null,
    gzip: true,
    errors: "json",
    requests: 7,
    error: null,
  } as const;
  const texts = names.map((relay, at) => {
    if (at === 1) return row({ ...shown, relay, error: "a page with a cursor that isn't heeded ".repeat(4) });
    return row(
      at === 2 ? { ...shown, relay, reachable: false, error: "can't be reached (X)" } : { ...shown, relay },
    );
  });
  const lines = texts.join("").split("\n");
  for (const line of lines) t.true(line.length <= 80, line);
  t.regex(lines[0] ?? "", /^relay +ms +page +oldest +newest +gzip +errors$/);
  t.is(lines.filter((line) => line.startsWith("relay ")).length, 1);
  for (const name of names)
    t.true(
      lines.some((line) => line.split(" ")[0] === name),
      name,
    );
  t.regex(texts[2] ?? "", / can't be reached \(X\)\n$/);
  t.is(lines[1]?.length, lines[0]?.length);
});

test("every simulated relay is found out within 60 requests, none of which has cursor 0", async (t) => {
  const clock = new VirtualClock(1_760_000_000_000);
  const simulator = await startSimulator({ seed: 5, faults: "none", clock, keepsSlots: { merlin: 900 } });
  t.teardown(() => simulator.close());
  const last = settledSlot(simulatedNetwork(5), clock.now());
  for (const relay of simulator.relays.filter(({ state }) => state === "active")) {
    const client = clientOf(t, relay.url, { clock }, { ...relay });
    const probed = await probeRelay(client, 1, last, forever);
    t.like(probed, { reachable: true, error: null, errors: relay.dialect === "helix" ? "text" : "json" });
    // freelay refuses 1000 rows with a limit that isn't its own.
    if (relay.dialect !== "freelay") t.is(probed.page_limit, relay.payloadLimit, relay.name);
    const { page_rows } = probed;
    t.true(
      page_rows !== null && page_rows > 0 && page_rows <= probed.page_limit,
      `${relay.name} ${page_rows}`,
    );
    if (relay.name === "merlin") t.is(probed.oldest_slot, simulator.truth.horizon("merlin", "payloads") ?? 0);
    else
      t.true(probed.oldest_slot !== null && probed.oldest_slot < 500, `${relay.name} ${probed.oldest_slot}`);
    t.true(probed.newest_slot !== null && probed.newest_slot > last - 1000, `${relay.name}`);
    t.true(probed.requests <= 60, `${probed.requests} requests`);
    t.is(probed.requests, client.counters.requests);
  }
  t.true(simulator.requests.every(({ url }) => cursorOf(url) !== 0));
});

test("a page limit that was lowered is reported, and is no reason to call a relay unreachable", async (t) => {
  const { url } = await serveAnswers(t, (request, response, nth) => {
    const limit = Number(new URL(request.url ?? "", "http://x").searchParams.get("limit"));
    const cursor = cursorOf(request.url ?? "") ?? 13_000_000;
    const refusal = status(400, "maximum limit is 50");
    (limit > 50 ? refusal : ok(page(12_999_000, cursor, limit)))(request, response, nth);
  });
  const probed = await probeRelay(clientOf(t, url), 1, 13_000_000, forever);
  t.like(probed, { reachable: true, page_limit: 50, page_rows: 50, oldest_slot: 12_999_000, errors: "text" });
});

test("a relay that doesn't heed the cursor ends the search", async (t) => {
  const { url, asked } = await serveAnswers(t, ok(page(1000, 1000, 1)));
  const probed = await probeRelay(clientOf(t, url), 1, 2000, forever);
  t.like(probed, { reachable: true, newest_slot: 1000 });
  t.regex(probed.error ?? "", /cursor 500 shows slot 1000: the cursor isn't heeded/);
  t.is(asked.length, 3);
});

test("a relay that fails every other time costs at most 60 requests, and what was seen is shown", async (t) => {
  const { url, asked } = await serveAnswers(t, (request, response, nth) => {
    const cursor = cursorOf(request.url ?? "") ?? 15_000_000;
    (nth % 2 === 0 ? status(500) : ok(page(1, cursor, 1)))(request, response, nth);
  });
  const probed = await probeRelay(clientOf(t, url), 1, 15_000_000, forever);
  t.true(asked.length <= 60, `${asked.length}`);
  t.like(probed, { reachable: true, newest_slot: 15_000_000 });
  t.regex(probed.error ?? "", /wasn't found with \d\d requests/);
});

test("what isn't a relay can't be reached", async (t) => {
  for (const handler of [ok("<html>"), status(404, "{}"), status(500), status(403)]) {
    const { url, asked } = await serveAnswers(t, handler);
    const probed = await probeRelay(clientOf(t, url), 1, 1000, forever);
    t.false(probed.reachable);
    t.truthy(probed.error);
    t.true(asked.length <= 6, `${asked.length}`);
  }
});

test("when the time is up, what was found is shown", async (t) => {
  const stop = new AbortController();
  const { url } = await serveAnswers(t, (request, response, nth) => {
    if (nth < 4) ok(page(1, cursorOf(request.url ?? "") ?? 9000, 1))(request, response, nth);
    else stop.abort(new Error("time is up"));
  });
  const probed = await probeRelay(clientOf(t, url), 1, 9000, stop.signal);
  t.like(probed, { reachable: true, newest_slot: 9000, oldest_slot: 4500 });
  t.regex(probed.error ?? "", /within 60 s/);
});
