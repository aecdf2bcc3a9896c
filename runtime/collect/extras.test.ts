import test from "ava";
import { answerDecoder } from "../datasets/answer.ts";
import { adjustments } from "../datasets/adjustments.ts";
import type { DatasetName } from "../datasets/dataset.ts";
import { isBad } from "../lake/lake.ts";
import { silentLog } from "../log.ts";
import type { Relay } from "../relays/relay.ts";
import { relay, sentRow, setUp, testNetwork } from "./collect.testing.ts";
import { coverageOf } from "./coverage.ts";
import { collect } from "./run.ts";
import { packSlot } from "./slotAnswer.ts";

const adjusting: Relay = { ...relay, dialect: "ultrasound", adjusts: true };
const [FIRST, LAST] = [640, 679];

/** What a relay says of an adjustment that made a slot's delivered block, or another one. */
function adjustment(slot: number, hash: unknown): Record<string, unknown> {
  const { builder_pubkey, parent_hash } = sentRow(slot, 1);
  return {
    adjusted_block_hash: hash,
    submitted_block_hash: parent_hash,
    builder_pubkey,
    submitted_value: "9",
    adjusted_value: "8",
    delta: "1",
    block_number: slot,
  };
}

/** A relay that delivered in every fourth slot what isn't among its bids, and says of some of these that it adjusted them. */
function scene() {
  const { clock, source, lake } = setUp();
  const state = { named: new Set<number>(), shown: new Set<number>(), forgets: false };
  for (let slot = FIRST; slot <= LAST; slot += 4) source.held.payloads.set(slot, 1);
  for (let slot = FIRST - 200; slot < FIRST; slot += 4) source.held.payloads.set(slot, 1);
  const asked: number[] = [];
  source.slot = async (dataset, slot, delivered) => {
    if (dataset.name === "adjustments") asked.push(slot);
    const hash = sentRow(slot, state.named.has(slot) ? 0 : 7)["block_hash"];
    const isShown = dataset.name === "bids" || (state.shown.has(slot) && !state.forgets);
    const rows = dataset.name === "bids" ? [sentRow(slot, 1)] : [adjustment(slot, hash)];
    const decoded = answerDecoder(dataset)(Buffer.from(JSON.stringify(isShown ? rows : [])), slot);
    const about = { network: testNetwork, relay: "alpha", slot };
    return packSlot(dataset, about, decoded, { readAt: clock.now(), delivered });
  };
  const run = (datasets: readonly DatasetName[], range = { first: FIRST, last: LAST }) =>
    collect({
      network: testNetwork,
      lake,
      clock,
      log: silentLog,
      sources: new Map([[adjusting, source]]),
      datasets,
      range,
      stop: new AbortController().signal,
    });
  const cover = (dataset: DatasetName, range = { first: FIRST, last: LAST }) => {
    const scope = { network: testNetwork, range, nowMs: clock.now() };
    return coverageOf(lake, scope, adjusting, dataset, (fault) => {
      throw new Error(fault);
    });
  };
  const suspects = async (dataset: DatasetName) => {
    const slots: number[] = [];
    for await (const entry of lake.list(dataset, "alpha", { first: FIRST, last: LAST })) {
      if (isBad(entry)) throw new Error(entry.fault);
      slots.push(...entry.meta.suspect.slots());
    }
    return slots;
  };
  return { source, lake, state, asked, run, cover, suspects };
}

const delivered = [640, 644, 648, 652, 656, 660, 664, 668, 672, 676];

test("only slots in which the relay delivered are asked for; the others are covered once their payloads are", async (t) => {
  const { asked, run, cover, state } = scene();
  await run(["adjustments"]);
  t.deepEqual(asked, [], "nobody knows yet what was delivered");
  t.like(await cover("adjustments"), { covered: 0, missing: 40 });
  for (const slot of delivered) state.shown.add(slot);
  await run(["payloads", "adjustments"]);
  t.deepEqual(
    asked.toSorted((a, b) => a - b),
    delivered,
  );
  t.like(await cover("adjustments"), { covered: 40, missing: 0, rows: 10 });
  t.is(asked.length, 10);
});

test("a delivered block that isn't among the bids is suspect unless an adjustment names it", async (t) => {
  const { run, suspects, state } = scene();
  for (const slot of delivered) state.shown.add(slot);
  for (const slot of delivered.slice(0, 6)) state.named.add(slot);
  await run(["payloads", "bids"]);
  t.deepEqual(await suspects("bids"), [], "while nobody knows what the relay made, all is excused");
  await run(["payloads", "bids", "adjustments"]);
  t.deepEqual(await suspects("bids"), delivered.slice(6));
});

test("an empty answer is believed where the relay shows the slot's payload around it, and not where it doesn't", async (t) => {
  const { source, run, cover, state } = scene();
  await run(["payloads"]);
  const { payloadSlot } = source;
  source.payloadSlot = async () => ({ rows: [], refused: [], cached: false });
  await run(["adjustments"]);
  t.like(await cover("adjustments"), { covered: 30, missing: 10, unproven: 10 });
  source.payloadSlot = payloadSlot;
  await run(["adjustments"]);
  t.like(await cover("adjustments"), { covered: 40, missing: 0, rows: 0 });
  t.is(state.shown.size, 0);
});

test("what the lake has of a sparse dataset bears witness too: a relay that shows it no more has forgotten", async (t) => {
  const { run, cover, state, source } = scene();
  for (const slot of delivered.slice(0, 5)) source.held.payloads.delete(slot);
  state.shown.add(660);
  await run(["payloads", "adjustments"]);
  t.like(await cover("adjustments"), { covered: 40, rows: 1 });
  // Older slots of the same relay, by another pass.
  for (let slot = FIRST - 40; slot < FIRST; slot += 4) source.held.payloads.set(slot, 1);
  state.forgets = true;
  const older = { first: FIRST - 40, last: FIRST - 1 };
  await run(["payloads", "adjustments"], older);
  t.like(await cover("adjustments", older), { covered: 30, missing: 10, unproven: 10 });
  state.forgets = false;
  await run(["adjustments"], older);
  t.like(await cover("adjustments", older), { covered: 40, missing: 0 });
});

test("an empty answer isn't believed where a slot that has shown rows shows none any more", async (t) => {
  const { run, cover, state } = scene();
  state.shown.add(676);
  await run(["payloads"]);
  state.forgets = false;
  const before = state.shown;
  // The newest slot shows rows at first, and nothing by the time that it is asked as a witness.
  let answers = 0;
  state.shown = new Proxy(before, {
    get: (target, key) =>
      key === "has" ? (slot: number) => target.has(slot) && answers++ === 0 : Reflect.get(target, key),
  });
  await run(["adjustments"]);
  t.like(await cover("adjustments"), { covered: 31, missing: 9, unproven: 9 });
});

test("a delivery that shows up later is asked about, though its slot was covered unasked", async (t) => {
  const { source, run, cover, suspects, state, asked, lake } = scene();
  source.held.payloads.delete(660);
  await run(["payloads", "adjustments"]);
  t.false(asked.includes(660));
  t.like(await cover("adjustments"), { covered: 40, missing: 0 });
  source.held.payloads.set(660, 1);
  state.shown.add(660);
  const { recheck } = await import("./recheck.ts");
  await recheck({
    network: testNetwork,
    lake,
    clock: { now: () => Date.now(), monotonic: () => 0, sleep: async () => {} },
    log: silentLog,
    sources: new Map([[adjusting, source]]),
    datasets: ["payloads"],
    range: { first: FIRST, last: LAST },
    stop: new AbortController().signal,
    chosen: (_dataset, _relay, slot) => slot === 660,
    accept: false,
  });
  t.deepEqual(await suspects("adjustments"), [660]);
  await run(["payloads", "adjustments"]);
  t.true(asked.includes(660));
  t.like(await cover("adjustments"), { covered: 40, missing: 0, rows: 1 });
});

test("a slot's adjustments needn't say their slot, which is the one that was asked for", (t) => {
  const sent = { data: [adjustment(5, `0x${"a".repeat(64)}`)], more: { data: [] } };
  const { rows, refused } = answerDecoder(adjustments, "data")(Buffer.from(JSON.stringify(sent)), 5);
  t.deepEqual([rows.length, refused.length, rows[0]?.slot], [1, 0, 5]);
  for (const odd of ["[]", '{"rows":[]}', '{"data":{}}', '{"data":[],"data":[1]}', '{"data":[]'])
    t.throws(
      () => answerDecoder(adjustments, "data")(Buffer.from(odd), 5),
      { name: "MalformedAnswerError" },
      odd,
    );
});

test("of slots whose payloads the relay has forgotten nobody knows whether it delivered: what is had by delivery is unavailable there, but where the lake knows", async (t) => {
  const { source, state, asked, run, cover } = scene();
  const forgetBelow = (slot: number) => {
    for (const each of source.held.payloads.keys()) if (each < slot) source.held.payloads.delete(each);
  };
  for (const slot of delivered) state.shown.add(slot);
  // Collected while it remembered them, and not yet asked about.
  await run(["payloads"], { first: 656, last: 667 });
  forgetBelow(672);
  await run(["payloads", "adjustments"]);
  t.like(await cover("payloads"), { unavailable: 16 + 4, missing: 0 });
  // From 656 on that is known; below it isn't.
  t.deepEqual(
    asked.toSorted((a, b) => a - b),
    [656, 660, 664, 672, 676],
  );
  t.like(await cover("adjustments"), { covered: 12 + 8, unavailable: 16, missing: 4 });
});
