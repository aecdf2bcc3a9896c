import test from "ava";
import { makeSlotReport } from "../../runtime/report/auction/slotReport.ts";
import { BuilderNames } from "../../runtime/report/names.ts";
import { makeReport } from "../../runtime/report/report.ts";
import { SEED } from "../../runtime/seeds.testing.ts";
import { builderNames } from "../../runtime/simulator/builders.ts";
import { groupBy } from "../../runtime/warehouse/sql/values.ts";
import { judgePayments } from "./judged.ts";
import { loadedNetwork } from "./loaded.ts";
import { beliefsOf, number, quantile, relaysOf, allRows, sum, textAt, time, weiOf } from "./reportRows.ts";
import { duckdbDialect } from "../../runtime/warehouse/sql/duckdbDialect.ts";

interface Pair {
  readonly of: string;
  readonly relay: string;
  readonly blocks: number;
  readonly shown: number;
}

interface Concentration {
  readonly blocks: number;
  readonly hhi: number;
  readonly over_time: readonly { first_slot: number; last_slot: number; blocks: number; hhi: number }[];
}

/** The parts of `report --json` that are worked out anew here. */
interface Numbers {
  readonly payloads: { readonly slots: number };
  readonly bids: {
    readonly over_time: readonly { relay: string; first_slot: number; bids_a_slot: number }[];
  };
  readonly value: {
    readonly median_eth: number;
    readonly over_time: readonly {
      first_slot: number;
      blocks: number;
      eth: number;
      p10: number;
      median: number;
      p90: number;
    }[];
    readonly most_left: readonly { slot: number; block_hash: string; eth_left: number; rival: string }[];
  };
  readonly timing: {
    readonly winning: {
      readonly blocks: number;
      readonly undated: number;
      readonly never_bid: number;
      readonly steps: readonly { ms: number; blocks: number }[];
    };
  };
  readonly market: {
    readonly builder_relay: readonly Pair[];
    readonly relay_relay: readonly Pair[];
    readonly bids_relay_relay: readonly Pair[];
    readonly compared_slots: number;
    readonly concentration: { readonly builders: Concentration; readonly relays: Concentration };
  };
  readonly payments: {
    readonly blocks: number;
    readonly verdicts: readonly { verdict: string; blocks: number; short_eth: number }[];
  };
  readonly auctions: readonly AuctionNumbers[];
}

interface AuctionNumbers {
  readonly slot: number;
  readonly bids: number;
  readonly relays: readonly { relay: string; covered: boolean; bids: number; best_eth: number | null }[];
  readonly outcomes: readonly { block_hash: string; eth: number; eth_left: number }[];
  readonly payloads: readonly { relay: string; block_hash: string }[];
}

const near = (a: number, b: number) => Math.abs(a - b) <= 1e-9 * Math.max(1, Math.abs(b));

test("what the report says of the market, of values over time, of winning bids and of auctions is what its rows give", async (t) => {
  t.timeout(600_000);
  const slots = 130;
  const loaded = await loadedNetwork({ seed: SEED, slots });
  t.teardown(() => loaded.simulator.close());
  const { warehouse, lake, line, clock, range } = loaded;
  await judgePayments(warehouse);
  const scope = { network: line.network, range, nowMs: clock.now() };
  const names = BuilderNames.of(line.network.name).with(builderNames(SEED));
  const report = await makeReport(warehouse, duckdbDialect, { scope, names, lake, checks: [] });
  t.true(report.html.length < 3_000_000, `the page has ${report.html.length} characters`);
  const shown = JSON.parse(JSON.stringify(report.numbers)) as Numbers;
  const rows = await allRows(warehouse);
  const { bids, payloads, blocks } = rows;
  const { believed, believedBids } = beliefsOf(rows);
  const builderOf = (key: string) =>
    names.nameOf(
      (blocks.get(key) ?? []).map((row) => textAt(row, "builder_pubkey")).reduce((a, b) => (a < b ? a : b)),
    );

  // Slots, and bids by slot.
  t.is(shown.payloads.slots, new Set(payloads.map((row) => textAt(row, "slot"))).size);
  const firsts = [...new Set(shown.bids.over_time.map(({ first_slot }) => first_slot))].toSorted(
    (a, b) => a - b,
  );
  const step = Math.min(...firsts.slice(1).map((first, index) => first - (firsts[index] ?? 0)));
  const ledger = await warehouse.query("SELECT relay, first_slot, covered FROM bids_loads");
  const isCovered = (relay: string, slot: number) =>
    ledger.some(
      (row) =>
        textAt(row, "relay") === relay && textAt(row, "covered")[slot - number(row, "first_slot")] === "1",
    );
  t.true(shown.bids.over_time.length > 100);
  for (const { relay, first_slot, bids_a_slot } of shown.bids.over_time) {
    const all = Array.from({ length: step }, (_, index) => first_slot + index);
    const covered = all.filter((slot) => slot <= range.last && isCovered(relay, slot)).length;
    const own = bids.filter((row) => textAt(row, "relay") === relay && all.includes(number(row, "slot")));
    t.true(
      near(bids_a_slot * covered, sum(own.map((row) => number(row, "copies")))),
      `${relay} ${first_slot}`,
    );
  }

  // Value over time.
  const values = believed.map(({ slot, wei }) => ({ slot: Number(slot), eth: wei / 1e18 }));
  t.true(
    near(
      shown.value.median_eth,
      quantile(
        values.map(({ eth }) => eth),
        0.5,
      ),
    ),
  );
  t.is(sum(shown.value.over_time.map((one) => one.blocks)), values.length);
  shown.value.over_time.forEach((one, index) => {
    const end = shown.value.over_time[index + 1]?.first_slot ?? Infinity;
    const own = values.filter(({ slot }) => slot >= one.first_slot && slot < end).map(({ eth }) => eth);
    t.is(one.blocks, own.length);
    t.true(near(one.eth, sum(own)));
    for (const [share, value] of [
      [0.1, one.p10],
      [0.5, one.median],
      [0.9, one.p90],
    ] as const)
      t.true(near(value, quantile(own, share)), `${share} from slot ${one.first_slot}`);
  });

  // When the winning bid came, and what was left.
  const ms = (row: (typeof bids)[number]) => time(row["timestamp"]) - time(row["block_timestamp"]);
  const steps = new Map<number, number>();
  let [undated, never] = [0, 0];
  const left: { slot: number; hash: string; eth: number }[] = [];
  for (const { slot, hash, wei, parent, relays } of believed) {
    const rivals = (believedBids.get(slot) ?? []).filter((row) => textAt(row, "parent_hash") === parent);
    if (rivals.length === 0) continue;
    left.push({ slot: Number(slot), hash, eth: (Math.max(...rivals.map(weiOf)) - wei) / 1e18 });
    const offers = bids.filter(
      (row) =>
        textAt(row, "slot") === slot &&
        textAt(row, "block_hash") === hash &&
        relays.has(textAt(row, "relay")),
    );
    const dated = offers.filter((row) => row["timestamp_ms"] !== null).map(ms);
    const first = Math.floor(Math.min(...dated) / 100) * 100;
    if (offers.length === 0) never++;
    else if (dated.length === 0) undated++;
    else steps.set(first, (steps.get(first) ?? 0) + 1);
  }
  const { winning } = shown.timing;
  t.deepEqual([winning.undated, winning.never_bid], [undated, never]);
  t.deepEqual(
    winning.steps.map((one) => [one.ms, one.blocks]),
    [...steps].toSorted(([a], [b]) => a - b),
  );
  const most = left
    .filter(({ eth }) => eth > 0)
    .toSorted((a, b) => b.eth - a.eth)
    .slice(0, 20);
  t.deepEqual(
    shown.value.most_left.map(({ slot, block_hash }) => [slot, block_hash]),
    most.map(({ slot, hash }) => [slot, hash]),
  );
  most.forEach(({ eth }, index) => t.true(near(shown.value.most_left[index]?.eth_left ?? -1, eth)));

  // Who shares what with whom.
  const keys = [...blocks.keys()];
  const relaysAt = (key: string) => relaysOf(blocks.get(key) ?? []);
  for (const { of, relay, blocks: all, shown: some } of shown.market.builder_relay) {
    const own = keys.filter((key) => builderOf(key) === of);
    t.deepEqual(
      [all, some],
      [own.length, own.filter((key) => relaysAt(key).has(relay)).length],
      `${of} ${relay}`,
    );
  }
  const pairs = (sets: readonly ReadonlySet<string>[], shares: readonly Pair[]) => {
    t.true(shares.length > 50 && shares.some((one) => one.shown > 0));
    for (const { of, relay, blocks: all, shown: some } of shares) {
      const own = sets.filter((set) => set.has(of));
      t.deepEqual([all, some], [own.length, own.filter((set) => set.has(relay)).length], `${of} ${relay}`);
    }
  };
  pairs(keys.map(relaysAt), shown.market.relay_relay);
  const newest = bids.filter((row) => number(row, "slot") > range.last - shown.market.compared_slots);
  const offered = groupBy(newest, (row) => `${textAt(row, "slot")} ${textAt(row, "block_hash")}`);
  pairs([...offered.values()].map(relaysOf), shown.market.bids_relay_relay);

  // Concentration.
  const hhi = (weights: readonly (readonly [string, number])[]) => {
    const total = sum(weights.map(([, weight]) => weight));
    const sums = [...groupBy(weights, ([name]) => name).values()].map((own) =>
      sum(own.map(([, one]) => one)),
    );
    return 10_000 * sum(sums.map((one) => (one / total) ** 2));
  };
  const builderWeights = (own: readonly string[]) => own.map((key) => [builderOf(key), 1] as const);
  const relayWeights = (own: readonly string[]) =>
    own.flatMap((key) => [...relaysAt(key)].map((relay) => [relay, 1 / relaysAt(key).size] as const));
  for (const [concentration, weights] of [
    [shown.market.concentration.builders, builderWeights],
    [shown.market.concentration.relays, relayWeights],
  ] as const) {
    t.is(concentration.blocks, keys.length);
    t.true(near(concentration.hhi, hhi(weights(keys))));
    t.true(concentration.over_time.length > 0);
    for (const { first_slot, last_slot, hhi: index } of concentration.over_time) {
      const own = keys.filter(
        (key) => Number(key.split(" ")[0]) >= first_slot && Number(key.split(" ")[0]) <= last_slot,
      );
      t.true(near(index, hhi(weights(own))), `from ${first_slot}`);
    }
  }

  // Paid and claimed: a block once, with what is lacking from the least claim.
  const judged = groupBy(
    await warehouse.query("SELECT * FROM payments"),
    (row) => `${textAt(row, "slot")} ${textAt(row, "block_hash")}`,
  );
  t.is(shown.payments.blocks, judged.size);
  for (const { verdict, blocks: count, short_eth } of shown.payments.verdicts) {
    const own = [...judged.values()].filter(([row]) => row?.["verdict"] === verdict);
    t.is(count, own.length, verdict);
    const short = own
      .map((some) => Math.min(...some.map((row) => Number(row["short_by"] ?? 0))))
      .map((wei) => wei / 1e18);
    t.true(near(short_eth, sum(short)), verdict);
  }
  t.regex(report.html, /Paid short<\/span><b>[\d.]+ ETH/);

  // The auctions of the slots with most left, and that of one slot alone.
  t.deepEqual(
    shown.auctions.map(({ slot }) => slot),
    most.slice(0, 3).map(({ slot }) => slot),
  );
  const auctionIsRight = (auction: AuctionNumbers) => {
    const own = bids.filter((row) => number(row, "slot") === auction.slot);
    t.is(auction.bids, sum(own.map((row) => number(row, "copies"))));
    const plausible = believedBids.get(String(auction.slot)) ?? [];
    for (const { relay, covered, bids: count, best_eth } of auction.relays) {
      t.is(covered, isCovered(relay, auction.slot), relay);
      t.is(
        count,
        sum(own.filter((row) => textAt(row, "relay") === relay).map((row) => number(row, "copies"))),
        relay,
      );
      const best = plausible.filter((row) => textAt(row, "relay") === relay).map(weiOf);
      t.true(best_eth === null ? best.length === 0 : near(best_eth, Math.max(...best) / 1e18), relay);
    }
    const delivered = payloads.filter((row) => number(row, "slot") === auction.slot);
    t.is(
      auction.payloads.length,
      new Set(delivered.map((row) => `${textAt(row, "relay")} ${textAt(row, "block_hash")}`)).size,
    );
    for (const { block_hash, eth_left } of auction.outcomes)
      t.true(near(eth_left, Math.max(0, left.find(({ hash }) => hash === block_hash)?.eth ?? -1)));
  };
  shown.auctions.forEach(auctionIsRight);
  for (const slot of [range.first, range.first + 7, range.last]) {
    const one = await makeSlotReport(warehouse, duckdbDialect, {
      scope: { ...scope, range: { first: slot, last: slot } },
      names,
    });
    const { auctions } = JSON.parse(JSON.stringify(one.numbers)) as { auctions: AuctionNumbers[] };
    t.is(auctions[0]?.slot, slot);
    auctions.forEach(auctionIsRight);
    t.regex(one.html, new RegExp(`The auction of slot ${slot}`));
  }
});
