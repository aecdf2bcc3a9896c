import test from "ava";
import { AUCTION } from "../datasets/dataset.ts";
import type { Coverage } from "../collect/coverage.ts";
import { nextCommands } from "./next.ts";
import type { CommonOptions } from "./options.ts";

const range = { first: 100, last: 163 };
const options: CommonOptions = {
  network: "simulated",
  relay: [],
  lake: "data/lake",
  seed: 1,
  faults: "none",
  quiet: false,
  json: false,
};

function coverageWith(missing: number): Coverage[] {
  const { first, last } = range;
  return AUCTION.map((dataset) => ({
    network: "simulated-1",
    dataset,
    relay: "heron",
    state: "active",
    first_slot: first,
    last_slot: last,
    slots: 64,
    covered: 64 - missing,
    missing,
    unproven: 0,
    unavailable: 0,
    suspect: 0,
    awaiting: 0,
    rows: 0,
    quarantined: 0,
    pruned: 0,
    missing_ranges: [],
    reread: { slots: 0, differing: 0, rows_gained: 0 },
  }));
}

test("after a stop in the middle the first command asks for the same slots of the same relays, whenever it is given", (t) => {
  const told = { range, coverage: coverageWith(3), loaded: false, stopped: true };
  const [next, first, ...rest] = nextCommands(options, told).split("\n");
  t.is(next, "next:");
  t.is(first, "  mev-boost-etl run --slots 100-163");
  t.deepEqual(rest, ["  mev-boost-etl coverage", ""]);
  const many = {
    ...options,
    ...({ network: "mainnet", lake: "my lake", warehouse: "w.duckdb", dataset: ["bids"], rate: 3 } as const),
    relay: ["flashbots", "own=https://user:secret@relay.example/secret"],
    relayHeader: ["own: Authorization: OWN_TOKEN"],
    canonical: "https://node.example/secret",
  };
  const text = nextCommands(many, told);
  t.is(
    text.split("\n")[1],
    "  mev-boost-etl run --network mainnet --lake 'my lake' --warehouse w.duckdb --slots 100-163 --dataset bids" +
      " --relay flashbots --relay own=URL --relay-header 'own: Authorization: OWN_TOKEN' --rate 3 --canonical URL",
  );
  t.false(text.includes("secret"));
});

test("after a stop when all was read but nothing loaded, the first command is the load", (t) => {
  const told = { range, coverage: coverageWith(0), loaded: false, stopped: true };
  t.is(nextCommands(options, told).split("\n")[1], "  mev-boost-etl load");
});

test("after a run that brought nothing the next commands ask again, and ask why", (t) => {
  const told = { range, coverage: coverageWith(64), loaded: true, stopped: false };
  t.is(
    nextCommands({ ...options, network: "mainnet", relay: ["titan"] }, told),
    `next:
  mev-boost-etl run --network mainnet --slots 100-163 --relay titan
  mev-boost-etl coverage --network mainnet
  mev-boost-etl probe --network mainnet --relay titan
`,
  );
});

test("after a whole run the next commands look at what was collected", (t) => {
  const told = { range, coverage: coverageWith(3), loaded: true, stopped: false };
  t.is(
    nextCommands({ ...options, seed: 7, lake: "l", warehouse: "w" }, told),
    `next:
  mev-boost-etl coverage --seed 7 --lake l
  mev-boost-etl recheck --seed 7 --lake l --warehouse w --sample 0.1
  mev-boost-etl check --seed 7 --warehouse w
  mev-boost-etl export --seed 7 --warehouse w --partial --out data/parquet
`,
  );
});
