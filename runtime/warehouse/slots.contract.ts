import fc from "fast-check";
import test, { type Implementation } from "ava";
import type { RelayRow } from "../datasets/format.ts";
import { findNetwork } from "../chain/networks.ts";
import { slotStartMs } from "../chain/slots.ts";
import { fixedDateClock } from "../chain/clock.ts";
import { lakeNetwork } from "../lake/lake.testing.ts";
import { directoryOf } from "../relays/directory.ts";
import { examples } from "../seeds.testing.ts";
import { keyedBuilders, keyedPayments } from "./keyedTables.ts";
import { put, relayNamed, rowOf } from "./warehouse.testing.ts";
import { type ContractLakes, type OpenWarehouse, folderLakes } from "./contractParts.testing.ts";

/** First slot of the worlds: a payload chunk begins there. */
const BASE = 640;
const SLOTS = 8;
const RELAYS = ["one", "two", "three"];
/** Relay three works from here on. */
const THREE_FROM = BASE + 3;
const NOW = slotStartMs(lakeNetwork, 10_000);

const blockHash = (slot: number, number: number): string => rowOf(slot, number)["block_hash"] as string;
const small = (max: number) => fc.integer({ min: 0, max });

/** What happened in a slot: numbers tell its blocks apart. */
const slotArbitrary = fc.record({
  /** Null: the chain isn't known there; -1: missed; else the canonical block. */
  chain: fc.option(fc.integer({ min: -1, max: 3 })),
  orphan: fc.option(small(3)),
  blobs: small(6),
  /** By relay: null where its payloads aren't covered, else the blocks that it delivered. */
  delivered: fc.array(fc.option(fc.uniqueArray(small(3), { maxLength: 1 }), { freq: 8 }), {
    minLength: 3,
    maxLength: 3,
  }),
  doubtful: fc.array(fc.boolean(), { minLength: 3, maxLength: 3 }),
  /** By relay: whether a payload of it is in quarantine. */
  refused: fc.array(fc.boolean(), { minLength: 3, maxLength: 3 }),
  /** By relay: whether it says of what it delivered that it is worth nothing. */
  worthless: fc.array(fc.boolean(), { minLength: 3, maxLength: 3 }),
  /** By relay: its bids, a block and when it came (ms into the slot). */
  bids: fc.array(
    fc.uniqueArray(fc.record({ block: small(3), ms: small(3) }), {
      maxLength: 3,
      selector: ({ block }) => block,
    }),
    {
      minLength: 3,
      maxLength: 3,
    },
  ),
  headers: fc.array(small(3), { maxLength: 2 }),
  adjusted: fc.option(small(3)),
  merged: fc.option(small(3)),
  paid: fc.option(small(3)),
});
type SlotFacts = typeof slotArbitrary extends fc.Arbitrary<infer T> ? T : never;

/** A block's value in wei: of one magnitude, so that every bid is believed. */
const valueOf = (block: number): bigint => BigInt(1000 + 100 * block);
const TAKEN = 100n;
const ADDED = 7n;

/** What view slots must say of a slot, worked out without SQL. Undefined: nothing is known of it. */
function expected(slot: number, facts: SlotFacts): Record<string, unknown> | undefined {
  const { chain, delivered, bids } = facts;
  const canonical = chain !== null && chain >= 0 ? chain : null;
  // Who says missed hasn't seen the block that another did.
  const withoutBlock = facts.orphan !== null ? "orphaned" : chain === null ? null : "missed";
  const status = canonical === null ? withoutBlock : "canonical";
  const offered = bids.flatMap((ofRelay, relay) => ofRelay.map((bid) => ({ ...bid, relay })));
  if (status === null && delivered.every((blocks) => !blocks?.length) && offered.length === 0)
    return undefined;
  const counts = [0, 1, 2, 3].map((block) => delivered.filter((blocks) => blocks?.includes(block)).length);
  const most = Math.max(...counts);
  const lost = status === "orphaned" && facts.orphan !== null && (counts[facts.orphan] ?? 0) > 0;
  const block = canonical ?? (lost ? facts.orphan : most === 0 ? null : counts.indexOf(most));
  const deliverers = RELAYS.filter((_, relay) => block !== null && delivered[relay]?.includes(block));
  const isWorthless = deliverers.every((name) => facts.worthless[RELAYS.indexOf(name)]);
  const claimed = deliverers.length > 0 && block !== null ? (isWorthless ? 0n : valueOf(block)) : null;
  const best = offered.length === 0 ? null : offered.reduce((a, b) => (b.block > a.block ? b : a)).block;
  const bestBids = offered.filter((bid) => bid.block === best);
  const left =
    best === null || claimed === null ? null : valueOf(best) > claimed ? valueOf(best) - claimed : 0n;
  const lastHeader = facts.headers.length === 0 ? null : Math.max(...facts.headers);
  const adjusted = block !== null && facts.adjusted === block ? TAKEN : null;
  const first = Math.min(...bestBids.map(({ ms }) => ms));
  const why =
    left === null || left === 0n
      ? null
      : adjusted !== null && left <= adjusted
        ? "adjusted"
        : lastHeader !== null && first > lastHeader
          ? "late"
          : bestBids.every(({ relay }) => !deliverers.includes(RELAYS[relay] ?? ""))
            ? "other_relay"
            : "unknown";
  const asked = RELAYS.flatMap((name, relay) => (name === "three" && slot < THREE_FROM ? [] : [relay]));
  const sure = asked.every(
    (relay) => delivered[relay] !== null && !facts.doubtful[relay] && !facts.refused[relay],
  );
  return {
    slot: String(slot),
    status,
    block_hash: block === null ? null : blockHash(slot, block),
    relays: deliverers.toSorted(),
    bid_relays: RELAYS.filter((_, relay) =>
      offered.some((bid) => bid.block === block && bid.relay === relay),
    ).toSorted(),
    claimed: claimed?.toString() ?? null,
    paid: block !== null && facts.paid === block ? valueOf(block).toString() : null,
    adjusted: adjusted?.toString() ?? null,
    merged: block !== null && facts.merged === block ? ADDED.toString() : null,
    best_bid: best === null ? null : valueOf(best).toString(),
    value_left: left?.toString() ?? null,
    why,
    headers_asked: facts.headers.length === 0 ? null : String(facts.headers.length),
    blobs: canonical === null ? null : String(facts.blobs),
    mev_boost: claimed !== null ? "yes" : canonical !== null && sure ? "no" : null,
  };
}
const COLUMNS =
  "slot, status, block_hash, relays, bid_relays, claimed, paid, adjusted, merged, best_bid, value_left, why, headers_asked, blobs, mev_boost";

/** The rows of each dataset by relay and slot; a slot that a dataset's map lacks isn't covered. */
function rowsOfWorld(world: readonly SlotFacts[]) {
  const at = (slot: number, ms: number): string => String(slotStartMs(lakeNetwork, slot) + ms);
  const each = <T>(of: (facts: SlotFacts, slot: number) => T): Map<number, T> =>
    new Map(world.map((facts, index) => [BASE + index, of(facts, BASE + index)]));
  const parent = (slot: number) => ({ parent_hash: `0x${slot.toString(16).padStart(64, "0")}` });
  const block = (slot: number, number: number, more: RelayRow = {}) =>
    rowOf(slot, number, { value: valueOf(number).toString(), ...parent(slot), ...more });
  const chained = (slot: number, number: number, status: string, blobs: number): RelayRow => ({
    slot: String(slot),
    status,
    ...(status === "missed"
      ? {}
      : { block_hash: blockHash(slot, number), ...parent(slot), blobs: String(blobs) }),
  });
  return {
    payloads: (relay: number) =>
      new Map(
        [
          ...each(({ delivered, worthless }, slot) =>
            delivered[relay]?.map((number) => block(slot, number, worthless[relay] ? { value: "0" } : {})),
          ),
        ].filter((entry): entry is [number, RelayRow[]] => entry[1] !== undefined),
      ),
    doubtful: (relay: number) =>
      world.flatMap(({ delivered, doubtful }, index) =>
        delivered[relay] !== null && doubtful[relay] ? [BASE + index] : [],
      ),
    refused: (relay: number) =>
      world.flatMap(({ delivered, refused }, index) =>
        delivered[relay] !== null && refused[relay] ? [BASE + index] : [],
      ),
    bids: (relay: number) =>
      each(({ bids }, slot) =>
        (bids[relay] ?? []).map(({ block: number, ms }) =>
          block(slot, number, { timestamp_ms: at(slot, ms) }),
        ),
      ),
    headers: each(({ headers }, slot) =>
      headers.map((ms) => ({ slot: String(slot), proposer_send_timestamp_ms: at(slot, ms), value: "1" })),
    ),
    adjustments: each(({ adjusted }, slot) =>
      adjusted === null
        ? []
        : [
            {
              block_number: "1",
              builder_pubkey: rowOf(slot, 1)["builder_pubkey"] as string,
              adjusted_block_hash: blockHash(slot, adjusted),
              submitted_block_hash: blockHash(slot, 9),
              adjusted_value: "1",
              submitted_value: String(1n + TAKEN),
              delta: TAKEN.toString(),
            },
          ],
    ),
    merged: each(({ merged }, slot) =>
      merged === null
        ? []
        : [
            {
              slot: String(slot),
              block_number: "1",
              original_block_hash: blockHash(slot, 9),
              block_hash: blockHash(slot, merged),
              original_value: "1",
              proposer_value: String(1n + ADDED),
              original_tx_count: "1",
              merged_tx_count: "1",
              original_blob_count: "1",
              merged_blob_count: "1",
              builder_inclusions: "{}",
            },
          ],
    ),
    chain: each(({ chain, orphan, blobs }, slot) => [
      ...(chain === null ? [] : [chained(slot, chain, chain < 0 ? "missed" : "canonical", blobs)]),
      ...(orphan === null || orphan === chain ? [] : [chained(slot, orphan, "orphaned", 1)]),
    ]),
    payments: world.flatMap(({ paid }, index) => {
      const slot = BASE + index;
      if (paid === null) return [];
      const value = valueOf(paid).toString();
      const time = new Date(slotStartMs(lakeNetwork, slot)).toISOString();
      const outcome = [value, null, value, "0", null, "exact", "balance", null, "balance", "rpc", time];
      return [["one", slot, blockHash(slot, paid), time, ...outcome]];
    }),
  };
}

/** Registers what view slots and the views beside it promise, of a warehouse that `open` opens; over so many random worlds. */
export function slotsContract(
  form: string,
  open: OpenWarehouse,
  lakes: Pick<ContractLakes, "open"> = folderLakes,
  worlds = examples(12),
  register: (title: string, run: Implementation<[]>) => void = test,
): void {
  register(`${form}: view slots says of every slot what an oracle says that knows no SQL`, async (t) => {
    let opened = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(slotArbitrary, { minLength: 1, maxLength: SLOTS }), async (world) => {
        const lake = await lakes.open(t, lakeNetwork.name);
        const warehouse = await open(t, lakeNetwork, fixedDateClock(NOW), `slots${opened++}`);
        const rows = rowsOfWorld(world);
        for (const [index, relay] of RELAYS.entries()) {
          const [delivered, suspect] = [rows.payloads(index), rows.doubtful(index)];
          if (delivered.size > 0)
            await put(lake, lakeNetwork, "payloads", relay, {
              rows: delivered,
              suspect,
              quarantined: rows.refused(index),
            });
          await put(lake, lakeNetwork, "bids", relay, { rows: rows.bids(index) });
        }
        await put(lake, lakeNetwork, "headers", "one", { rows: rows.headers });
        await put(lake, lakeNetwork, "adjustments", "one", { rows: rows.adjustments });
        await put(lake, lakeNetwork, "merged_blocks", "one", { rows: rows.merged });
        await put(lake, lakeNetwork, "chain_blocks", "beacon", { rows: rows.chain });
        const relays = RELAYS.map((name) =>
          relayNamed(name, name === "three" ? { activeFrom: THREE_FROM } : {}),
        );
        const { failed } = await warehouse.load(lake, [
          ...relays,
          relayNamed("off", { state: "off" }),
          relayNamed("beacon", { dialect: "chain" }),
        ]);
        t.deepEqual(failed, []);
        await warehouse.put(keyedPayments, rows.payments);
        t.deepEqual(
          await warehouse.query(`SELECT ${COLUMNS} FROM slots ORDER BY slot`),
          world.flatMap((facts, index) => expected(BASE + index, facts) ?? []),
        );
        await warehouse.close();
      }),
      { numRuns: worlds, endOnFailure: register !== test },
    );
  });

  register(
    `${form}: a block came by none only where every relay of the directory is sure to have none, those that nobody asked among them`,
    async (t) => {
      const mainnet = findNetwork("mainnet", 1);
      if (!mainnet) return t.fail();
      const slot = 13_000_000;
      const lake = await lakes.open(t, mainnet.name);
      const warehouse = await open(t, mainnet, fixedDateClock(slotStartMs(mainnet, slot + 1000)));
      const canonical = { slot: String(slot), status: "canonical", block_hash: blockHash(slot, 1) };
      await put(lake, mainnet, "chain_blocks", "beacon", { rows: new Map([[slot, [canonical]]]) });
      const told = async () =>
        (await warehouse.query("SELECT mev_boost FROM slots")).map((row) => row["mev_boost"]);
      const nothing = { rows: new Map([[slot, []]]) };
      const [one, ...others] = directoryOf(mainnet.name).filter(
        ({ state, aliasOf, activeFrom, activeTo }) =>
          state !== "off" && aliasOf === null && (activeFrom ?? 0) <= slot && (activeTo ?? slot) >= slot,
      );
      if (!one) return t.fail();
      await put(lake, mainnet, "payloads", one.name, nothing);
      await warehouse.load(lake, [one]);
      t.deepEqual(await told(), [null]);
      const elsewhere = { rows: new Map([[slot + 1, []]]) };
      for (const [place, { name }] of others.entries())
        await put(lake, mainnet, "payloads", name, place === 0 ? elsewhere : nothing);
      await warehouse.load(lake, [one]);
      t.deepEqual(await told(), [null]);
      await put(lake, mainnet, "payloads", others[0]?.name ?? "", {
        rows: new Map([
          [slot, []],
          [slot + 1, []],
        ]),
      });
      await warehouse.load(lake, [one]);
      t.deepEqual(await told(), ["no"]);
      // A payload that no table can hold is a delivery: of its slot, or where that wasn't kept, of any of its chunk.
      const two = new Map([slot, slot + 1].map((each) => [each, []]));
      for (const [quarantined, is] of [
        [[slot], null] as const,
        [[slot + 1], "no"] as const,
        [1, null] as const,
      ]) {
        await put(lake, mainnet, "payloads", one.name, { rows: two, quarantined });
        await warehouse.load(lake, [one]);
        t.deepEqual(await told(), [is], JSON.stringify(quarantined));
      }
      await warehouse.close();
    },
  );

  register(
    `${form}: a builder's name is that of its blocks then, before the built-in one and the ends of its key`,
    async (t) => {
      const lake = await lakes.open(t, lakeNetwork.name);
      const warehouse = await open(t, lakeNetwork, fixedDateClock(NOW));
      const slots = [BASE, BASE + 5, BASE + 10, BASE + 20];
      await put(lake, lakeNetwork, "payloads", "one", {
        rows: new Map(slots.map((slot) => [slot, [rowOf(slot, slot === BASE + 20 ? 2 : 1)]])),
      });
      await put(lake, lakeNetwork, "bids", "one", {
        rows: new Map([
          [
            BASE,
            [1, 4, 7].map((number) =>
              rowOf(BASE, number, {
                timestamp_ms: String(slotStartMs(lakeNetwork, BASE) - 60 + 10 * number),
              }),
            ),
          ],
        ]),
      });
      await warehouse.load(lake, [relayNamed("one")]);
      const key = rowOf(BASE, 1)["builder_pubkey"] as string;
      await warehouse.put(keyedBuilders, [
        [key, "early", BASE + 3, BASE + 6, 5, 1, "extra_data"],
        [key, "late", BASE + 9, BASE + 9, 5, 0.8, "extra_data"],
      ]);
      t.deepEqual(await warehouse.query("SELECT slot, builder FROM slots ORDER BY slot"), [
        { slot: String(BASE), builder: "early" },
        { slot: String(BASE + 5), builder: "early" },
        { slot: String(BASE + 10), builder: "late" },
        { slot: String(BASE + 20), builder: "0x0000…0002" },
      ]);
      t.deepEqual(
        await warehouse.query(
          "SELECT slot, builder, bucket_ms, best_value, bids FROM bids_by_50ms ORDER BY bucket_ms",
        ),
        [
          { slot: String(BASE), builder: "early", bucket_ms: "-50", best_value: "4", bids: "2" },
          { slot: String(BASE), builder: "early", bucket_ms: "0", best_value: "7", bids: "1" },
        ],
      );
      await warehouse.close();
    },
  );
}
