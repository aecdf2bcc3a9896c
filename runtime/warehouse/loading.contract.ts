import { type ExecutionContext } from "ava";
import fc from "fast-check";
import type { RelayRow } from "../datasets/format.ts";
import { textOf } from "./cells.ts";
import { fixedDateClock } from "../chain/clock.ts";
import { simulatedNetwork } from "../chain/networks.ts";
import { DATASET_NAMES } from "../datasets/dataset.ts";
import type { Lake } from "../lake/lake.ts";
import { blocksOf, contentArbitrary, flipped, lakeNetwork } from "../lake/lake.testing.ts";
import { chunkOf, expectedTableRows, put, relayNamed, rowOf, tableRows } from "./warehouse.testing.ts";
import type { Warehouse } from "./warehouse.ts";
import { CONTRACT_NOW, type ContractParts, startEmpty } from "./contractParts.testing.ts";

// Few slots, so that they are read again; two of one chunk, two of others.
const fewSlots = fc.constantFrom(0, 31, 32, 330);
const numbers = fc.array(fc.nat({ max: 3 }), { maxLength: 3 });
/** What a collector or a loader does. */
const operation = fc.oneof(
  fc.record({
    kind: fc.constant("read" as const),
    relay: fc.constantFrom("one", "two"),
    slot: fewSlots,
    numbers,
  }),
  fc.record({ kind: fc.constant("load" as const) }),
);

/** Registers what any warehouse promises of its loads: tables and ledger end as the lake, whatever comes between. */
export function loadingContract(parts: ContractParts): void {
  const { form, open, lakes, register, runs } = parts;
  const start = (t: ExecutionContext) => startEmpty(t, parts);
  const agrees = async (t: ExecutionContext, warehouse: Warehouse, lake: Lake): Promise<void> => {
    for (const dataset of DATASET_NAMES)
      t.deepEqual(await tableRows(warehouse, dataset), await expectedTableRows(lake, dataset), dataset);
  };

  register(
    `${form}: every row of every chunk arrives, field by field, equal ones as one with copies`,
    async (t) => {
      const { lake, warehouse } = await start(t);
      for (const dataset of DATASET_NAMES) {
        for (const [index, { lines, meta }] of fc.sample(contentArbitrary(dataset), 25).entries()) {
          // Every third slot's rows stand there twice.
          const doubled = new Map(
            [...lines].map(([slot, list]) => [slot, slot % 3 === 0 ? [...list, ...list] : list]),
          );
          const rows = [...doubled.values()].flat().length;
          const chunk = chunkOf(dataset, `relay-${index}`, Math.min(...lines.keys(), 9e9));
          const renamed = [...doubled].map(
            ([slot, list]) =>
              [slot, list.map((line) => line.replace('"alpha"', `"relay-${index}"`))] as const,
          );
          if (lines.size > 0) await lake.write(chunk, blocksOf(new Map(renamed)), { ...meta, rows }, 0);
        }
      }
      const summary = await warehouse.load(lake, []);
      t.deepEqual(summary.failed, []);
      t.true(summary.rows > 0);
      await agrees(t, warehouse, lake);
      t.deepEqual(
        await warehouse.query("SELECT 1 FROM bids WHERE block_timestamp < TIMESTAMP '2023-11-14 22:13:20'"),
        [],
      );
      const again = await warehouse.load(lake, []);
      t.deepEqual([again.rows, again.slots, again.objects], [0, 0, 0]);
      t.is(again.unchanged, summary.objects);
      await agrees(t, warehouse, lake);
    },
  );

  register(
    `${form}: whatever collectors write between loads, tables and ledger end as the lake`,
    async (t) => {
      let run = 0;
      await fc.assert(
        fc.asyncProperty(fc.array(operation, { minLength: 1, maxLength: 30 }), async (operations) => {
          const lake = await lakes.open(t, lakeNetwork.name);
          const warehouse = await open(t, lakeNetwork, fixedDateClock(CONTRACT_NOW), `run-${run++}`);
          const model = new Map<
            string,
            { rows: Map<number, RelayRow[]>; revised: Set<number>; revision: number }
          >();
          for (const one of operations) {
            if (one.kind === "load") {
              await warehouse.load(lake, []);
              continue;
            }
            for (const dataset of DATASET_NAMES) {
              const { first } = chunkOf(dataset, one.relay, one.slot);
              const key = `${dataset} ${one.relay} ${first}`;
              const known = model.get(key) ?? { rows: new Map(), revised: new Set(), revision: 0 };
              model.set(key, known);
              // A slot that is read again has been revised, as by `recheck --accept`.
              if (known.rows.has(one.slot)) {
                known.revised.add(one.slot);
                known.revision++;
              }
              known.rows.set(
                one.slot,
                one.numbers.map((number) => rowOf(one.slot, number)),
              );
              const suspect = [...known.rows.keys()].filter((each) => each % 2 === 0);
              await put(lake, lakeNetwork, dataset, one.relay, {
                ...known,
                revised: [...known.revised],
                suspect,
              });
            }
          }
          await warehouse.load(lake, []);
          await agrees(t, warehouse, lake);
          const ledger = await warehouse.query(
            "SELECT dataset, relay, first_slot, covered, revision, error FROM loads",
          );
          t.is(ledger.length, model.size);
          for (const { dataset, relay, first_slot, covered, revision, error } of ledger) {
            const known = model.get([dataset, relay, first_slot].map(textOf).join(" "));
            const slots = Array.from(textOf(covered)).flatMap((bit, index) =>
              bit === "1" ? [Number(first_slot) + index] : [],
            );
            t.deepEqual(
              slots,
              [...(known?.rows.keys() ?? [])].sort((a, c) => a - c),
            );
            t.deepEqual([revision, error], [String(known?.revision), null]);
          }
        }),
        { numRuns: runs },
      );
    },
  );

  register(`${form}: two loads at once bring in every row once`, async (t) => {
    const { lake, warehouse } = await start(t);
    for (let slot = 0; slot < 320; slot += 32)
      await put(lake, lakeNetwork, "bids", "one", {
        rows: new Map([[slot, [rowOf(slot, 1), rowOf(slot, 2)]]]),
      });
    const other = await open(t, lakeNetwork, fixedDateClock(CONTRACT_NOW));
    const loads = await Promise.all([
      warehouse.load(lake, []),
      other.load(lake, []),
      warehouse.load(lake, []),
    ]);
    t.is(
      loads.reduce((sum, { rows }) => sum + rows, 0),
      20,
    );
    await agrees(t, warehouse, lake);
  });

  register(
    `${form}: an object that can't be loaded stops no other, says why, and is tried again when it is another`,
    async (t) => {
      const { lake, warehouse } = await start(t);
      const rows = (slot: number, other: RelayRow = {}) => new Map([[slot, [rowOf(slot, 1, other)]]]);
      const good = await put(lake, lakeNetwork, "bids", "one", { rows: rows(0) });
      await warehouse.load(lake, []);

      const object = (slot: number) => `${lakeNetwork.name}/bids/relay=one/${name(slot)}.ndjson.gz`;
      const name = (slot: number) =>
        `${String(slot).padStart(10, "0")}-${String(slot + 31).padStart(10, "0")}`;
      // Grown by a slot and then damaged: what was loaded of it before must stay.
      await put(lake, lakeNetwork, "bids", "one", { rows: new Map([...rows(0), ...rows(1)]) });
      await lakes.damage(lake, object(0), (bytes) => flipped(bytes, -12));
      await put(lake, lakeNetwork, "bids", "one", { rows: rows(32) });
      await lakes.damage(lake, object(32), (bytes) => bytes.subarray(0, 40));
      // A sound line to the lake, but not within 64 bits.
      await put(lake, lakeNetwork, "bids", "one", { rows: rows(64, { gas_limit: "9999999999999999999" }) });
      // Written for a network with another genesis.
      await put(lake, { ...lakeNetwork, genesis: lakeNetwork.genesis + 12 }, "bids", "one", {
        rows: rows(96),
      });
      await put(lake, lakeNetwork, "bids", "one", { rows: rows(128) });
      const summary = await warehouse.load(lake, []);
      t.is(summary.rows, 1);
      t.deepEqual(
        summary.failed.map((one) => one.object),
        [0, 32, 64, 96].map(object),
      );
      for (const { object: failed, error } of summary.failed) {
        t.regex(error, /; (move it away|make the tables)/);
        t.true(error.includes(lake.locate(failed)), error);
        t.false(error.includes("\n"));
      }
      const slots = async () =>
        (await warehouse.query("SELECT slot FROM bids ORDER BY slot")).map(({ slot }) => slot);
      t.deepEqual(await slots(), ["0", "128"]);

      // Not tried again, and still told.
      const again = await warehouse.load(lake, []);
      t.is(again.unchanged, 5);
      t.deepEqual(again.failed, summary.failed);

      // Written anew, each goes in; the first was covered in part before.
      for (const slot of [32, 64, 96]) await put(lake, lakeNetwork, "bids", "one", { rows: rows(slot) });
      await put(lake, lakeNetwork, "bids", "one", { rows: new Map([...rows(0), ...rows(1)]) });
      t.deepEqual((await warehouse.load(lake, [])).failed, []);
      t.deepEqual(await slots(), ["0", "1", "32", "64", "96", "128"]);
      await agrees(t, warehouse, lake);
      t.truthy(good);
    },
  );

  register(
    `${form}: an object that changes or vanishes while it is read is left for the next load`,
    async (t) => {
      const { lake, warehouse } = await start(t);
      const rows = (slot: number, number: number) => new Map([[slot, [rowOf(slot, number)]]]);
      for (const slot of [0, 32, 64]) await put(lake, lakeNetwork, "bids", "one", { rows: rows(slot, 1) });
      let meddled = false;
      const meddling: Lake = {
        url: lake.url,
        network: lake.network,
        relays: (dataset) => lake.relays(dataset),
        list: (dataset, relay, range) => lake.list(dataset, relay, range),
        head: (chunk) => lake.head(chunk),
        readHorizon: (dataset, relay) => lake.readHorizon(dataset, relay),
        readRereads: (dataset, relay, month) => lake.readRereads(dataset, relay, month),
        writeRereads: () => Promise.reject(new Error("a load doesn't write")),
        locate: (object) => lake.locate(object),
        write: () => Promise.reject(new Error("a load doesn't write")),
        restate: () => Promise.reject(new Error("a load doesn't write")),
        readQuarantine: () => Promise.reject(new Error("a load doesn't read quarantines")),
        writeQuarantine: () => Promise.reject(new Error("a load doesn't write")),
        writeHorizon: () => Promise.reject(new Error("a load doesn't write")),
        async read(chunk) {
          const found = await lake.read(chunk);
          if (chunk.first === 32 && !meddled) {
            meddled = true;
            const revision = { revision: 1, revised: [32] };
            await put(lake, lakeNetwork, "bids", "one", { rows: rows(32, 2), ...revision });
          }
          return found;
        },
      };
      const first = await warehouse.load(meddling, []);
      t.deepEqual([first.rows, first.left, first.failed], [2, 1, []]);
      const second = await warehouse.load(lake, []);
      t.deepEqual([second.rows, second.left], [1, 0]);
      await agrees(t, warehouse, lake);
    },
  );

  register(
    `${form}: what the lake has lost stays in the tables, and isn't taken twice when it comes back`,
    async (t) => {
      const { lake, warehouse } = await start(t);
      const rows = (...slots: number[]) => new Map(slots.map((slot) => [slot, [rowOf(slot, 1)]]));
      for (const slots of [
        [1, 2],
        [2, 3],
        [1, 2, 3, 4],
      ]) {
        await put(lake, lakeNetwork, "bids", "one", { rows: rows(...slots) });
        await warehouse.load(lake, []);
      }
      await agrees(t, warehouse, lake);
    },
  );

  register(
    `${form}: only what is asked for is loaded: datasets, ranges, the newest objects, no replacements`,
    async (t) => {
      const { lake, warehouse } = await start(t);
      const rows = (slot: number, number = 1) => new Map([[slot, [rowOf(slot, number)]]]);
      for (let slot = 0; slot < 320; slot += 32)
        await put(lake, lakeNetwork, "bids", slot % 64 === 0 ? "one" : "two", { rows: rows(slot) });
      await put(lake, lakeNetwork, "payloads", "one", { rows: rows(0) });
      const loaded = async () =>
        (await warehouse.query("SELECT slot FROM bids ORDER BY slot")).map(({ slot }) => Number(slot));
      const bids = { datasets: ["bids"], relayTables: false } as const;
      const newest = await warehouse.load(lake, [], { ...bids, maxObjects: 2 });
      t.deepEqual([newest.rows, newest.waiting], [2, 8]);
      t.deepEqual(await loaded(), [256, 288]);
      const ranges = [
        { first: 40, last: 70 },
        { first: 65, last: 65 },
      ];
      const within = await warehouse.load(lake, [], { ...bids, ranges });
      t.deepEqual([within.rows, within.waiting, within.unchanged], [2, 0, 0]);
      t.deepEqual(await loaded(), [32, 64, 256, 288]);
      t.deepEqual(await warehouse.query("SELECT * FROM relays"), []);
      t.deepEqual(await tableRows(warehouse, "payloads"), []);
      await put(lake, lakeNetwork, "bids", "one", { rows: rows(64, 2), revised: [64], revision: 1 });
      const held = await warehouse.load(lake, [], { replace: false });
      t.deepEqual([held.waiting, (await loaded()).length], [1, 10]);
      await warehouse.load(lake, []);
      await agrees(t, warehouse, lake);
    },
  );

  register(`${form}: a rebuild makes the tables again, without what the lake no longer has`, async (t) => {
    const { lake, warehouse } = await start(t);
    await put(lake, lakeNetwork, "bids", "one", { rows: new Map([[5, [rowOf(5, 1)]]]) });
    await put(lake, lakeNetwork, "payloads", "one", { rows: new Map([[5, [rowOf(5, 1)]]]) });
    await warehouse.load(lake, [relayNamed("one")]);
    const smaller = await lakes.open(t, lakeNetwork.name);
    await put(smaller, lakeNetwork, "bids", "one", { rows: new Map([[7, [rowOf(7, 1)]]]) });
    const summary = await warehouse.load(smaller, [], { rebuild: true });
    t.is(summary.rows, 1);
    await agrees(t, warehouse, smaller);
    t.is((await warehouse.query("SELECT * FROM relays")).length, 1);
  });

  register(`${form}: a stopped load keeps what it has, and the next one goes on`, async (t) => {
    const { lake, warehouse } = await start(t);
    await put(lake, lakeNetwork, "bids", "one", { rows: new Map([[5, [rowOf(5, 1)]]]) });
    const stopped = await warehouse.load(lake, [], { signal: AbortSignal.abort() });
    t.is(stopped.rows, 0);
    await warehouse.load(lake, []);
    await agrees(t, warehouse, lake);
  });

  register(`${form}: a lake of another network is refused in one line, and so is a warehouse`, async (t) => {
    const { lake, warehouse } = await start(t);
    await warehouse.load(lake, []);
    const foreign = await lakes.open(t, "hoodi");
    await t.throwsAsync(warehouse.load(foreign, []), { name: "UserError", message: /^[^\n]*hoodi[^\n]*$/ });
    const other = await open(t, simulatedNetwork(2), fixedDateClock(CONTRACT_NOW));
    const refusal = { name: "UserError", message: /^[^\n]*simulated-1[^\n]*simulated-2[^\n]*$/ };
    await t.throwsAsync(other.query("SELECT 1"), refusal);
    await t.throwsAsync(other.load(await lakes.open(t, "simulated-2"), []), refusal);
    await t.notThrowsAsync(warehouse.load(lake, []));
  });
}
