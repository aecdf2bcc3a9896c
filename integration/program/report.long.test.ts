import test, { type ExecutionContext } from "ava";
import { runChecks } from "../../runtime/checks/checks.ts";
import { coverageOf } from "../../runtime/collect/coverage.ts";
import { AUCTION } from "../../runtime/datasets/dataset.ts";
import { isBad } from "../../runtime/lake/lake.ts";
import { refusedRows } from "../../runtime/lake/quarantine.ts";
import { BuilderNames } from "../../runtime/report/names.ts";
import { makeReport } from "../../runtime/report/report.ts";
import { SEED } from "../../runtime/seeds.testing.ts";
import { builderNames } from "../../runtime/simulator/builders.ts";
import { SOON_GIVEN_UP } from "./line.ts";
import { type LoadedWarehouse, loadedNetwork } from "./loaded.ts";
import {
  type Beliefs,
  type Row,
  type Rows,
  beliefsOf,
  number,
  quantile,
  relaysOf,
  allRows,
  sum,
  textAt,
  time,
  weiOf,
} from "./reportRows.ts";
import { groupBy } from "../../runtime/warehouse/sql/values.ts";
import { duckdbDialect } from "../../runtime/warehouse/sql/duckdbDialect.ts";

/** The parts of `report --json` that are worked out anew here. */
interface Numbers {
  readonly coverage: {
    readonly relays: readonly Record<string, string | number | null>[];
    readonly buckets: readonly { relay: string; dataset: string; covered: number; missing: number }[];
  };
  readonly payloads: {
    readonly blocks: number;
    readonly payloads: number;
    readonly relays: readonly { relay: string; payloads: number; share_of_blocks: number; alone: number }[];
    readonly builders: readonly { builder: string; payloads: number }[];
  };
  readonly bids: {
    readonly bids: number;
    readonly relays: readonly {
      relay: string;
      bids: number;
      slots_without_bids: number;
      p10: number;
      median: number;
      p90: number;
    }[];
  };
  readonly timing: {
    readonly bids: number;
    readonly relays: readonly {
      relay: string;
      bids: number;
      median_ms: number;
      after_start: number;
      dated_in_seconds: number;
      undated: number;
    }[];
  };
  readonly value: {
    readonly blocks: number;
    readonly eth: number;
    readonly blocks_beyond_belief: number;
    readonly distribution: readonly { from_eth: number; blocks: number }[];
    readonly left: readonly { explanation: string; blocks: number; eth_left: number }[];
  };
  readonly builders: {
    readonly slots_with_bids: number;
    readonly builders: readonly {
      builder: string;
      keys: number;
      blocks: number;
      bids: number;
      slots_on_top: number;
      relays: number;
    }[];
  };
  readonly health: {
    readonly suspects: readonly { dataset: string; relay: string; reason: string; slots: number }[];
    readonly refused: readonly { rows: number }[];
    readonly duplicates: readonly {
      dataset: string;
      relay: string;
      rows: number;
      different_rows: number;
      repeated: number;
    }[];
    readonly missing_ranges: readonly {
      dataset: string;
      relay: string;
      first_slot: number;
      last_slot: number;
    }[];
  };
  readonly chain: {
    readonly blocks: number;
    readonly canonical: number;
    readonly other: number;
    readonly missed: number;
    readonly unknown: number;
  };
}

/** Wider than what was collected: the rest is missing. */
const shownRange = ({ range: { first, last } }: LoadedWarehouse) => ({ first: first - 20, last });

test("the report's numbers are those that its rows give, counted one by one", async (t) => {
  t.timeout(1_200_000);
  const loaded = await loadedNetwork({
    seed: SEED,
    slots: 48,
    faults: "harsh",
    // Some relays hang. What is given up is missing, and to be shown as that.
    limitsOf: () => SOON_GIVEN_UP,
    flaws: { heron: { kind: "cut", rows: 20, keeps: "oldest" } },
  });
  t.teardown(() => loaded.simulator.close());
  const { warehouse, lake, line, clock, relays } = loaded;
  const scope = { network: line.network, range: shownRange(loaded), nowMs: clock.now() };
  const names = BuilderNames.of(line.network.name).with(builderNames(SEED));
  const checks = await runChecks(warehouse, duckdbDialect, { scope, relays });
  const report = await makeReport(warehouse, duckdbDialect, { scope, names, lake, checks });
  const numbers = JSON.parse(JSON.stringify(report.numbers)) as Numbers;
  const rows = await allRows(warehouse);
  const { bids, payloads } = rows;
  t.true(bids.length > 1000 && payloads.length > 20, `${bids.length} bids, ${payloads.length} payloads`);
  const beliefs = beliefsOf(rows);
  await coverageIsRight(t, loaded, numbers);
  payloadsAreRight(t, numbers.payloads, rows);
  bidsAreRight(t, numbers, rows);
  valueIsRight(t, numbers.value, beliefs);
  whatIsLeftIsRight(t, numbers.value, rows, beliefs);
  timingIsRight(t, numbers.timing, rows, beliefs);
  buildersAreRight(t, numbers.builders, names, rows, beliefs);
  await healthIsRight(t, loaded, numbers, rows);
  chainIsRight(t, numbers.chain, loaded, rows);
});

/** As the lake's own metadata has it. */
async function coverageIsRight(
  t: ExecutionContext,
  loaded: LoadedWarehouse,
  numbers: Numbers,
): Promise<void> {
  const { lake, line, clock, relays } = loaded;
  const range = shownRange(loaded);
  let missing = 0;
  for (const relay of relays.filter(({ state }) => state === "active")) {
    for (const dataset of AUCTION) {
      const own = await coverageOf(
        lake,
        { network: line.network, range, nowMs: clock.now() },
        relay,
        dataset,
        (fault) => t.fail(fault),
      );
      const shown = numbers.coverage.relays.find(
        (record) => record["relay"] === relay.name && record["dataset"] === dataset,
      );
      t.like(shown, {
        slots: own.slots,
        covered: own.covered,
        missing: own.missing,
        unproven: own.unproven,
        unavailable: own.unavailable,
        suspect: own.suspect,
      });
      const awaiting = numbers.health.suspects.filter(
        (one) => one.relay === relay.name && one.dataset === dataset && one.reason === "awaiting",
      );
      t.is(sum(awaiting.map(({ slots }) => slots)), own.awaiting, `${dataset} ${relay.name} awaiting`);
      const buckets = numbers.coverage.buckets.filter(
        (one) => one.relay === relay.name && one.dataset === dataset,
      );
      t.is(sum(buckets.map(({ covered }) => covered)), own.covered);
      const runs = numbers.health.missing_ranges
        .filter((one) => one.relay === relay.name && one.dataset === dataset)
        .map(({ first_slot, last_slot }) => [first_slot, last_slot]);
      t.deepEqual(
        runs.toReversed(),
        own.missing_ranges.map(([first, last]) => [first, last]),
      );
      missing += own.missing;
    }
  }
  t.true(missing >= 20 * 10);
}

/** Every block once, and once for each relay. */
function payloadsAreRight(t: ExecutionContext, shown: Numbers["payloads"], { blocks }: Rows): void {
  t.is(shown.blocks, blocks.size);
  for (const { relay, payloads: count, share_of_blocks, alone } of shown.relays) {
    const own = [...blocks.values()].map(relaysOf).filter((set) => set.has(relay));
    t.is(count, own.length, relay);
    t.is(alone, own.filter((set) => set.size === 1).length, relay);
    t.true(Math.abs(share_of_blocks - sum(own.map((set) => 1 / set.size))) < 1e-9, relay);
  }
  t.is(sum(shown.builders.map((one) => one.payloads)), blocks.size);
}

/** Bids a slot, covered slots without any included. */
function bidsAreRight(t: ExecutionContext, numbers: Numbers, { bids }: Rows): void {
  const coveredBids = new Map(
    numbers.coverage.relays
      .filter((record) => record["dataset"] === "bids")
      .map((record) => [record["relay"], Number(record["covered"])]),
  );
  const bidsOf = groupBy(bids, (row) => textAt(row, "relay"));
  t.is(numbers.bids.bids, sum(bids.map((row) => number(row, "copies"))));
  for (const { relay, bids: count, p10, median, p90, slots_without_bids } of numbers.bids.relays) {
    const slots = [...groupBy(bidsOf.get(relay) ?? [], (row) => textAt(row, "slot")).values()].map((rows) =>
      sum(rows.map((row) => number(row, "copies"))),
    );
    const empty = (coveredBids.get(relay) ?? 0) - slots.length;
    const all = [...slots, ...Array<number>(empty).fill(0)];
    t.is(count, sum(slots), relay);
    t.deepEqual(
      [slots_without_bids, p10, median, p90],
      [empty, quantile(all, 0.1), quantile(all, 0.5), quantile(all, 0.9)],
      relay,
    );
  }
}

function valueIsRight(t: ExecutionContext, shown: Numbers["value"], { stated, believed }: Beliefs): void {
  t.is(shown.blocks, believed.length);
  t.is(shown.blocks_beyond_belief, stated.length - believed.length);
  t.true(Math.abs(shown.eth / sum(believed.map(({ wei }) => wei / 1e18)) - 1) < 1e-9);
  t.is(sum(shown.distribution.map((one) => one.blocks)), believed.length);
  for (const { from_eth, blocks: count } of shown.distribution) {
    const [from, to] = [from_eth * 0.999999, from_eth * 10 ** 0.2 * 0.999999];
    t.is(
      count,
      believed.filter(({ wei }) => wei / 1e18 >= from && wei / 1e18 < to).length,
      `from ${from_eth} ETH`,
    );
  }
}

/** Value left behind, and why. */
function whatIsLeftIsRight(
  t: ExecutionContext,
  shown: Numbers["value"],
  { bids }: Rows,
  { bidsAt, believed, believedBids }: Beliefs,
): void {
  const left = new Map<string, { blocks: number; eth: number }>();
  for (const { slot, hash, wei, parent, relays: deliverers } of believed) {
    const rivals = (believedBids.get(slot) ?? []).filter((row) => textAt(row, "parent_hash") === parent);
    if (rivals.length === 0) continue;
    const best = Math.max(...rivals.map(weiOf));
    const tops = (bidsAt.get(slot) ?? []).filter(
      (row) => textAt(row, "parent_hash") === parent && weiOf(row) === best,
    );
    const offers = bids.filter(
      (row) =>
        textAt(row, "slot") === slot &&
        textAt(row, "block_hash") === hash &&
        deliverers.has(textAt(row, "relay")),
    );
    const first = (rows: readonly Row[]) =>
      Math.min(...rows.filter((row) => row["timestamp"] !== null).map((row) => time(row["timestamp"])));
    const explanation =
      best <= wei
        ? "best"
        : offers.length === 0
          ? "adjusted"
          : !tops.some((row) => deliverers.has(textAt(row, "relay")))
            ? "elsewhere"
            : first(tops) === Infinity || first(offers) === Infinity
              ? "untimed"
              : first(tops) > first(offers)
                ? "late"
                : "earlier";
    const known = left.get(explanation) ?? { blocks: 0, eth: 0 };
    left.set(explanation, { blocks: known.blocks + 1, eth: known.eth + Math.max(0, best - wei) / 1e18 });
  }
  for (const { explanation, blocks: count, eth_left } of shown.left) {
    const own = left.get(explanation) ?? { blocks: 0, eth: 0 };
    t.is(count, own.blocks, explanation);
    t.true(Math.abs(eth_left - own.eth) <= 1e-9 * (1 + own.eth), explanation);
  }
}

/** When bids come. */
function timingIsRight(
  t: ExecutionContext,
  timing: Numbers["timing"],
  { bids }: Rows,
  { believedBids }: Beliefs,
): void {
  const bidsOf = groupBy(bids, (row) => textAt(row, "relay"));
  const timed = bids.filter((row) => {
    const best = Math.max(0, ...(believedBids.get(textAt(row, "slot")) ?? []).map(weiOf));
    const ms = time(row["timestamp"]) - time(row["block_timestamp"]);
    return (
      row["timestamp"] !== null &&
      row["timestamp_ms"] !== null &&
      weiOf(row) > 0 &&
      weiOf(row) <= best &&
      Math.abs(ms) < 12_000
    );
  });
  t.is(timing.bids, timed.length);
  for (const shown of timing.relays) {
    const own = timed.filter((row) => textAt(row, "relay") === shown.relay);
    const ms = own.map((row) => time(row["timestamp"]) - time(row["block_timestamp"]));
    const all = bidsOf.get(shown.relay) ?? [];
    t.deepEqual(
      [shown.bids, shown.median_ms, shown.after_start, shown.undated, shown.dated_in_seconds],
      [
        own.length,
        quantile(
          ms.map((one) => Math.floor(one / 100) * 100),
          0.5,
        ),
        ms.filter((one) => one >= 0).length,
        all.filter((row) => row["timestamp"] === null).length,
        all.filter((row) => row["timestamp"] !== null && row["timestamp_ms"] === null).length,
      ],
      shown.relay,
    );
  }
}

/** Keys of one name together. */
function buildersAreRight(
  t: ExecutionContext,
  builders: Numbers["builders"],
  names: BuilderNames,
  { bids, blocks }: Rows,
  { bidsAt, stated, believedBids }: Beliefs,
): void {
  const nameOf = (row: Row) => names.nameOf(textAt(row, "builder_pubkey"));
  const bidsByBuilder = groupBy(bids, nameOf);
  const tops = new Map<string, number>();
  for (const rows of believedBids.values()) {
    const best = Math.max(...rows.map(weiOf));
    const [key = ""] = rows
      .filter((row) => weiOf(row) === best)
      .map((row) => textAt(row, "builder_pubkey"))
      .toSorted();
    tops.set(names.nameOf(key), (tops.get(names.nameOf(key)) ?? 0) + 1);
  }
  t.is(builders.slots_with_bids, bidsAt.size);
  // Of a block that two keys are named for, the one that comes first.
  const deliverers = [...blocks.values()].flatMap((rows) => {
    const valued = rows.filter((row) => weiOf(row) > 0);
    return valued
      .toSorted((a, b) => (textAt(a, "builder_pubkey") < textAt(b, "builder_pubkey") ? -1 : 1))
      .slice(0, 1);
  });
  const everyBuilder = [...bidsByBuilder.keys(), ...deliverers.map(nameOf)];
  t.deepEqual(
    builders.builders.map(({ builder }) => builder).toSorted(),
    [...new Set(everyBuilder)].toSorted(),
  );
  for (const shown of builders.builders) {
    const own = bidsByBuilder.get(shown.builder) ?? [];
    t.is(shown.bids, sum(own.map((row) => number(row, "copies"))), shown.builder);
    t.is(shown.relays, relaysOf(own).size, shown.builder);
    t.is(shown.slots_on_top, tops.get(shown.builder) ?? 0, shown.builder);
  }
  t.is(sum(builders.builders.map((one) => one.blocks)), stated.length);
}

/** From the simulator's truth. */
function chainIsRight(
  t: ExecutionContext,
  chain: Numbers["chain"],
  { simulator }: LoadedWarehouse,
  { blocks }: Rows,
): void {
  const fates = [...blocks.keys()].map((key) => {
    const [slot = "", hash = ""] = key.split(" ");
    const canonical = simulator.truth.canonicalHash(Number(slot));
    return canonical === undefined ? "missed" : canonical === hash ? "canonical" : "other";
  });
  const { blocks: count, canonical, other, missed, unknown } = chain;
  t.deepEqual({ count, canonical, other, missed, unknown }, {
    count: blocks.size,
    unknown: 0,
    ...Object.fromEntries(
      ["canonical", "other", "missed"].map((fate) => [fate, fates.filter((one) => one === fate).length]),
    ),
  } as never);
}

async function healthIsRight(
  t: ExecutionContext,
  loaded: LoadedWarehouse,
  { health }: Numbers,
  rows: Rows,
): Promise<void> {
  const { lake } = loaded;
  const range = shownRange(loaded);
  let refused = 0;
  for (const dataset of AUCTION) {
    for (const relay of await lake.relays(dataset)) {
      let suspect = 0;
      for await (const entry of lake.list(dataset, relay, range)) {
        if (isBad(entry)) continue;
        suspect += [...entry.meta.suspect.slots()].length;
        for (const line of refusedRows((await lake.readQuarantine(entry.chunk)).lines))
          if (line.slot >= range.first && line.slot <= range.last) refused += line.copies;
      }
      const shown = health.suspects.filter((one) => one.dataset === dataset && one.relay === relay);
      t.is(sum(shown.map(({ slots }) => slots)), suspect, `${dataset} ${relay}`);
    }
    for (const shown of health.duplicates.filter((one) => one.dataset === dataset)) {
      const own = rows[dataset].filter((row) => textAt(row, "relay") === shown.relay);
      t.is(shown.different_rows, own.length);
      t.is(shown.rows, sum(own.map((row) => number(row, "copies"))));
      t.is(shown.repeated, own.filter((row) => number(row, "copies") > 1).length);
    }
  }
  t.is(sum(health.refused.map((one) => one.rows)), refused);
  t.true(health.suspects.some(({ relay, reason }) => relay === "heron" && reason === "undelivered"));
}
