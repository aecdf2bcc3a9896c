import test from "ava";
import { estimate } from "../backload/estimate.ts";
import type { RelayProgress } from "../backload/progress.ts";
import { NETWORK_NAMES, findNetwork } from "../chain/networks.ts";
import type { Coverage } from "../collect/coverage.ts";
import { AUCTION } from "../datasets/dataset.ts";
import { directoryOf } from "../relays/directory.ts";
import type { Relay } from "../relays/relay.ts";
import { simulatedRelays } from "../simulator/directory.ts";
import { relayTable } from "./backloadDryRun.ts";
import { backloadScreen, ratesTable } from "./backloadProgress.ts";
import { screenLines } from "./bars.ts";
import { coverageTables } from "./coverageTable.ts";
import { runScreen } from "./progress.ts";
import type { MeteredRelay } from "./runMeter.ts";

/** The longest name that a relay may have, given by hand. */
const LONG: Pick<Relay, "name" | "state"> = { name: "a".repeat(40), state: "off" };

const directories = new Map(
  NETWORK_NAMES.map((name) => [name, name === "simulated" ? simulatedRelays(1) : directoryOf(name)]),
);
const everyRelay = [...[...directories.values()].flat(), LONG];

function coverageRow(relay: Pick<Relay, "name" | "state">, more: Partial<Coverage> = {}): Coverage {
  return {
    network: "mainnet",
    dataset: "bids",
    relay: relay.name,
    state: relay.state,
    first_slot: 13_000_000,
    last_slot: 13_007_199,
    slots: 7200,
    covered: 7100,
    missing: 100,
    unproven: 0,
    unavailable: 0,
    suspect: 3,
    awaiting: 0,
    rows: 12_345_678,
    quarantined: 12,
    pruned: 0,
    missing_ranges: [],
    reread: { slots: 0, differing: 0, rows_gained: 0 },
    ...more,
  };
}

const whole: Partial<Coverage> = {
  slots: 10_329_434,
  covered: 10_000_000,
  missing: 329_434,
  unproven: 12_345,
  awaiting: 1200,
  suspect: 9999,
  unavailable: 5_299_433,
  rows: 4_123_456_789,
};

for (const [network, relays] of directories)
  for (const [what, more] of [
    ["a day", {}],
    ["a day with slots unproven and awaiting", { unproven: 40, awaiting: 12 }],
    ["all of history", whole],
  ] as const)
    test(`coverage of ${what} of ${network} fits 80 columns, each name whole`, (t) => {
      const rows = AUCTION.flatMap((dataset) =>
        relays.map((relay) => coverageRow(relay, { ...more, dataset })),
      );
      const text = coverageTables(rows, () => 7, 80);
      for (const line of text.split("\n")) t.true(line.length <= 80, line);
      for (const { name } of relays)
        t.is(text.split("\n").filter((line) => line.split(" ")[0] === name).length, 2);
      t.is(/^total /m.test(text), relays.length > 1);
      // Of more than a day they may be left to the line below.
      if (what.includes("awaiting")) t.regex(text, /^bids .* unproven .*awaiting/m);
    });

test("tables show what is unproven and waits where there is any, thousands apart, and the sums", (t) => {
  const rows = [
    coverageRow({ name: "flashbots", state: "active" }, { unproven: 1040 }),
    coverageRow({ name: "bloxroute-max-profit", state: "ended" }, { rows: 99 }),
  ];
  t.is(
    coverageTables(rows, undefined, 160),
    `
bids                          slots covered missing unproven unavailable suspect       rows quarantined
flashbots                     7,200   7,100     100    1,040           0       3 12,345,678          12
bloxroute-max-profit (ended)  7,200   7,100     100        0           0       3         99          12
total                        14,400  14,200     200    1,040           0       6 12,345,777          24
`.trim(),
  );
  t.is(
    coverageTables(rows, undefined, 80),
    `
bids                          slots covered missing unproven suspect       rows
flashbots                     7,200   7,100     100    1,040       3 12,345,678
bloxroute-max-profit (ended)  7,200   7,100     100        0       3         99
total                        14,400  14,200     200    1,040       6 12,345,777

in all 24 quarantined (a wider terminal shows of which relays)
`.trim(),
  );
  const [one] = rows;
  t.notRegex(coverageTables(one ? [one] : [], undefined, 80), /total|awaiting/);
});

test("a name of 40 characters is whole at 80 columns, with what is covered and missing", (t) => {
  const text = coverageTables([coverageRow(LONG, whole)], () => 7, 80);
  for (const line of text.split("\n")) t.true(line.length <= 80, line);
  t.regex(text, new RegExp(`^bids +covered missing .*\n${LONG.name} \\(off\\) +10,000,000 329,434`));
});

for (const network of ["mainnet", "hoodi", "sepolia"])
  test(`the forecast of ${network} fits 80 columns, each name whole, with sums`, (t) => {
    const { floor = 0 } = findNetwork(network, 1) ?? {};
    const relays = directoryOf(network);
    const head = 20_000_000;
    const input = {
      range: { first: floor, last: head },
      head,
      relays,
      datasets: AUCTION,
      horizons: new Map(),
    };
    const common = { ...input, network: { name: network, floor }, order: "newest", shards: 1000 } as const;
    for (const workers of [1, 20]) {
      const text = relayTable(estimate({ ...common, workers }), 80);
      for (const line of text.split("\n")) t.true(line.length <= 80, line);
      for (const { name, state } of relays)
        if (state === "active")
          t.true(
            text.split("\n").some((line) => line.split(" ")[0] === name),
            name,
          );
      t.is(/^total /m.test(text), relays.filter(({ state }) => state === "active").length > 1);
    }
  });

test("progress fits 80 columns with every relay there is, each name whole, the longest included", (t) => {
  const states = everyRelay.map(({ name }, at): MeteredRelay => ({
    relay: name,
    rows: 123_456_789,
    bytes: 85e9,
    requests: 1_234_567,
    left: 8_765_432,
    speed: 10.25,
    secondsLeft: at === 0 ? undefined : 12_345,
    phase: at === 0 ? "down" : "asking again",
  }));
  const sums = {
    phase: "asking",
    seconds: 45_296,
    requests: 12_345_678,
    left: 87_654_321,
    rows: 1e9,
    bytes: 85e9,
  } as const;
  const run = { ...sums, relays: states, secondsLeft: 98_765 };
  const backload = states.map(({ relay, requests, left, bytes, rows }): RelayProgress => ({
    relay,
    slots: 10_000_000,
    done: 1_234_567,
    read: 1_000_000,
    failed: 0,
    rows,
    requests,
    left,
    refusals: 12,
    bytes,
    rest: 0,
    borne: null,
  }));
  for (const screen of [
    runScreen(run),
    runScreen(run, { phase: "reporting", since: 45_000 }),
    backloadScreen(backload, 4000),
  ])
    for (const line of screenLines(screen, 80)) {
      t.true(line.length <= 80, line);
      t.false(line.includes("\n"));
    }
  const lines = screenLines(runScreen(run), 80);
  everyRelay.forEach(({ name }, at) => t.true(lines[at]?.startsWith(`${name} `), lines[at]));
  for (const line of ratesTable(backload.slice(0, -1), 4000).split("\n")) t.true(line.length <= 80, line);
});

test("progress names the phase, counts requests, and sums up time, rows, bytes and requests a second", (t) => {
  const heron: MeteredRelay = {
    relay: "heron",
    rows: 12_345,
    bytes: 5e6,
    requests: 30,
    left: 70,
    speed: 2,
    secondsLeft: 35,
    phase: "asking",
  };
  const done: MeteredRelay = {
    ...heron,
    relay: "bloxroute-max-profit",
    left: 0,
    secondsLeft: 0,
    phase: "done",
  };
  const state = {
    relays: [heron, done],
    phase: "asking",
    seconds: 95,
    requests: 60,
    left: 70,
    rows: 24_690,
    bytes: 1e7,
    secondsLeft: 35,
  } as const;
  t.deepEqual(screenLines(runScreen(state), 80), [
    "heron                ███████░░░░░░░░░░░░░░░░░ 30/100 12.3 k rows 2.0/s 35 s left",
    "bloxroute-max-profit ████████████████████████  30/30 12.3 k rows 2.0/s done",
    "asking: 60 of about 130 requests, about 35 s left before loading",
    "total: 1 min 35 s, 24.7 k rows, 10.0 MB, 60 requests, 0.6 a second",
  ]);
  t.is(
    runScreen({ ...state, phase: "asking again" }).below[0],
    "asking again: 60 of about 130 requests, about 35 s left before loading",
  );
  t.is(runScreen(state, { phase: "loading", since: 90 }).below[0], "loading, for 5 s");
  t.is(runScreen(state, { phase: "reporting", since: 92 }).below[0], "reporting, for 3 s");
});
