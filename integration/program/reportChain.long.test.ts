import test from "ava";
import { DuckDBInstance } from "@duckdb/node-api";
import { join } from "node:path";
import { FINAL_LAG_SLOTS } from "../../runtime/chain/networks.ts";
import { slotAt } from "../../runtime/chain/slots.ts";
import { nameInExtraData } from "../../runtime/builders/extraData.ts";
import { askAuctions } from "../../runtime/report/auction/auction.ts";
import { BuilderNames } from "../../runtime/report/names.ts";
import { makeReport } from "../../runtime/report/report.ts";
import { SEED } from "../../runtime/seeds.testing.ts";
import { builderNames } from "../../runtime/simulator/builders.ts";
import { groupBy } from "../../runtime/warehouse/sql/values.ts";
import { judgePayments } from "./judged.ts";
import { loadedNetwork } from "./loaded.ts";
import { type Row, allRows, beliefsOf, number, quantile, sum, textAt, time } from "./reportRows.ts";
import { duckdbDialect } from "../../runtime/warehouse/sql/duckdbDialect.ts";

interface Calls {
  readonly slots: number;
  readonly slots_with_several: number;
  readonly calls: number;
  readonly median_first_ms: number;
  readonly median_last_ms: number;
}

/** The parts of `report --json` that are worked out anew here. */
interface Numbers {
  readonly "mev-boost": {
    readonly slots: number;
    readonly chain_slots: number;
    readonly yes: number;
    readonly yes_not_final: number;
    readonly yes_not_loaded: number;
    readonly no: number;
    readonly no_block: number;
    readonly unknown: number;
    readonly either: number;
    readonly either_yes: number;
    readonly by_no_relay: readonly { name: string; blocks: number; newest_slot: number }[];
  };
  readonly made: {
    readonly relays: readonly {
      kind: string;
      relay: string;
      payloads_known: number;
      made: number;
      landed: number;
      landed_eth: number;
    }[];
  };
  readonly headers: Calls & {
    readonly first: readonly { ms: number; slots: number }[];
    readonly relays: readonly (Calls & { relay: string })[];
  };
}

const near = (a: number, b: number) => Math.abs(a - b) <= 1e-9 * Math.max(1, Math.abs(b));
const ethOf = (row: Row, column: string) => (row[column] === null ? null : Number(row[column]) / 1e18);
const nearOrNull = (a: number | null, b: number | null) => (a === null || b === null ? a === b : near(a, b));

test("what the report says of the chain, of made blocks, of headers and of auctions' blocks is what its rows and view slots give", async (t) => {
  t.timeout(600_000);
  const loaded = await loadedNetwork({ seed: SEED, slots: 160, isWhole: true });
  t.teardown(() => loaded.simulator.close());
  const { warehouse, line, clock, range, folder } = loaded;
  await judgePayments(warehouse);
  // Of some slots a relay's payloads aren't covered: there no block can be said to come by none.
  const unsure = range.first + 20;
  const instance = await DuckDBInstance.create(join(folder, "warehouse.duckdb"));
  const connection = await instance.connect();
  await connection.run(
    `UPDATE payloads_loads
     SET covered = left(covered, ${unsure} - first_slot) || repeat('0', 10) || substr(covered, ${unsure} - first_slot + 11)
     WHERE relay = 'wren' AND ${unsure} BETWEEN first_slot AND last_slot`,
  );
  // Of some old ones nothing of the chain was loaded.
  await connection.run(
    `DELETE FROM chain_blocks WHERE slot BETWEEN ${range.first + 40} AND ${range.first + 49}`,
  );
  connection.closeSync();
  instance.closeSync();
  const scope = { network: line.network, range, nowMs: clock.now() };
  const names = BuilderNames.of(line.network.name).with(builderNames(SEED));
  const { html, numbers } = await makeReport(warehouse, duckdbDialect, { scope, names, checks: [] });
  const shown = JSON.parse(JSON.stringify(numbers)) as Numbers;
  const rows = (sql: string) => warehouse.query(sql);
  const slots = await rows("SELECT * FROM slots");
  const chain = await rows("SELECT * FROM chain_blocks");
  const payloads = await rows("SELECT DISTINCT relay, slot, block_hash, block_timestamp FROM payloads");
  const ledgers = await rows("SELECT * FROM loads");

  // How blocks came: as view slots says, and which slots could have been told either way.
  const boost = shown["mev-boost"];
  const said = (answer: string | null) => slots.filter((row) => row["mev_boost"] === answer);
  t.deepEqual([boost.yes, boost.no], [said("yes").length, said("no").length]);
  t.is(boost.chain_slots, chain.length);
  t.is(
    boost.no_block,
    said(null).filter((row) => row["status"] === "missed" || row["status"] === "orphaned").length,
  );
  t.is(boost.yes + boost.no + boost.no_block + boost.unknown, 160);
  // Whether a delivered block is on the chain isn't known before that is final, nor where it isn't loaded.
  const young = slotAt(line.network, clock.now()) - FINAL_LAG_SLOTS;
  const offChain = said("yes").filter((row) => row["status"] === null);
  const notFinal = offChain.filter((row) => number(row, "slot") > young);
  t.deepEqual(
    [boost.yes_not_final, boost.yes_not_loaded],
    [notFinal.length, offChain.length - notFinal.length],
  );
  t.true(boost.yes_not_final > 0 && boost.yes_not_loaded > 0);
  for (const words of ["the chain not final yet", "the chain not loaded"]) t.true(html.includes(words));
  t.true(boost.no > 0);
  const covers = (dataset: string, relay: string, slot: number) =>
    ledgers.some(
      (row) =>
        row["dataset"] === dataset &&
        row["relay"] === relay &&
        textAt(row, "covered")[slot - number(row, "first_slot")] === "1" &&
        (dataset !== "payloads" ||
          (textAt(row, "suspect")[slot - number(row, "first_slot")] === "0" &&
            // A payload in quarantine is a delivery.
            !(
              row["quarantined_slots"] !== null &&
              textAt(row, "quarantined_slots")[slot - number(row, "first_slot")] === "1"
            ))),
    );
  const active = await rows(
    `SELECT name FROM relays WHERE state <> 'off' AND alias_of IS NULL AND coalesce(active_to, ${range.last}) >= ${range.last}`,
  );
  const either = chain.filter(
    (row) =>
      row["status"] === "canonical" &&
      active.every(
        (relay) =>
          textAt(relay, "name") === "beacon" ||
          covers("payloads", textAt(relay, "name"), number(row, "slot")),
      ),
  );
  t.is(boost.either, either.length);
  t.true(either.length < chain.filter((row) => row["status"] === "canonical").length);
  const deliveredHashes = new Set(payloads.map((row) => textAt(row, "block_hash")));
  const byRelays = either.filter((row) => deliveredHashes.has(textAt(row, "block_hash")));
  t.is(boost.either_yes, byRelays.length);
  t.true(html.includes(`<b>${((100 * byRelays.length) / either.length).toFixed(1)} %</b>`));
  const lone = either.filter((row) => !deliveredHashes.has(textAt(row, "block_hash")));
  const named = groupBy(lone, (row) => nameInExtraData(textAt(row, "extra_data_text")) ?? "nobody");
  t.is(sum(boost.by_no_relay.map(({ blocks }) => blocks)), lone.length);
  for (const { name, blocks, newest_slot } of boost.by_no_relay) {
    const own = named.get(name) ?? named.get("nobody") ?? [];
    t.deepEqual(
      [blocks, newest_slot],
      [own.length, Math.max(...own.map((row) => number(row, "slot")))],
      name,
    );
  }

  // What relays made of bids, and what of it they delivered.
  const made = {
    adjusted: await rows("SELECT *, adjusted_block_hash AS made, -delta AS change FROM adjustments"),
    merged: await rows(
      "SELECT *, block_hash AS made, proposer_value - original_value AS change FROM merged_blocks",
    ),
  };
  t.true(shown.made.relays.filter(({ landed }) => landed > 0).length >= 2);
  for (const [kind, all] of Object.entries(made)) {
    const dataset = kind === "adjusted" ? "adjustments" : "merged_blocks";
    const listed = shown.made.relays.filter((one) => one.kind === kind);
    t.deepEqual(
      new Set(all.map((row) => textAt(row, "relay"))),
      new Set(listed.filter((one) => one.made > 0).map(({ relay }) => relay)),
    );
    for (const { relay, made: count, landed, landed_eth, payloads_known } of listed) {
      const own = all.filter((row) => row["relay"] === relay);
      const delivered = payloads.filter((row) => row["relay"] === relay);
      const hashes = new Set(delivered.map((row) => textAt(row, "block_hash")));
      const won = own.filter((row) => hashes.has(textAt(row, "made")));
      t.deepEqual([count, landed], [own.length, won.length], `${kind} ${relay}`);
      t.true(near(landed_eth, sum(won.map((row) => Number(row["change"]))) / 1e18), `${kind} ${relay}`);
      t.is(payloads_known, delivered.filter((row) => covers(dataset, relay, number(row, "slot"))).length);
    }
  }

  // When headers were asked for.
  const headers = await rows("SELECT * FROM headers");
  const callsAre = (calls: Calls, own: readonly Row[]) => {
    const bySlot = [...groupBy(own, (row) => number(row, "slot")).values()];
    const ms = bySlot.map((some) => some.map((row) => time(row["timestamp"]) - time(row["block_timestamp"])));
    const step = (value: number) => Math.floor(value / 100) * 100;
    t.is(calls.slots, bySlot.length);
    t.is(calls.calls, sum(own.map((row) => number(row, "copies"))));
    t.is(
      calls.slots_with_several,
      bySlot.filter((some) => sum(some.map((row) => number(row, "copies"))) > 1).length,
    );
    const firsts = ms.map((some) => Math.min(...some));
    t.is(calls.median_first_ms, quantile(firsts.map(step), 0.5));
    t.is(
      calls.median_last_ms,
      quantile(
        ms.map((some) => step(Math.max(...some))),
        0.5,
      ),
    );
    return firsts.map(step);
  };
  const firsts = callsAre(shown.headers, headers);
  for (const { ms, slots: at } of shown.headers.first)
    t.is(at, firsts.filter((first) => first === ms).length);
  t.true(shown.headers.relays.length >= 2);
  for (const calls of shown.headers.relays)
    callsAre(
      calls,
      headers.filter((row) => row["relay"] === calls.relay),
    );

  // What became of each slot's block, by the view that was written apart from this.
  const auctions = await askAuctions(
    warehouse,
    duckdbDialect,
    scope,
    names,
    slots.map((row) => number(row, "slot")),
  );
  const believed = new Set(beliefsOf(await allRows(warehouse)).believed.map(({ hash }) => hash));
  const whys = new Set<string | null>();
  for (const [index, row] of slots.entries()) {
    const { slot, found } = auctions[index] ?? t.fail();
    const { blocks, headers: calls, status } = found.numbers;
    t.is(status as unknown, row["status"] ?? "unknown", `slot ${slot}`);
    t.is(sum(calls.map((call) => call.calls)), Number(row["headers_asked"] ?? 0), `slot ${slot}`);
    if (row["claimed"] === null) continue;
    const block = blocks.find(({ block_hash }) => block_hash === row["block_hash"]) ?? t.fail(`slot ${slot}`);
    // The report compares no block that is said to be worth nothing, or more than can be believed.
    const isCompared = believed.has(textAt(row, "block_hash"));
    t.deepEqual(block.relays.toSorted(), row["relays"], `slot ${slot}`);
    for (const [value, column] of [
      [block.claimed_eth, "claimed"],
      [block.paid_eth, "paid"],
      [block.adjusted_eth, "adjusted"],
      [block.merged_eth, "merged"],
      ...(isCompared ? ([[block.eth_left, "value_left"]] as const) : []),
    ] as const)
      t.true(nearOrNull(value, ethOf(row, column)), `slot ${slot}: ${column} ${value}`);
    const why = isCompared ? row["why"] : null;
    t.is(block.why as unknown, why, `slot ${slot}`);
    whys.add(block.why);
  }
  t.true(whys.size >= 4, [...whys].join(", "));
});
