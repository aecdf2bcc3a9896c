import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { fixedDateClock } from "../chain/clock.ts";
import { simulatedNetwork } from "../chain/networks.ts";
import { slotStartMs } from "../chain/slots.ts";
import { openFolderLake } from "../lake/folder/folder.ts";
import { silentLog } from "../log.ts";
import type { Relay } from "../relays/relay.ts";
import { openDuckDb } from "../warehouse/duckdb/duckdb.ts";
import { keyedBuilders, keyedPayments, type RowValues } from "../warehouse/keyedTables.ts";
import { groupBy } from "../warehouse/sql/values.ts";
import { newFolder, put, relayNamed, rowOf } from "../warehouse/warehouse.testing.ts";
import { runChecks } from "./checks.ts";
import { duckdbDialect } from "../warehouse/sql/duckdbDialect.ts";

/** The detectors that hold the auction against the chain and against what relays say of it themselves. */
const network = simulatedNetwork(5);
const BASE = 640;
const slots = Array.from({ length: 100 }, (_, index) => BASE + index);

async function place(t: ExecutionContext) {
  const folder = await newFolder(t);
  const lake = openFolderLake(join(folder, "lake"), network.name);
  const clock = fixedDateClock(slotStartMs(network, BASE + 5000));
  const warehouse = openDuckDb(join(folder, "one.duckdb"), network, { clock, log: silentLog });
  const speaks = async (name: string, relays: readonly Relay[] = []) => {
    const scope = { network, range: { first: BASE, last: BASE + 319 }, nowMs: clock.now() };
    const results = await runChecks(warehouse, duckdbDialect, { scope, relays });
    const result = results.find(({ check }) => check.name === name);
    return {
      measured: result?.measured,
      said: result?.findings.map(({ severity, relay, what }) => `${severity} ${relay}: ${what}`),
    };
  };
  return { lake, warehouse, speaks };
}

/** A verdict of a relay's payload in a slot. */
function payment(
  relay: string,
  slot: number,
  verdict: string,
  { method = "balance", paid = "100", short = null as string | null } = {},
): RowValues {
  const time = new Date(slotStartMs(network, slot)).toISOString();
  return [
    relay,
    slot,
    rowOf(slot, 1)["block_hash"] as string,
    time,
    "100",
    null,
    paid,
    null,
    null,
    verdict,
    method,
    short,
    method,
    "rpc",
    time,
  ];
}

test("a relay whose payloads are short too often is named, with what is lacking in all; one with few isn't", async (t) => {
  const { warehouse, speaks } = await place(t);
  await warehouse.put(keyedPayments, [
    ...slots.map((slot, at) =>
      payment("claims", slot, at < 20 ? "less" : "exact", { short: at < 20 ? "50000000000000000" : null }),
    ),
    ...slots.map((slot, at) =>
      payment("honest", slot, at < 2 ? "less" : "more", { short: at < 2 ? "1" : null }),
    ),
    ...slots.map((slot) => payment("unseen", slot, "not_found")),
  ]);
  t.deepEqual(await speaks("overclaimed"), {
    measured: "22 of 200 payloads (11.0 %) are short of what they claim; 3 relays",
    said: [
      "warning claims: 20 of 100 tested payloads (20.0 %) are short, by 1.00 ETH in all; the newest in slot 659",
    ],
  });
});

test("payments that can't be judged are counted apart, and why; what other steps than the balance found is no shortage", async (t) => {
  const { warehouse, speaks } = await place(t);
  await warehouse.put(keyedPayments, [
    ...slots.map((slot, at) =>
      payment("opaque", slot, at < 40 ? "untestable" : "exact", {
        method: at < 10 ? "balance" : "forwards_on",
      }),
    ),
    ...slots.map((slot) => payment("plain", slot, "exact", { method: "last_transaction" })),
  ]);
  t.deepEqual(await speaks("untestable"), {
    measured:
      "40 of 200 payloads (20.0 %) can't be judged; the balance alone would have called 160 paid ones short",
    said: [
      "warning opaque: 40 of 100 payloads (40.0 %) can't be judged, 10 of them because the node keeps no balances of then",
    ],
  });
});

test("recipients that got far more than was claimed are another income", async (t) => {
  const { warehouse, speaks } = await place(t);
  await warehouse.put(keyedPayments, [
    ...slots.map((slot, at) => payment("pools", slot, "more", { paid: at < 30 ? "201" : "200" })),
    ...slots.map((slot) => payment("plain", slot, "exact")),
  ]);
  t.deepEqual(await speaks("misattributed"), {
    measured: "30 of 200 payloads (15.0 %) brought over 2 times what they claim",
    said: [
      "warning pools: 30 of 100 tested payloads (30.0 %) brought the recipient over 2 times what they claim; the newest in slot 669",
    ],
  });
});

/** A canonical block of a slot that bears a text. */
const block = (slot: number, number: number, text: string) => ({
  slot: String(slot),
  status: "canonical",
  block_hash: rowOf(slot, number)["block_hash"] as string,
  extra_data_text: text,
});

test("known builders' blocks that no relay delivered point to one that isn't listed; where payloads lack or are doubtful, nothing is said", async (t) => {
  const { lake, warehouse, speaks } = await place(t);
  // In the first ten slots the block came by the relay; the next ten lack; of the last ten the payloads are doubtful.
  const covered = slots.filter((_, at) => at < 10 || at >= 20);
  await put(lake, network, "payloads", "one", {
    rows: new Map(covered.map((slot) => [slot, slot < BASE + 10 ? [rowOf(slot, 1)] : []])),
    suspect: slots.slice(90),
  });
  await put(lake, network, "chain_blocks", "beacon", {
    rows: new Map(
      slots.map((slot, at) => [
        slot,
        [block(slot, 1, at % 10 < 2 ? "Titan (titanbuilder.xyz)" : at % 10 === 2 ? "geth" : "a lone staker")],
      ]),
    ),
  });
  await warehouse.load(lake, [relayNamed("one"), relayNamed("gone", { activeTo: BASE - 1 })]);
  await warehouse.put(keyedBuilders, [["0x01", "Titan", BASE, BASE + 9, 5, 1, "extra_data"]]);
  t.deepEqual(await speaks("unlisted-relay"), {
    measured: "70 of 80 canonical blocks (87.5 %) came by no listed relay",
    said: [
      "warning null: 14 blocks of known builders came by no listed relay: Titan 14; the newest in slot 721",
    ],
  });
});

test("adjustments and mergers that contradict the payload, or themselves, are named; sound ones aren't", async (t) => {
  const { lake, warehouse, speaks } = await place(t);
  const hash = (slot: number) => rowOf(slot, 1)["block_hash"] as string;
  const adjustment = (slot: number, adjusted: string, delta: string) => ({
    block_number: "1",
    builder_pubkey: rowOf(slot, 1)["builder_pubkey"] as string,
    submitted_block_hash: rowOf(slot, 2)["block_hash"] as string,
    adjusted_block_hash: hash(slot),
    submitted_value: "150",
    adjusted_value: adjusted,
    delta,
  });
  const merger = (slot: number, value: string) => ({
    slot: String(slot),
    block_number: "1",
    original_block_hash: rowOf(slot, 2)["block_hash"] as string,
    block_hash: hash(slot),
    original_value: "90",
    proposer_value: value,
    original_tx_count: "1",
    merged_tx_count: "2",
    original_blob_count: "0",
    merged_blob_count: "0",
    builder_inclusions: "{}",
  });
  for (const relay of ["sound", "differs", "unsound"]) {
    const rows = new Map(slots.map((slot) => [slot, [rowOf(slot, 1, { value: "100" })]]));
    await put(lake, network, "payloads", relay, { rows });
    await put(lake, network, "adjustments", relay, {
      rows: new Map(
        slots.map((slot) => [
          slot,
          [
            relay === "differs"
              ? adjustment(slot, "110", "40")
              : adjustment(slot, "100", relay === "sound" ? "50" : "60"),
          ],
        ]),
      ),
    });
    await put(lake, network, "merged_blocks", relay, {
      rows: new Map(
        slots.map((slot) => [
          slot,
          [merger(slot, relay === "differs" ? "101" : relay === "sound" ? "100" : "80")],
        ]),
      ),
    });
  }
  await warehouse.load(lake, []);
  const { measured, said = [] } = await speaks("changed-afterwards");
  t.is(measured, "300 of 300 adjustments delivered; 300 of 300 merged blocks delivered");
  t.deepEqual(said.toSorted(), [
    "warning differs: 100 of 100 delivered adjustments state another value than the payload; the newest in slot 739",
    "warning differs: 100 of 100 delivered merged blocks state another value than the payload; the newest in slot 739",
    "warning unsound: 100 of 100 adjustments take off another sum than their delta; the newest in slot 739",
    "warning unsound: 100 of 100 delivered merged blocks state another value than the payload; the newest in slot 739",
    "warning unsound: 100 of 100 merged blocks pay the proposer less than before merging; the newest in slot 739",
  ]);
});

test("of a relay that adjusts, a delivered block must be among its bids where it is known what it adjusted, and only there", async (t) => {
  const { lake, warehouse, speaks } = await place(t);
  const adjusting = relayNamed("one", { adjusts: true });
  // The first half of the slots: 640 to 689.
  const known = slots.slice(0, 50);
  // One chunk of bids each: what was delivered isn't among them.
  for (const part of groupBy(slots, (slot) => Math.floor(slot / 32)).values()) {
    const rows = new Map(part.map((slot) => [slot, [rowOf(slot, 2)]]));
    await put(lake, network, "bids", "one", { rows });
  }
  await put(lake, network, "payloads", "one", {
    rows: new Map(slots.map((slot) => [slot, [rowOf(slot, 1)]])),
  });
  const said = async () => (await speaks("truncated", [adjusting])).said;
  await warehouse.load(lake, [adjusting]);
  t.deepEqual(await said(), []);
  // Of one block in five it says that it made it.
  const made = (slot: number) => ({
    block_number: "1",
    builder_pubkey: rowOf(slot, 1)["builder_pubkey"] as string,
    submitted_block_hash: rowOf(slot, 2)["block_hash"] as string,
    adjusted_block_hash: rowOf(slot, 1)["block_hash"] as string,
    submitted_value: "2",
    adjusted_value: "1",
    delta: "1",
  });
  await put(lake, network, "adjustments", "one", {
    rows: new Map(known.map((slot) => [slot, slot % 5 === 0 ? [made(slot)] : []])),
  });
  await warehouse.load(lake, [adjusting]);
  t.deepEqual(await said(), [
    "error one: 40 of 40 delivered blocks not among its bids for the slot; the newest is of slot 689",
  ]);
});
