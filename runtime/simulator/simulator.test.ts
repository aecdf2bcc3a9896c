import { Agent as HttpAgent, get } from "node:http";
import { gunzipSync } from "node:zlib";
import test from "ava";
import fc from "fast-check";
import { simulatedNetwork } from "../chain/networks.ts";
import { answerDecoder, oversizeFields } from "../datasets/answer.ts";
import { type DatasetName, datasets } from "../datasets/dataset.ts";
import { lineWriter } from "../datasets/line.ts";
import { codeOf } from "../errors.ts";
import { simulatedRelays } from "./directory.ts";
import { FAULTS, type FaultKind } from "./faultKinds.ts";
import { FAULT_PLANS, type FaultPlan, without } from "./faults.ts";
import { HOSTILE_CASES, startHostileRelay } from "./hostile.ts";
import { type Simulator, startSimulator } from "./server.ts";
import {
  type Got,
  HEAD,
  clockAt,
  fetchRaw,
  path,
  rowsIn,
  answeredSlots,
  withSimulator,
} from "./simulator.testing.ts";
import { SimulatedData } from "./truth.ts";

/** What the project's own decoder and writer make of an answer, in the form of the truth. */
function decoded(dataset: DatasetName, seed: number, relay: string, slot: number, body: Buffer) {
  const { rows, refused } = answerDecoder(datasets[dataset])(body, slot);
  const write = lineWriter(datasets[dataset], simulatedNetwork(seed), relay, slot);
  return {
    rows: counted(rows.map(({ row }) => write(row).trimEnd())),
    quarantine: counted([...refused, ...oversizeFields(rows)].map(({ raw }) => raw)),
  };
}

function counted(texts: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1);
  return Array.from(counts, ([text, count]) => `${count} × ${text}`).toSorted();
}

function expected(data: Simulator["truth"], dataset: DatasetName, relay: string, slot: number) {
  const { rows, quarantine } = data.expected(dataset, relay, slot);
  return {
    rows: rows.map(({ copies, ...row }) => `${String(copies)} × ${JSON.stringify(row)}`).toSorted(),
    quarantine: quarantine.map(({ raw, copies }) => `${copies} × ${raw}`).toSorted(),
  };
}

test("one seed gives the same bytes in whatever order it is asked, another seed gives others", async (t) => {
  const urls = simulatedRelays(1).flatMap(({ name }) =>
    [HEAD - 60, HEAD - 400, HEAD - 77].flatMap((slot): [string, DatasetName, string][] => [
      [name, "bids", `slot=${slot}`],
      [name, "payloads", `cursor=${slot}&limit=100`],
    ]),
  );
  const bodies = async (seed: number, order: typeof urls) => {
    const found = new Map<string, string>();
    await withSimulator({ seed, scale: 0.1 }, async (sim) => {
      for (const [relay, dataset, query] of order) {
        const rows = await rowsIn(sim, relay, dataset, query);
        found.set(
          `${relay} ${dataset} ${query}`,
          JSON.stringify(rows.map((r) => JSON.stringify(r)).toSorted()),
        );
      }
    });
    return found;
  };
  const once = await bodies(1, urls);
  const again = await bodies(1, urls.toReversed());
  for (const [key, body] of once) t.is(again.get(key), body, key);
  const other = await bodies(2, urls);
  for (const [key, body] of once) if (body !== "[]") t.not(other.get(key), body, key);
});

test("the truth is what the project's decoder makes of an honest answer, for any seed, relay and slot", async (t) => {
  let rows = 0;
  let refused = 0;
  await fc.assert(
    fc.asyncProperty(fc.nat(), fc.integer({ min: 1, max: HEAD }), async (seed, slot) => {
      await withSimulator({ seed, scale: 0.15 }, async (sim) => {
        for (const { name } of sim.relays) {
          for (const dataset of ["bids", "payloads"] as const) {
            const first = name === "merlin" ? Math.max(slot, HEAD - 6_000) : slot;
            const { body } = await fetchRaw(path(sim, name, dataset, `slot=${first}`));
            const mine = decoded(dataset, seed, name, first, body);
            t.deepEqual(mine, expected(sim.truth, dataset, name, first), `${name} ${dataset} ${first}`);
            rows += mine.rows.length;
            refused += mine.quarantine.length;
          }
        }
      });
    }),
    { numRuns: 30 },
  );
  t.true(rows > 5_000 && refused > 3, `${rows} rows, ${refused} refused`);
});

test("auctions are as large, as odd and as incomplete as was asked for", (t) => {
  const seed = 7;
  const data = new SimulatedData({ seed, clock: clockAt() });
  const slots = Array.from({ length: 128 }, (_, i) => HEAD - 60 - i);
  const seen = new Map<string, { mean: number; empty: number; delivered: number }>();
  let beyond64 = 0;
  let bad = 0;
  const hits = {
    twoParents: 0,
    sharedHash: 0,
    sameRow: 0,
    twoPayloads: 0,
    bareBig: 0,
    noMs: 0,
  };
  for (const { relay } of data.profiles.filter((p) => p.relay.state === "active")) {
    const counts = slots.map((slot) => {
      const bids = data.bids(relay.name, slot);
      const hashes = bids.map(({ block }) => block.hash);
      if (new Set(bids.map(({ block }) => block.parentHash)).size > 1) hits.twoParents++;
      if (new Set(hashes).size < hashes.length) hits.sharedHash++;
      if (
        relay.name === "heron" &&
        data.expected("bids", "heron", slot).rows.some(({ copies }) => copies === "2")
      )
        hits.sameRow++;
      beyond64 += bids.filter(({ block }) => BigInt(block.value) > 2n ** 64n).length;
      bad += bids.filter(({ quirk }) => quirk && !quirk.kept).length;
      hits.bareBig += bids.filter(({ quirk }) => /^\d{17,}$/.test(quirk?.sent["value"] ?? "")).length;
      hits.noMs += bids.filter(({ received }) => received?.tells === "seconds").length;
      const payloads = data.payloads(relay.name, slot);
      if (payloads.length > 1) hits.twoPayloads++;
      const offered = new Set(hashes);
      if (!relay.adjusts)
        t.true(
          payloads.every(({ block }) => offered.has(block.hash)),
          `${relay.name} ${slot}`,
        );
      return bids.length;
    });
    const full = counts.filter((count) => count > 0);
    t.true(Math.min(...full) >= 50 && Math.max(...full) <= 2_500, `${relay.name}: ${Math.min(...full)}`);
    seen.set(relay.name, {
      mean: full.reduce((sum, n) => sum + n, 0) / full.length,
      empty: counts.length - full.length,
      delivered: slots.filter((slot) => data.payloads(relay.name, slot).length > 0).length,
    });
  }
  t.true(seen.size >= 8);
  t.true((seen.get("kestrel")?.mean ?? 0) > 1_800 && (seen.get("kestrel")?.mean ?? 0) < 2_300);
  t.true((seen.get("wren")?.mean ?? 0) < 80 && (seen.get("wren")?.empty ?? 0) > 12);
  t.true((seen.get("osprey")?.empty ?? 0) > 2, "a Helix relay has truly empty slots");
  const delivered = [...seen.values()].reduce((sum, relay) => sum + relay.delivered, 0);
  t.true(delivered > 1.3 * slots.length && delivered < 2 * slots.length, `${delivered} payloads`);
  for (const [what, count] of Object.entries(hits)) t.true(count > 0, what);
  t.true(beyond64 > 50 && bad > 30, `${beyond64} values over 2^64, ${bad} bad rows`);
});

test("one slot in 64 is missed, and some blocks are reorged", (t) => {
  const data = new SimulatedData({ seed: 7, clock: clockAt() });
  const slots = Array.from({ length: 128 }, (_, i) => HEAD - 60 - i);
  const fates = slots.map((slot) => {
    const hashes = ["heron", "osprey", "swift", "plover"].flatMap(
      (r) => data.payloads(r, slot)[0]?.block.hash ?? [],
    );
    return { canonical: data.canonicalHash(slot), hashes };
  });
  t.is(fates.filter(({ canonical }) => canonical === undefined).length, slots.length / 64);
  t.true(
    fates.some(({ canonical, hashes }) => hashes[0] !== undefined && canonical !== hashes[0]),
    "a reorg",
  );
  t.true(fates.some(({ canonical, hashes }) => hashes.length > 1 && hashes.every((h) => h === canonical)));
});

test("values rise through a slot and builders' shares change", (t) => {
  const data = new SimulatedData({ seed: 3, clock: clockAt() });
  const builders = (from: number) => {
    const counts = new Map<string, number>();
    for (let slot = from; slot < from + 12; slot++) {
      for (const { block } of data.bids("heron", slot))
        counts.set(block.builder, (counts.get(block.builder) ?? 0) + 1);
    }
    return [...counts].toSorted((a, b) => b[1] - a[1]).map(([key]) => key);
  };
  const bids = data.bids("kestrel", HEAD - 100).toSorted((a, b) => a.block.sentMs - b.block.sentMs);
  const mean = (part: typeof bids) =>
    part.reduce((sum, { block }) => sum + Number(block.value), 0) / part.length;
  const third = Math.floor(bids.length / 3);
  t.true(mean(bids.slice(-third)) > 1.3 * mean(bids.slice(0, third)));
  t.notDeepEqual(builders(1_000_000).slice(0, 8), builders(3_000_000).slice(0, 8));
});

test("the reference dialect refuses, orders and limits as the facts say", async (t) => {
  await withSimulator({}, async (sim) => {
    const slot = HEAD - 100;
    const refusals: [DatasetName, string, string][] = [
      ["bids", "slot=1&cursor=2", "cursor argument not supported"],
      ["bids", "", "need to query for specific slot or block_hash or block_number or builder_pubkey"],
      ["bids", "slot=x", "invalid slot argument"],
      ["bids", `slot=${slot}&limit=501`, "maximum limit is 500"],
      ["bids", "block_hash=0x12", "invalid block_hash argument"],
      ["payloads", "slot=1&cursor=1", "cannot specify both slot and cursor"],
      ["payloads", "limit=201", "maximum limit is 200"],
      ["payloads", "limit=-1", "invalid limit argument"],
      ["payloads", "cursor=x", "invalid cursor argument"],
    ];
    for (const [dataset, query, message] of refusals) {
      for (const turn of [1, 2]) {
        const got = await fetchRaw(path(sim, "heron", dataset, query));
        t.is(got.status, 400, `${query} ${turn}`);
        t.deepEqual(JSON.parse(got.body.toString()), { code: 400, message });
        t.is(got.headers["content-type"], "application/json");
      }
    }
    const all = await rowsIn(sim, "heron", "bids", `slot=${slot}`);
    t.deepEqual(await rowsIn(sim, "heron", "bids", `slot=${slot}&limit=3`), all, "limit is dropped");
    const times = all.flatMap((row) =>
      typeof row["timestamp_ms"] === "string" ? [Number(row["timestamp_ms"])] : [],
    );
    t.true(
      times.filter((ms) => ms < 1e13 && ms > 0).every((ms, i, sane) => i === 0 || ms <= (sane[i - 1] ?? ms)),
    );
    t.is((await rowsIn(sim, "heron", "bids", "slot=-1")).length, 500);
    const [first] = all;
    const number = String(first?.["block_number"]);
    t.true(
      (await rowsIn(sim, "heron", "bids", `block_number=${number}`)).every(
        (r) => r["block_number"] === number,
      ),
    );

    t.deepEqual(await rowsIn(sim, "heron", "payloads", "limit=0"), []);
    const page = await rowsIn(sim, "heron", "payloads", `cursor=${slot}&limit=200`);
    t.is(page.length, 200);
    const slots = answeredSlots(page);
    t.true(
      slots.every((s, i) => s <= (i === 0 ? slot : (slots[i - 1] ?? 0))),
      "newest first, none above the cursor",
    );
    const [newest = 0] = slots;
    t.is(
      answeredSlots(await rowsIn(sim, "heron", "payloads", `cursor=${newest}&limit=1`))[0],
      newest,
      "inclusive",
    );
    t.deepEqual(
      answeredSlots(await rowsIn(sim, "heron", "payloads", "cursor=0&limit=5")).length,
      5,
      "0 is unset",
    );
    t.deepEqual(await rowsIn(sim, "heron", "bids", `slot=${HEAD + 1}`), []);
    t.deepEqual(await rowsIn(sim, "heron", "payloads", `slot=${HEAD + 1}`), []);
  });
});

test("the reference dialect takes GET alone, knows its paths, and frames as the facts say", async (t) => {
  await withSimulator({}, async (sim) => {
    const slot = HEAD - 100;
    const all = await rowsIn(sim, "heron", "bids", `slot=${slot}`);
    const url = path(sim, "heron", "bids", `slot=${slot}`);
    t.is((await fetchRaw(url, { method: "POST" })).status, 405);
    t.is((await fetchRaw(url, { method: "HEAD" })).status, 405);
    for (const wrong of [
      `${sim.url}/nobody/relay/v1/data/bidtraces/builder_blocks_received?slot=1`,
      `${sim.url}/`,
      `${sim.url}/heron/relay/v1/data/x`,
    ]) {
      const got = await fetchRaw(wrong);
      t.is(got.status, 404);
      t.regex(String(got.headers["content-type"]), /^text\/plain/);
    }

    const zipped = await fetchRaw(url, { headers: { "accept-encoding": "gzip, br" } });
    t.is(zipped.headers["content-encoding"], "gzip");
    t.is(zipped.headers["transfer-encoding"], "chunked");
    t.deepEqual(JSON.parse(gunzipSync(zipped.body).toString()), all);
    const small = await fetchRaw(path(sim, "heron", "payloads", `cursor=${slot}&limit=1`), {
      headers: { "accept-encoding": "gzip" },
    });
    t.is(small.headers["content-encoding"], undefined);
    t.is(small.headers["content-length"], String(small.body.length));
    t.is(
      (await fetchRaw(url, { headers: { "accept-encoding": "br" } })).headers["content-encoding"],
      undefined,
    );
    t.is(zipped.headers["keep-alive"], undefined, "no time-out is announced");
  });
});

test("bloXroute, Dreamboat and Freelay speak their own dialects", async (t) => {
  await withSimulator({}, async (sim) => {
    const slot = HEAD - 100;
    const said = async (relay: string, dataset: DatasetName, query: string) =>
      (JSON.parse((await fetchRaw(path(sim, relay, dataset, query))).body.toString()) as { message: string })
        .message;
    t.is((await rowsIn(sim, "swift", "payloads", `cursor=${slot}`)).length, 100);
    t.is(await said("swift", "payloads", "limit=101"), "maximum limit is 100");
    t.is(await said("swift", "bids", "slot=1&cursor=1"), "cursor argument not supported on this API");
    t.regex(
      (await fetchRaw(path(sim, "swift", "bids", `slot=${slot}`))).body.toString(),
      /"timestamp_ms":"\d+","timestamp"/,
    );

    t.is((await rowsIn(sim, "dunlin", "payloads", `cursor=${slot}`)).length, 450);
    t.is(await said("dunlin", "payloads", "limit=451"), "limit is higher than 450");
    t.regex(await said("dunlin", "payloads", "slot=x"), /^invalid slot: strconv/);
    t.is((await rowsIn(sim, "dunlin", "bids", "")).length, 450, "no filter is needed");
    const array = await rowsIn(sim, "dunlin", "payloads", `slot=5&cursor=${slot}`);
    t.true(
      answeredSlots(array).every((s) => s === 5),
      "slot wins",
    );
    const hashes = (await rowsIn(sim, "dunlin", "bids", `slot=${slot}`)).map((row) =>
      String(row["block_hash"]),
    );
    t.is(new Set(hashes).size, hashes.length);

    t.is(await said("lapwing", "payloads", "slot=1&cursor=1"), "slot and cursor cannot be used together");
    t.is(await said("lapwing", "payloads", "limit=201"), "limit cannot be greater than 500");
    t.is(await said("lapwing", "bids", ""), "invalid query");
    t.is(
      (await rowsIn(sim, "lapwing", "bids", `slot=${slot}&limit=7`)).length,
      7,
      "limit cuts even with slot",
    );
    const [bare] = await rowsIn(sim, "lapwing", "bids", `slot=${slot}`);
    t.is(typeof bare?.["timestamp"], "number");
    t.is(typeof bare?.["gas_limit"], "number");
  });
});

test("Helix answers in plain text, cuts arbitrarily and removes duplicates after the limit", async (t) => {
  await withSimulator({}, async (sim) => {
    const slot = HEAD - 100;
    const refused = await fetchRaw(path(sim, "osprey", "payloads", "slot=1&cursor=1"));
    t.is(refused.status, 400);
    t.is(refused.body.toString(), "cannot specify both slot and cursor");
    t.regex(String(refused.headers["content-type"]), /^text\/plain/);

    const all = await rowsIn(sim, "osprey", "bids", `slot=${slot}`);
    const few = await rowsIn(sim, "osprey", "bids", `slot=${slot}&limit=20`);
    t.true(few.length <= 20 && few.length > 10);
    const newest = all
      .toSorted((a, b) => Number(b["timestamp_ms"]) - Number(a["timestamp_ms"]))
      .slice(0, few.length)
      .map((row) => row["block_hash"]);
    t.notDeepEqual(
      few.map((row) => row["block_hash"]),
      newest,
      "an arbitrary subset",
    );
    t.is(
      (await rowsIn(sim, "osprey", "bids", `slot=${slot}&cursor=5`)).length,
      all.length,
      "cursor is passed over",
    );
    t.is(new Set(all.map((row) => row["block_hash"])).size, all.length, "one row a hash");
    const zipped = await fetchRaw(path(sim, "osprey", "bids", `slot=${slot}`), {
      headers: { "accept-encoding": "gzip" },
    });
    t.is(zipped.headers["content-encoding"], undefined);

    const pages = [];
    for (let cursor = slot; pages.length < 8;) {
      const rows = await rowsIn(sim, "osprey", "payloads", `cursor=${cursor}&limit=200`);
      pages.push(rows.length);
      cursor = answeredSlots(rows).at(-1) ?? 0;
    }
    t.true(
      pages.some((length) => length < 200),
      "short pages though more rows exist",
    );
    t.true(pages.every((length) => length > 150));
  });
});

test("Helix keeps stale answers", async (t) => {
  const always: FaultPlan = { rates: { "stale-empty": 1 } };
  await withSimulator({ faults: always }, async (sim, clock) => {
    const slot = HEAD - 100;
    const ask = async () => (await rowsIn(sim, "osprey", "bids", `slot=${slot}`)).length;
    t.true(sim.truth.bids("osprey", slot).length > 0);
    t.is(await ask(), 0);
    for (let i = 0; i < 3; i++) {
      clock.advance(11_000);
      t.is(await ask(), 0, "asking sooner than 12 s keeps the stale answer alive");
    }
    clock.advance(12_000);
    t.is(await ask(), sim.truth.bids("osprey", slot).length);
    t.true((await rowsIn(sim, "heron", "bids", `slot=${slot}`)).length > 0, "only Helix keeps answers");

    const next = HEAD + 1;
    const early = async () => (await rowsIn(sim, "osprey", "bids", `slot=${next}`)).length;
    t.is(await early(), 0);
    clock.advance(11_999);
    t.is(await early(), 0);
  });
});

test("a relay with a short memory answers [] below its horizon, and the truth says where that is", async (t) => {
  await withSimulator({ scale: 0.1 }, async (sim, clock) => {
    for (const dataset of ["bids", "payloads"] as const) {
      const horizon = sim.truth.horizon("merlin", dataset) ?? 0;
      t.true(horizon > HEAD - 7_200 && horizon < HEAD - 6_700, String(horizon));
      t.true((await rowsIn(sim, "merlin", dataset, `slot=${horizon}`)).length > 0);
      for (const below of [1, 2, 3, 100])
        t.deepEqual(await rowsIn(sim, "merlin", dataset, `slot=${horizon - below}`), []);
      t.is(sim.truth.horizon("dotterel", "bids"), 1_000);
    }
    const horizon = sim.truth.horizon("merlin", "payloads") ?? 0;
    t.deepEqual(await rowsIn(sim, "merlin", "payloads", `cursor=${horizon - 1}`), []);
    t.deepEqual(answeredSlots(await rowsIn(sim, "merlin", "payloads", `cursor=${horizon}`)), [horizon]);
    clock.advance(12_000 * 600);
    t.true((sim.truth.horizon("merlin", "bids") ?? 0) >= horizon + 300, "it moves with the clock");
    t.true(
      sim.truth.bids("merlin", horizon).length + sim.truth.payloads("merlin", horizon).length > 0,
      "the truth stays",
    );
  });
  await withSimulator({ keepsSlots: { heron: 1_000 }, scale: 0.1 }, async (sim) => {
    t.true((sim.truth.horizon("heron", "bids") ?? 0) > HEAD - 1_000);
    const page = answeredSlots(await rowsIn(sim, "heron", "payloads", "limit=200"));
    t.true(page.length > 10 && page.length < 200 && page.every((slot) => slot > HEAD - 1_000));
  });
});

test("paging by the lowest slot meets every payload, two of one slot at a page's border included", async (t) => {
  await withSimulator({}, async (sim) => {
    const last = HEAD - 100;
    let borders = 0;
    const found = new Map<number, number>();
    let cursor = last;
    for (let page = 0; page < 40; page++) {
      const rows = answeredSlots(await rowsIn(sim, "swift", "payloads", `cursor=${cursor}&limit=100`));
      const lowest = rows.at(-1) ?? 0;
      for (const slot of rows.filter((s) => s > lowest)) found.set(slot, (found.get(slot) ?? 0) + 1);
      if (sim.truth.payloads("swift", lowest).length > rows.filter((s) => s === lowest).length) borders++;
      cursor = lowest;
    }
    for (let slot = cursor + 1; slot <= last; slot++) {
      if ((found.get(slot) ?? 0) !== sim.truth.payloads("swift", slot).length) t.fail(`slot ${slot}`);
    }
    t.true(borders > 0, "some page ended between two payloads of one slot");
  });
});

/** Asks one URL until it is answered whole with the right rows; what each ask met. */
async function askUntilTrue(
  sim: Simulator,
  relay: string,
  slot: number,
  agent?: HttpAgent,
): Promise<(FaultKind | undefined)[]> {
  const right = counted(sim.truth.bids(relay, slot).map(({ json }) => json));
  for (let ask = 0; ask < 20; ask++) {
    const got = await fetchRaw(path(sim, relay, "bids", `slot=${slot}`), agent ? { agent } : {});
    if (got.status !== 200 || !got.whole || !/json|plain|html/.test(String(got.headers["content-type"])))
      continue;
    const text = got.body.toString();
    if (text.trimEnd().endsWith("]") && text.length > 3) {
      const sent = counted(
        text
          .trim()
          .slice(1, -1)
          .split(/(?<=\}),(?=\{"slot")/),
      );
      if (JSON.stringify(sent) === JSON.stringify(right)) break;
    }
  }
  return sim.requests.filter((r) => r.relay === relay && r.slot === slot).map(({ fault }) => fault);
}

/** How an answer shows its fault. */
const SHOWN: Partial<Record<FaultKind, (got: Got) => boolean>> = {
  refused: ({ status }) => status === 0,
  "429": ({ status, headers }) => status === 429 && headers["retry-after"] === undefined,
  "429-retry-after": ({ status, headers }) => status === 429 && headers["retry-after"] !== undefined,
  "408": ({ status, body }) => status === 408 && body.length === 0,
  "500-html": ({ status, headers }) => status === 500 && headers["content-type"] === "text/html",
  "502": ({ status, body }) => status === 502 && body.length === 0,
  "503": ({ status }) => status === 503,
  "cut-json": ({ status, body }) => status === 200 && !body.toString().trimEnd().endsWith("}]"),
  "cut-gzip": ({ headers, body }) => {
    if (headers["content-encoding"] !== "gzip") return false;
    try {
      gunzipSync(body);
      return false;
    } catch (error) {
      return codeOf(error) === "Z_BUF_ERROR";
    }
  },
  "204": ({ status, body }) => status === 204 && body.length === 0,
  "content-type": ({ status, headers }) => status === 200 && headers["content-type"] === "text/plain",
  "html-200": ({ status, body }) => status === 200 && body.toString().startsWith("<html>"),
  redirect: ({ status, headers }) => status === 302 && /^\/[a-z-]+\/relay\/v1/.test(String(headers.location)),
  short: ({ status }) => status === 200,
  late: ({ status }) => status === 200,
  "403": ({ status, body }) => status === 403 && body.toString().startsWith("<html>"),
  "403-cdn": ({ status, body }) => status === 403 && body.toString() === "error code: 1020",
  "429-cdn": ({ status, body }) => status === 429 && body.toString() === "error code: 1015",
  parked: ({ status, headers }) => status === 200 && headers["content-type"] === "text/html",
  "error-row": ({ status, body }) => {
    const rows = JSON.parse(body.toString()) as Record<string, unknown>[];
    return status === 200 && rows.findIndex(({ code }) => code === 500) === rows.length - 1;
  },
  bom: ({ status, body }) => status === 200 && body.subarray(0, 3).toString("hex") === "efbbbf",
  "encoding-odd": ({ headers }) => ["", "utf-8"].includes(headers["content-encoding"] ?? "none"),
  "typed-html": ({ headers, body }) =>
    headers["content-type"] === "text/html" && body.toString().startsWith('[{"slot"'),
};

test("every fault occurs, passes after three in a row, and a URL asked again ends with the truth", async (t) => {
  for (const [kind, check] of Object.entries(SHOWN) as [FaultKind, (got: Got) => boolean][]) {
    await withSimulator({ faults: { rates: { [kind]: 1 } }, scale: 0.2 }, async (sim) => {
      const slot =
        Array.from({ length: 9 }, (_, i) => HEAD - 60 - i).find(
          (s) => sim.truth.bids("heron", s).length > 3,
        ) ?? 0;
      const url = path(sim, "heron", "bids", `slot=${slot}`);
      const first = await fetchRaw(url, { headers: { "accept-encoding": "gzip" } });
      t.true(check(first), `${kind}: ${first.status} ${JSON.stringify(first.headers)}`);
      const met = await askUntilTrue(sim, "heron", slot);
      t.true(met.filter((fault) => fault === kind).length >= 1 && met.length <= 4, `${kind}: ${met.join()}`);
      if (kind === "short" || kind === "late") {
        const rows = JSON.parse(gunzipSync(first.body).toString()) as unknown[];
        t.true(rows.length > 0 && rows.length < sim.truth.bids("heron", slot).length, kind);
        t.deepEqual(met, [kind, undefined], "only the first answer");
      }
    });
  }
  t.deepEqual(FAULTS.filter((kind) => !(kind in SHOWN)).toSorted(), [
    "404-empty",
    "500-for-an-hour",
    "down",
    "drip",
    "hang",
    "null-empty",
    "reset",
    "stale-empty",
  ]);
});

test("faults that last: a slot fails for an hour, a relay is down for a while", async (t) => {
  await withSimulator({ faults: { rates: { "500-for-an-hour": 0.5 } }, scale: 0.1 }, async (sim, clock) => {
    const status = async (slot: number) =>
      (await fetchRaw(path(sim, "heron", "bids", `slot=${slot}`))).status;
    const slots = Array.from({ length: 30 }, (_, i) => HEAD - 60 - i);
    const broken: number[] = [];
    for (const slot of slots) if ((await status(slot)) === 500) broken.push(slot);
    t.true(broken.length > 5 && broken.length < 25);
    clock.advance(3_599_000);
    for (const slot of broken) for (let i = 0; i < 3; i++) t.is(await status(slot), 500);
    clock.advance(1_000);
    for (const slot of slots) t.is(await status(slot), 200);
  });
  await withSimulator({ faults: { rates: {}, oneDown: true }, scale: 0.1 }, async (sim, clock) => {
    const status = async (relay: string) =>
      (await fetchRaw(path(sim, relay, "bids", `slot=${HEAD - 60}`))).status;
    const down: string[] = [];
    for (const { name, state } of sim.relays)
      if (state === "active" && (await status(name)) === 0) down.push(name);
    t.is(down.length, 1);
    const [relay = ""] = down;
    t.is(await status(relay), 0);
    clock.advance(600_000);
    t.is(await status(relay), 200);
  });
  await withSimulator({ faults: { rates: {}, relays: { heron: { down: 1 } } }, scale: 0.1 }, async (sim) => {
    let asks = 0;
    while ((await fetchRaw(path(sim, "heron", "bids", `slot=${HEAD - 60}`))).status === 0) asks++;
    t.true(asks >= 20 && asks <= 40, "it comes back after some asks too");
  });
});

test("a connection can be lost while idle, an answer can hang or drip, and closing waits for none of them", async (t) => {
  await withSimulator({ faults: { rates: { reset: 1 } }, scale: 0.1 }, async (sim) => {
    const agent = new HttpAgent({ keepAlive: true, maxSockets: 1 });
    const url = path(sim, "heron", "bids", `slot=${HEAD - 60}`);
    t.is((await fetchRaw(url, { agent })).status, 200);
    t.is((await fetchRaw(url, { agent })).status, 0, "the same connection is dead");
    t.is((await fetchRaw(url, { agent })).status, 200, "a new one isn't");
    agent.destroy();
  });
  for (const kind of ["hang", "drip"] as const) {
    const sim = await startSimulator({
      seed: 1,
      faults: { rates: { [kind]: 1 } },
      clock: clockAt(),
      scale: 0.5,
    });
    const url = path(sim, "heron", "bids", `slot=${HEAD - 60}`);
    const open = fetchRaw(url);
    const left = get(url);
    left.on("error", () => undefined);
    while (sim.requests.filter(({ fault }) => fault === kind).length < 2) await new Promise(setImmediate);
    left.destroy();
    await sim.close();
    t.false((await open).whole, kind);
  }
});

test("under all faults at once each relay's slots can be had, and faults are as frequent as planned", async (t) => {
  const fleeting = without(FAULT_PLANS.harsh, "hang", "drip", "500-for-an-hour");
  t.is(without(FAULT_PLANS.harsh, "short", "late").rates.short, undefined);
  t.is(FAULT_PLANS.mild.rates.short ?? FAULT_PLANS.mild.rates.late, undefined);
  await withSimulator({ faults: fleeting, scale: 0.05 }, async (sim, clock) => {
    const agent = new HttpAgent({ keepAlive: true });
    let worst = 0;
    clock.advance(1);
    for (const { name, dialect } of sim.relays.filter(({ state }) => state === "active")) {
      while ((await fetchRaw(path(sim, name, "bids", "slot=1"))).status === 0);
      if (dialect === "helix" || dialect === "freelay") continue;
      for (let slot = HEAD - 130; slot < HEAD - 60; slot++) {
        if (sim.truth.bids(name, slot).length === 0) continue;
        worst = Math.max(
          worst,
          (await askUntilTrue(sim, name, slot, agent)).filter((f) => f !== undefined).length,
        );
      }
    }
    agent.destroy();
    t.true(worst >= 2 && worst <= 8, `${worst} faults on one URL`);
    const asked = sim.requests.filter(({ slot }) => (slot ?? 0) > 1);
    const met = new Set(asked.map(({ fault }) => fault));
    const share = asked.filter(({ fault }) => fault !== undefined).length / asked.length;
    t.true(share > 0.1 && share < 0.3, `${share} of ${asked.length}`);
    t.true(met.size >= 14, [...met].join());
  });
});

test("an occupied port is named, and hostile relays attack as they say", async (t) => {
  await withSimulator({}, async (sim) => {
    const port = Number(new URL(sim.url).port);
    await t.throwsAsync(startSimulator({ seed: 1, faults: "none", clock: clockAt(), port }), {
      message: `The simulator can't listen on port ${port}: it is in use: choose another with --port.`,
    });
  });
  const hostile = await startHostileRelay();
  const endless = new Set<string>(["endless", "bomb", "drip"]);
  for (const attack of HOSTILE_CASES) {
    const url = `${hostile.url(attack)}/relay/v1/data/bidtraces/builder_blocks_received?slot=7`;
    if (!endless.has(attack)) {
      const got = await fetchRaw(url);
      t.true(got.whole && got.status > 0, attack);
      if (attack === "outside") t.deepEqual(answeredSlots(JSON.parse(got.body.toString()) as []), [8, 7]);
      continue;
    }
    const bytes = await new Promise<number>((resolve) => {
      let sum = 0;
      const asked = get(url, (response) => {
        response.on("data", (part: Buffer) => {
          sum += part.length;
          if (sum > (attack === "drip" ? 2 : 2_000_000)) asked.destroy();
        });
        response.on("error", () => resolve(sum));
        response.on("end", () => resolve(-1));
      });
    });
    t.true(bytes > 0, attack);
  }
  t.is(hostile.visits.length, HOSTILE_CASES.length);
  await hostile.close();
});
