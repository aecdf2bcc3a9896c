import test from "ava";
import fc from "fast-check";
import { NETWORK_NAMES, findNetwork, simulatedNetwork } from "./networks.ts";
import { epochOf, intersect, settledSlot, slotAt, slotCount, slotStartMs } from "./slots.ts";

test("slots, times and epochs of the named networks are those of the chain", (t) => {
  const mainnet = findNetwork("mainnet", 1) ?? t.fail();
  if (!mainnet) return;
  // The first MEV-Boost slot, 2022-09-15 08:33:47 UTC (facts: relay-data-api §4).
  t.is(new Date(slotStartMs(mainnet, 4_700_567)).toISOString(), "2022-09-15T08:33:47.000Z");
  t.is(mainnet.floor, 4_700_567);
  t.is(epochOf(4_700_013), 146_875);
  t.is(findNetwork("hoodi", 1)?.genesis, 1_742_213_400);
  t.is(findNetwork("sepolia", 1)?.genesis, 1_655_733_600);
  t.is(findNetwork("simulated", 7)?.name, "simulated-7");
  t.is(findNetwork("toString", 1), undefined);
  t.true(NETWORK_NAMES.includes("simulated"));
});

test("a slot lasts from its start to a millisecond before the next, and settles 50 slots behind the head", (t) => {
  const network = simulatedNetwork(1);
  fc.assert(
    fc.property(fc.nat(100_000_000), fc.nat(11_999), (slot, ms) => {
      t.is(slotAt(network, slotStartMs(network, slot) + ms), slot);
      t.is(settledSlot(network, slotStartMs(network, slot) + ms), slot - 50);
    }),
  );
});

test("the slots that two runs share are those that lie in both", (t) => {
  const run = fc.tuple(fc.nat(50), fc.nat(20)).map(([first, more]) => ({ first, last: first + more }));
  fc.assert(
    fc.property(run, run, fc.nat(80), (a, b, slot) => {
      const both = intersect(a, b);
      const inside = (range: typeof a) => range.first <= slot && slot <= range.last;
      t.is(both !== undefined && inside(both), inside(a) && inside(b));
      if (both) t.true(slotCount(both) >= 1);
    }),
  );
});
