import test from "ava";
import fc from "fast-check";
import { findNetwork, simulatedNetwork } from "../chain/networks.ts";
import { settledSlot, slotStartMs } from "../chain/slots.ts";
import { UserError } from "../errors.ts";
import { type Moment, type RangeOptions, lastOf, momentOf, namedRange, rangeText } from "./range.ts";

const mainnet = findNetwork("mainnet", 1) ?? simulatedNetwork(1);
const networks = fc.constantFrom(mainnet, simulatedNetwork(1));
const NOW = Date.parse("2026-11-28T15:00:00Z");
const DAY_MS = 86_400_000;
/** Times of both networks, ms. */
const times = fc.integer({ min: Date.parse("2023-12-01T00:00:00Z"), max: NOW - DAY_MS });

function moment(text: string): Moment {
  const read = momentOf(text);
  if (!read) throw new Error(`${text} isn't taken`);
  return read;
}

function rangeOf(options: RangeOptions, network = mainnet) {
  return namedRange(options, network, NOW)?.range;
}

test("--from a time is the first slot that starts then or later, and --to the last that starts by then", (t) => {
  fc.assert(
    fc.property(networks, times, fc.integer({ min: 12_000, max: 1e9 }), (network, ms, more) => {
      const [from, to] = [ms, Math.min(ms + more, NOW - 3_600_000)];
      const range = rangeOf(
        { from: moment(new Date(from).toISOString()), to: moment(new Date(to).toISOString()) },
        network,
      );
      if (!range) return t.fail("no range");
      t.true(slotStartMs(network, range.first) >= from && slotStartMs(network, range.first - 1) < from);
      t.true(slotStartMs(network, range.last) <= to && slotStartMs(network, range.last + 1) > to);
    }),
  );
});

test("a date is all slots that start on that UTC day: days neither overlap nor leave a slot between them", (t) => {
  fc.assert(
    fc.property(networks, times, fc.nat(40), (network, ms, days) => {
      const dates = [ms - DAY_MS, ms].map((at) => new Date(at).toISOString().slice(0, 10));
      const [, date = ""] = dates;
      const [before, day] = dates.map((text) => rangeOf({ from: moment(text), to: moment(text) }, network));
      if (!before || !day) return t.fail("no range");
      t.is(before.last + 1, day.first);
      t.is(day.last - day.first + 1, 7200);
      for (const slot of [day.first, day.last])
        t.is(new Date(slotStartMs(network, slot)).toISOString().slice(0, 10), date);
      const older = new Date(ms - days * DAY_MS).toISOString().slice(0, 10);
      t.is(rangeOf({ from: moment(older), to: moment(date) }, network)?.last, day.last);
    }),
  );
});

test("an offset counts, and without one a time is UTC; RFC 3339's small letters and blank are taken", (t) => {
  const told = (text: string) => rangeOf({ from: moment(text) })?.first;
  const noon = told("2026-11-01T12:00:00Z");
  for (const text of [
    "2026-11-01T12:00:00.000Z",
    "2026-11-01t12:00:00z",
    "2026-11-01 12:00:00+00:00",
    "2026-11-01T13:30:00+01:30",
    "2026-11-01T12:00:00",
    "2026-11-01T12:00",
    "2026-11-01T12:00Z",
  ])
    t.is(told(text), noon, text);
});

test("what is no slot, date or time is refused", (t) => {
  for (const text of [
    "",
    "last week",
    "2026-02-30",
    "2026-13-01",
    "2026-1-1",
    "01.11.2026",
    "2026-11-01T24:00:00Z",
    "2026-11-01T12:60:00Z",
    "2026-02-29T12:00:00Z",
    "2026-11-01T12:00:00+24:00",
    "2026-11-01T12",
    "-5",
    "12345678901",
    "1e6",
    "toString",
  ])
    t.is(momentOf(text), undefined, text);
});

test("slots are themselves, --to included; without --to it is up to the newest settled one", (t) => {
  t.deepEqual(rangeOf({ from: moment("13000000"), to: moment("13000099") }), {
    first: 13_000_000,
    last: 13_000_099,
  });
  t.deepEqual(rangeOf({ from: moment("13000000") }), {
    first: 13_000_000,
    last: settledSlot(mainnet, NOW),
  });
  t.deepEqual(rangeOf({ to: moment("4700600") }), { first: mainnet.floor, last: 4_700_600 });
  t.is(rangeOf({}), undefined);
});

test("today and yesterday are days of the clock", (t) => {
  for (const [word, date] of [
    ["today", "2026-11-28"],
    ["yesterday", "2026-11-27"],
  ] as const)
    t.deepEqual(
      rangeOf({ from: moment(word), to: moment(word) }),
      rangeOf({ from: moment(date), to: moment(date) }),
      word,
    );
});

test("--last takes slots, hours and days, of five slots a minute", (t) => {
  t.deepEqual(["64", "1h", "24h", "7d"].map(lastOf), [64, 300, 7200, 50_400]);
  for (const text of ["", "0", "0h", "-1", "many", "24x", "1.5h", "h", "24 h", "99999999999", "9999999999d"])
    t.is(lastOf(text), undefined, text);
  const settled = settledSlot(mainnet, NOW);
  t.deepEqual(rangeOf({ last: 7200 }), { first: settled - 7199, last: settled });
});

test("what reaches beyond what there is, is clipped and says at which end and why", (t) => {
  const settled = settledSlot(mainnet, NOW);
  const clipped = (options: RangeOptions) => namedRange(options, mainnet, NOW)?.clipped;
  t.is(
    clipped({ slots: { first: settled, last: settled + 9 } }),
    `--slots ${settled}-${settled + 9} is clipped to ${settled}-${settled}: slots settle 50 behind the head`,
  );
  t.is(
    clipped({ from: moment("2021-01-01"), to: moment("4700600") }),
    "--from 2021-01-01 --to 4700600 is clipped to 4700567-4700600: MEV-Boost begins at slot 4700567",
  );
  t.is(clipped({ from: moment("13000000") }), undefined);
});

test("a range of which nothing is there is bad usage, and its message says the times that there are", (t) => {
  const settled = settledSlot(mainnet, NOW);
  for (const [options, says] of [
    [
      { from: moment("2027-01-01") },
      `--from 2027-01-01 lies in the future: the newest settled slot is ${settled} (head - 50, 2026-11-28 14:49:59 UTC)`,
    ],
    [{ from: moment("20261101") }, "a number is a slot, a date is written 2026-11-01"],
    [
      { to: moment("2020-12-31") },
      "--to 2020-12-31 lies before the first MEV-Boost slot, 4700567 (2022-09-15 ",
    ],
    [{ from: moment("13000009"), to: moment("13000000") }, "holds no slot"],
    [{ from: moment("2026-11-01T12:00:01Z"), to: moment("2026-11-01T12:00:02Z") }, "holds no slot"],
  ] as const) {
    const error = t.throws(() => namedRange(options, mainnet, NOW), { instanceOf: UserError });
    t.true(error.message.includes(says), error.message);
    t.is(error.exitCode, 2);
  }
});

test("a range is said in slots and in time, what both ends have in common once", (t) => {
  const said = (from: string, to: string) => {
    const range = rangeOf({ from: moment(from), to: moment(to) });
    return range && rangeText(mainnet, range);
  };
  t.is(said("2026-11-01", "2026-11-01"), "slots 15555599-15562798, 2026-11-01 00:00:11 to 23:59:59 UTC");
  t.is(
    said("2026-10-31", "2026-11-01"),
    "slots 15548399-15562798, 2026-10-31 00:00:11 to 11-01 23:59:59 UTC",
  );
  t.is(
    said("13000000", "15000000"),
    "slots 13000000-15000000, 2025-11-11 01:20:23 to 2026-08-15 20:00:23 UTC",
  );
  t.is(said("13000000", "13000000"), "slot 13000000, 2025-11-11 01:20:23 UTC");
});
