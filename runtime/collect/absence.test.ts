import test from "ava";
import type { SlotRange } from "../chain/slots.ts";
import { answerDecoder } from "../datasets/answer.ts";
import type { DatasetName } from "../datasets/dataset.ts";
import { type Log, silentLog } from "../log.ts";
import type { Relay } from "../relays/relay.ts";
import { relay, setUp, testNetwork } from "./collect.testing.ts";
import { coverageOf } from "./coverage.ts";
import { collect } from "./run.ts";
import { packSlot } from "./slotAnswer.ts";

const merging: Relay = { ...relay, dialect: "helix" };
const [FIRST, LAST] = [640, 679];
const WHOLE = { first: FIRST, last: LAST };

/** A relay that delivered in one of so many slots, and answers of headers and merged blocks as `isServed` says. */
function scene(every = 2) {
  const { clock, source, lake } = setUp();
  for (let slot = FIRST - 100; slot <= LAST; slot += every) source.held.payloads.set(slot, 1);
  const state: { isServed: (slot: number) => boolean; asked: number[] } = {
    isServed: () => false,
    asked: [],
  };
  source.slot = async (dataset, slot) => {
    state.asked.push(slot);
    const about = { network: testNetwork, relay: "alpha", slot };
    const decoded = answerDecoder(dataset)(Buffer.from("[]"), slot);
    return packSlot(dataset, about, decoded, { readAt: clock.now(), absent: !state.isServed(slot) });
  };
  const said: string[] = [];
  const log: Log = { ...silentLog, info: (_fields: object, line?: string) => void said.push(line ?? "") };
  const run = (datasets: readonly DatasetName[], range: SlotRange) =>
    collect({
      network: testNetwork,
      lake,
      clock,
      log,
      sources: new Map([[merging, source]]),
      datasets,
      range,
      stop: new AbortController().signal,
    });
  const cover = (dataset: DatasetName, range: SlotRange) => {
    const scope = { network: testNetwork, range, nowMs: clock.now() };
    return coverageOf(lake, scope, merging, dataset, (fault) => {
      throw new Error(fault);
    });
  };
  return { state, said, run, cover };
}

for (const dataset of ["headers", "merged_blocks"] as const) {
  test(`${dataset}: a relay that answers 404 of every slot doesn't serve it; no horizon is said to be found`, async (t) => {
    const { said, run, cover } = scene();
    await run(["payloads", dataset], WHOLE);
    t.like(await cover(dataset, WHOLE), { missing: 0 });
    t.true((await cover(dataset, WHOLE)).unavailable > 0);
    t.true(said.includes("the relay doesn't serve it"));
    t.false(said.includes("horizon found"));
  });

  test(`${dataset}: a pass of few slots that are answered with 404 asks older ones, and believes it only of sixteen`, async (t) => {
    const few = { first: LAST - 3, last: LAST };
    const { state, run, cover } = scene();
    await run(["payloads", dataset], few);
    t.true((await cover(dataset, few)).unavailable > 0);
    t.is(new Set(state.asked).size, 16);
    const other = scene();
    // The slots of the pass and some below are answered with 404, those below these are not.
    other.state.isServed = (slot) => slot <= LAST - 10;
    await other.run(["payloads", dataset], few);
    t.like(await other.cover(dataset, few), { unavailable: 0 });
  });

  test(`${dataset}: what was 404 of all slots is missing again as soon as any slot is answered otherwise, and asked for`, async (t) => {
    const { state, said, run, cover } = scene();
    const older = { first: FIRST, last: LAST - 8 };
    await run(["payloads", dataset], older);
    t.true((await cover(dataset, older)).unavailable > 0);
    state.asked = [];
    await run([dataset], older);
    t.deepEqual(state.asked, [], "for a day it isn't asked for");
    state.isServed = () => true;
    await run(["payloads", dataset], WHOLE);
    t.true(said.includes("the relay serves it after all"));
    t.like(await cover(dataset, older), { unavailable: 0 });
    state.asked = [];
    await run([dataset], older);
    t.true(state.asked.some((slot) => slot <= older.last));
  });
}

test("headers: a relay that answers 404 where nobody asked for one serves them where it delivered, whatever lies between", async (t) => {
  const range = { first: LAST - 18, last: LAST };
  const { state, said, run, cover } = scene(60);
  state.isServed = (slot) => slot === 660;
  t.is((660 - (FIRST - 100)) % 60, 0, "it delivered there, below all that are asked");
  await run(["payloads", "headers"], range);
  t.false(said.includes("the relay doesn't serve it"));
  t.like(await cover("headers", range), { unavailable: 0 });
});
