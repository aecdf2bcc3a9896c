import test from "ava";
import type { Coverage } from "../collect/coverage.ts";
import { coverageLines } from "./coverageTable.ts";

const row: Coverage = {
  network: "mainnet",
  dataset: "payloads",
  relay: "flashbots",
  state: "active",
  first_slot: 13_000_000,
  last_slot: 13_007_199,
  slots: 7200,
  covered: 7200,
  missing: 0,
  unproven: 0,
  unavailable: 0,
  suspect: 0,
  awaiting: 0,
  rows: 500,
  quarantined: 0,
  pruned: 0,
  missing_ranges: [],
  reread: { slots: 0, differing: 0, rows_gained: 0 },
};

test("lines below the tables tell what is missing from what is unproven, what waits, and how answers agreed, in 80 columns", (t) => {
  const missing = { missing: 40, covered: 7160, missing_ranges: [[13_000_100, 13_000_139]] } as const;
  const lines = coverageLines([
    row,
    { ...row, ...missing },
    { ...row, ...missing, relay: "heron", dataset: "bids", unproven: 12 },
    {
      ...row,
      relay: "swift",
      suspect: 13,
      awaiting: 12,
      reread: { slots: 144, differing: 0, rows_gained: 0 },
    },
    { ...row, suspect: 1, awaiting: 1, reread: { slots: 7200, differing: 1200, rows_gained: 3600 } },
    { ...row, ...missing, relay: "ended", state: "ended" },
  ]);
  t.deepEqual(lines, [
    "missing: flashbots payloads 13000100-13000139",
    "missing: heron bids 13000100-13000139",
    "unproven: heron bids 12 of them answered without rows so far",
    "awaiting: swift payloads 12 slots lie above its newest payload",
    "awaiting: flashbots payloads 1 slot lies above its newest payload",
    "reread: 1,200 of 7,344 differ (83.6 % agree), 3,600 rows more",
    "reread: flashbots payloads 1,200 of 7,200 differ (83.3 % agree), 3,600 rows more",
  ]);
  for (const line of lines) t.true(line.length <= 80, line);
});

test("what all relays lack alike is said once a dataset", (t) => {
  const missing = { missing: 40, covered: 7160, missing_ranges: [[13_000_100, 13_000_139]] } as const;
  const two = [row, { ...row, relay: "heron" }].map((one) => ({ ...one, ...missing }));
  t.deepEqual(coverageLines([...two, ...two.map((one) => ({ ...one, dataset: "bids" as const }))]), [
    "missing: all 2 relays payloads 13000100-13000139",
    "missing: all 2 relays bids 13000100-13000139",
  ]);
  t.is(coverageLines([...two, { ...row, relay: "swift" }]).length, 2);
});

test("nothing is said of complete data, and 100 % agree only where all do", (t) => {
  t.deepEqual(coverageLines([row]), []);
  const reread = { slots: 100_000, differing: 1, rows_gained: 1 };
  t.deepEqual(coverageLines([{ ...row, reread }]), [
    "reread: 1 of 100,000 differ (99.9 % agree), 1 rows more",
  ]);
});

test("what is asked for by delivery alone and is missing where nobody looked at payloads has its reason", (t) => {
  const missing = { ...row, missing: 2, missing_ranges: [[1, 2]] } as const;
  const two = [
    { ...missing, dataset: "adjustments" as const },
    { ...missing, dataset: "merged_blocks" as const },
  ];
  const why = (name: string) => `${name}: asked for where payloads are covered alone (--dataset payloads)`;
  t.deepEqual(coverageLines(two).slice(2), [why("adjustments"), why("merged_blocks")]);
  for (const line of coverageLines(two)) t.true(line.length <= 80);
  t.is(coverageLines([...two, row]).length, 2);
  t.deepEqual(coverageLines(two.map((one) => ({ ...one, missing: 0, missing_ranges: [] }))), []);
});
