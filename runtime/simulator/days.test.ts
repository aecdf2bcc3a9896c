import test from "ava";
import { simulatedNetwork } from "../chain/networks.ts";
import { slotStartMs } from "../chain/slots.ts";
import { SEED } from "../seeds.testing.ts";
import { buildersOf } from "./builders.ts";
import { HEAD, clockAt } from "./simulator.testing.ts";
import { SimulatedData } from "./truth.ts";

const data = new SimulatedData({ seed: SEED, clock: clockAt(HEAD), scale: 0.3 });
const relays = data.profiles.filter(({ relay }) => relay.aliasOf === null).map(({ relay }) => relay.name);
const slots = Array.from({ length: 40 }, (_, index) => HEAD - 400 + index);
const rankOf = new Map(buildersOf(SEED).flatMap(({ keys }, rank) => keys.map((key) => [key, rank] as const)));

test("the same block comes to some relays later than to others, as each stands", (t) => {
  const heard = (relay: string) =>
    new Map(
      slots.flatMap((slot) =>
        data
          .bids(relay, slot)
          .map(
            ({ block, received }) =>
              [
                block.hash,
                (received?.ms ?? NaN) - slotStartMs(simulatedNetwork(SEED), slot) - block.sentMs,
              ] as const,
          ),
      ),
    );
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [near, far] = [heard("kestrel"), heard("lapwing")];
  const both = [...near.keys()].filter((hash) => far.has(hash));
  t.true(both.length > 10);
  t.true(
    mean(both.map((hash) => far.get(hash) ?? NaN)) > mean(both.map((hash) => near.get(hash) ?? NaN)) + 60,
  );
});

test("the largest builders send to every relay, others to some: where one doesn't, it neither bids nor wins", (t) => {
  const bidders = new Map<string, Set<number>>();
  for (const relay of relays)
    for (const slot of slots)
      for (const { block } of [...data.bids(relay, slot), ...data.payloads(relay, slot)]) {
        const rank = rankOf.get(block.builder);
        // Now and then the same block is sent again under a stranger's key.
        if (rank !== undefined) bidders.set(relay, (bidders.get(relay) ?? new Set()).add(rank));
      }
  const busy = bidders.get("kestrel") ?? new Set();
  const lacks = relays.filter((relay) => [...busy].some((rank) => !bidders.get(relay)?.has(rank)));
  t.true(lacks.length > 1);
  for (const rank of [0, 1])
    for (const relay of ["heron", "kestrel", "osprey"])
      t.true(bidders.get(relay)?.has(rank), `${relay} ${rank}`);
});

test("an hour of each day is the outage of one relay, which shows and delivers nothing in it while others do", (t) => {
  for (const day of [Math.floor(HEAD / 7200) - 1, Math.floor(HEAD / 7200) - 2, Math.floor(HEAD / 7200) - 3]) {
    const hour = Array.from({ length: 60 }, (_, index) => day * 7200 + 6000 + 5 * index);
    const rows = (relay: string, list: readonly number[]) =>
      list.reduce((sum, slot) => sum + data.bids(relay, slot).length + data.payloads(relay, slot).length, 0);
    const alive = relays.filter(
      (relay) =>
        rows(
          relay,
          hour.map((slot) => slot - 1000),
        ) > 0,
    );
    t.is(alive.filter((relay) => rows(relay, hour) === 0).length, 1);
  }
});

test("days differ in what blocks are worth, and some bids are taken back by lower ones that come later", (t) => {
  const median = (day: number) => {
    const values = Array.from({ length: 150 }, (_, index) =>
      Number(data.bids("heron", day * 7200 + 40 * index)[0]?.block.value),
    )
      .filter((value) => value > 0)
      .toSorted((a, b) => a - b);
    return values[Math.floor(values.length / 2)] ?? NaN;
  };
  const days = Array.from({ length: 5 }, (_, index) => median(500 + index));
  t.true(Math.max(...days) > 1.15 * Math.min(...days), days.join(" "));
  const back = slots.filter((slot) => {
    const bids = data.bids("osprey", slot).filter(({ quirk }) => quirk === undefined);
    return bids.some(({ block }) =>
      bids.some(
        (later) =>
          later.block.builder === block.builder &&
          later.block.value === String((BigInt(block.value) * 6n) / 10n),
      ),
    );
  });
  t.true(back.length > 0 && back.length < slots.length);
});

test("what was delivered is in most slots the best that its relay had, and none that came before it was better", (t) => {
  let [best, compared] = [0, 0];
  for (const relay of relays.filter((name) => !data.profile(name)?.relay.adjusts))
    for (const slot of slots) {
      // Of some blocks the relay has a second one; quirks are what no honest builder sends.
      const [delivered, ...others] = data.payloads(relay, slot);
      if (!delivered || others.length > 0) continue;
      const rows = data.bids(relay, slot).filter(({ quirk }) => quirk === undefined);
      const won = rows.find(({ block }) => block.hash === delivered.block.hash);
      if (!won) continue;
      compared++;
      const better = rows.filter(({ block }) => BigInt(block.value) > BigInt(won.block.value));
      for (const { block } of better) t.true(block.sentMs > won.block.sentMs, `${relay} ${slot}`);
      if (better.length === 0) best++;
    }
  t.true(compared > 20);
  t.true(best > compared / 2 && best < compared, `${best} of ${compared}`);
});
