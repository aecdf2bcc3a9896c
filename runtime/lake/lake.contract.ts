import { once } from "node:events";
import { createInterface } from "node:readline";
import test, { type ExecutionContext } from "ava";
import fc from "fast-check";
import { SlotBits } from "../datasets/bits.ts";
import type { Chunk } from "../datasets/chunks.ts";
import { deflateSlot, joinBlocks } from "./gzip.ts";
import { BadObjectError, emptyMeta, isBad, type Lake, StaleGenerationError } from "./lake.ts";
import { encodeMeta } from "./meta.ts";
import { openLake } from "./objectLake.ts";
import type { ObjectStore } from "./store.ts";
import {
  addedRows,
  addRow,
  bidsChunk,
  blocksOf,
  contentArbitrary,
  flipped,
  lakeNetwork,
  numberedLine,
  quarantined,
  startScript,
} from "./lake.testing.ts";

/** An empty lake for one test. */
export interface LakeFixture {
  readonly store: ObjectStore;
  /** Changes an object's stored bytes behind the lake's back; its metadata and generation stay. */
  readonly damage: (object: string, change: (stored: Buffer) => Buffer) => Promise<void>;
  readonly remove: (object: string) => Promise<void>;
  /** How another process opens it: the URL of a module, and its export `(url, network) => Lake`. */
  readonly opener: readonly [module: string, exported: string];
}

/** How the contract is run. */
export interface ContractOptions {
  /** One test after another. */
  readonly serial?: boolean;
  /** Of the examples of a property, one in so many. */
  readonly oneIn?: number;
  /** Answers of writes are lost: see addRow. */
  readonly lost?: boolean;
}

/** Metadata of a chunk with one row in each of two slots. */
const TWO_ROWS = {
  covered: SlotBits.empty(64, 32).with(70).with(71).toString(),
  suspect: "0".repeat(32),
  revised: "0".repeat(32),
  revision: "0",
  rows: "2",
  quarantined: "0",
  version: "1",
};

/** Registers the tests that any lake must pass. */
export function lakeContract(
  form: string,
  open: (t: ExecutionContext) => Promise<LakeFixture>,
  { serial = false, oneIn = 1, lost = false }: ContractOptions = {},
): void {
  const declare = serial ? test.serial : test;
  const numRuns = (usual: number): number => Math.ceil(usual / oneIn);
  const start = async (t: ExecutionContext): Promise<LakeFixture & { lake: Lake }> => {
    const fixture = await open(t);
    return { ...fixture, lake: openLake(fixture.store, lakeNetwork.name) };
  };

  for (const dataset of ["bids", "payloads"] as const)
    declare(`${form}: what is written to ${dataset} is read back, every line and every mark`, async (t) => {
      const { lake } = await start(t);
      await fc.assert(
        fc.asyncProperty(contentArbitrary(dataset), async ({ chunk, lines, meta }) => {
          const before = await lake.head(chunk);
          const generation = await lake.write(chunk, blocksOf(lines), meta, before?.generation ?? 0);
          const head = await lake.head(chunk);
          const found = await lake.read(chunk);
          if (!head || isBad(head) || !found) return t.fail("not there, or bad");
          t.deepEqual(found.stored, head);
          t.deepEqual(found.lines, lines);
          t.deepEqual(encodeMeta(head.meta), encodeMeta(meta));
          t.is(head.generation, generation);
          t.true(head.bytes > 0);
          t.deepEqual(head.chunk, chunk);
        }),
        { numRuns: numRuns(25) },
      );
    });

  declare(`${form}: objects have the names of the layout`, async (t) => {
    const { lake, store } = await start(t);
    await addRow(lake, 1, 1);
    await lake.writeQuarantine(bidsChunk, [quarantined(70, "x")], 0);
    const found: string[] = [];
    for (const prefix of ["bids", "quarantine/bids"].map((name) => `simulated-1/${name}/relay=alpha/`))
      for await (const { name } of store.list(prefix, prefix, `${prefix}~`)) found.push(name);
    t.deepEqual(found, [
      "simulated-1/bids/relay=alpha/0000000064-0000000095.ndjson.gz",
      "simulated-1/quarantine/bids/relay=alpha/0000000064-0000000095.ndjson.gz",
    ]);
    t.true(lake.locate(found[0] ?? "").endsWith(`/${found[0]}`));
  });

  declare(`${form}: a write holds only for the generation that was read`, async (t) => {
    const { lake } = await start(t);
    const meta = emptyMeta(bidsChunk);
    const stale = { instanceOf: StaleGenerationError };
    t.is(await lake.head(bidsChunk), undefined);
    t.is(await lake.read(bidsChunk), undefined);
    await t.throwsAsync(lake.write(bidsChunk, new Map(), meta, 5), stale);
    t.is(await lake.head(bidsChunk), undefined);
    const first = await lake.write(bidsChunk, new Map(), meta, 0);
    await t.throwsAsync(lake.write(bidsChunk, new Map(), { ...meta, revision: 9 }, 0), stale);
    const second = await lake.write(bidsChunk, new Map(), { ...meta, revision: 1 }, first);
    await t.throwsAsync(lake.write(bidsChunk, new Map(), { ...meta, revision: 9 }, first), stale);
    const head = await lake.head(bidsChunk);
    t.is(head?.generation, second);
    t.is(head && !isBad(head) ? head.meta.revision : undefined, 1);
  });

  declare(`${form}: generations only grow, also where an object was removed`, async (t) => {
    const { lake, remove } = await start(t);
    let last = 0;
    for (let turn = 0; turn < 12; turn++) {
      await addRow(lake, 1, turn);
      const head = await lake.head(bidsChunk);
      if (!head || !Number.isSafeInteger(head.generation)) return t.fail("no generation");
      t.true(head.generation > last);
      last = head.generation;
      if (turn % 4 === 3) await remove(head.object);
    }
    t.deepEqual(await addedRows(lake), []);
  });

  declare(`${form}: writers that race lose no update`, async (t) => {
    const { lake, store } = await start(t);
    const lakes = [lake, openLake(store, lakeNetwork.name)];
    const writers = [0, 1, 2, 3, 4, 5];
    const rows = [0, 1, 2, 3, 4, 5, 6, 7];
    const write = async (writer: number): Promise<void> => {
      for (const row of rows) await addRow(lakes[writer % 2] ?? lake, writer, row, lost);
    };
    await Promise.all(writers.map(write));
    t.deepEqual(
      await addedRows(lake),
      writers.flatMap((writer) => rows.map((row) => `${writer}/${row}`)).sort(),
    );
  });

  declare(`${form}: processes that race, one of them killed again and again, lose no update`, async (t) => {
    const { lake, store, opener } = await start(t);
    const rows = 15;
    const steady = [1, 2].map((writer) => startWriter(opener, store.url, { writer, rows, lost }));
    // The third is killed right after some of its rows, and started anew under the next number.
    const told: string[] = [];
    for (const [index, stop] of [1, 2, 4].entries()) {
      const writer = startWriter(opener, store.url, { writer: 10 + index, rows: 1000, lost });
      for await (const turn of writer.turns) {
        told.push(`${10 + index}/${turn}`);
        if (Number(turn) === stop) writer.kill();
      }
      t.is(await writer.end, "SIGKILL");
    }
    t.deepEqual(await Promise.all(steady.map(({ end }) => end)), [0, 0]);
    await addRow(lake, 20, 0);

    const added = await addedRows(lake);
    t.is(new Set(added).size, added.length);
    const expected = [1, 2].flatMap((writer) => Array.from({ length: rows }, (_, row) => `${writer}/${row}`));
    t.deepEqual(
      [...expected, ...told, "20/0"].filter((row) => !added.includes(row)),
      [],
    );
    // A killed writer may have written one row more than it could tell.
    t.true(added.length <= expected.length + told.length + 1 + 3);
  });

  declare(`${form}: a range lists the chunks that touch it, in order, and no others`, async (t) => {
    const { lake } = await start(t);
    const present = [0, 1, 2, 5, 9, 10, 31_250, 312_499_999];
    for (const index of present.toReversed()) {
      const first = index * 32;
      const chunk: Chunk = { ...bidsChunk, first, last: first + 31 };
      const none = emptyMeta(chunk);
      const meta = { ...none, covered: none.covered.with(first), quarantined: index % 7 };
      await lake.write(chunk, new Map(), meta, 0);
    }
    await lake.writeHorizon("bids", "alpha", { oldest_slot: 1, asked_at: "2026-01-01T00:00:00.000Z" });
    const slot = fc.oneof(
      fc.nat(400),
      fc.nat(12).map((index) => index * 32),
      fc.nat(12).map((index) => index * 32 + 31),
      fc.integer({ min: 999_900, max: 1_000_100 }),
      fc.constantFrom(0, 9_999_999_999, 12_345_678_901),
    );
    await fc.assert(
      fc.asyncProperty(slot, slot, async (a, b) => {
        const range = { first: Math.min(a, b), last: Math.max(a, b) };
        const listed: number[] = [];
        for await (const entry of lake.list("bids", "alpha", range)) {
          if (isBad(entry)) return t.fail(entry.fault);
          t.deepEqual(entry, await lake.head(entry.chunk));
          t.is(entry.meta.quarantined, (entry.chunk.first / 32) % 7);
          listed.push(entry.chunk.first / 32);
        }
        t.deepEqual(
          listed,
          present.filter((index) => index * 32 <= range.last && index * 32 + 31 >= range.first),
        );
      }),
      { numRuns: numRuns(150) },
    );
    for await (const _ of lake.list("bids", "beta", { first: 0, last: 1000 })) t.fail("another relay's");
    for await (const _ of lake.list("payloads", "alpha", { first: 0, last: 1000 }))
      t.fail("another dataset's");
  });

  declare(`${form}: the relays of a dataset are those that have objects`, async (t) => {
    const { lake } = await start(t);
    t.deepEqual(await lake.relays("bids"), []);
    for (const relay of ["b", "a-2", "a"]) {
      const chunk: Chunk = { dataset: "payloads", relay, first: 0, last: 319 };
      await lake.write(chunk, new Map(), emptyMeta(chunk), 0);
    }
    await addRow(lake, 1, 1);
    t.deepEqual(await lake.relays("payloads"), ["a", "a-2", "b"]);
    t.deepEqual(await lake.relays("bids"), ["alpha"]);
  });

  declare(`${form}: a quarantine is read back as it was written, under a condition of its own`, async (t) => {
    const { lake } = await start(t);
    t.deepEqual(await lake.readQuarantine(bidsChunk), { lines: [], generation: 0 });
    const line = fc
      .record({
        slot: fc.integer({ min: 64, max: 95 }),
        raw: fc.oneof(fc.json(), fc.string({ unit: "binary" })),
        reason: fc.string({ unit: "binary" }),
        copies: fc.integer({ min: 1, max: 500 }),
      })
      .map(({ slot, raw, ...rest }) => ({ ...quarantined(slot, raw), ...rest }));
    await fc.assert(
      fc.asyncProperty(fc.array(line, { maxLength: 20 }), async (lines) => {
        const { generation } = await lake.readQuarantine(bidsChunk);
        const written = await lake.writeQuarantine(bidsChunk, lines, generation);
        t.true(written > generation);
        t.deepEqual(await lake.readQuarantine(bidsChunk), { lines, generation: written });
        await t.throwsAsync(lake.writeQuarantine(bidsChunk, [], generation), {
          instanceOf: StaleGenerationError,
        });
      }),
      { numRuns: numRuns(30) },
    );
    t.is(await lake.head(bidsChunk), undefined);
    const wrong = { ...quarantined(70, "x"), sha256: "0".repeat(64) };
    await t.throwsAsync(lake.writeQuarantine(bidsChunk, [wrong], 0), { instanceOf: RangeError });
    const large = Array.from({ length: 5 }, (_, i) => quarantined(64 + i, "\\".repeat(900_000) + i));
    const { generation } = await lake.readQuarantine(bidsChunk);
    await lake.writeQuarantine(bidsChunk, large, generation);
    t.deepEqual((await lake.readQuarantine(bidsChunk)).lines, large);
  });

  declare(`${form}: a horizon is kept until it is replaced`, async (t) => {
    const { lake, store } = await start(t);
    t.is(await lake.readHorizon("bids", "alpha"), undefined);
    for (const oldest_slot of [12_000_000, 0, 9_999_999_999]) {
      const horizon = { oldest_slot, asked_at: "2026-11-23T12:34:56.789Z" };
      await lake.writeHorizon("bids", "alpha", horizon);
      t.deepEqual(await lake.readHorizon("bids", "alpha"), horizon);
      const unserved = { ...horizon, unserved: true } as const;
      await lake.writeHorizon("bids", "alpha", unserved);
      t.deepEqual(await lake.readHorizon("bids", "alpha"), unserved);
    }
    t.is(await lake.readHorizon("payloads", "alpha"), undefined);
    const name = "simulated-1/bids/relay=alpha/horizon.json";
    for (const text of [
      "",
      "{",
      "[]",
      "null",
      '{"oldest_slot":-1,"asked_at":"2026-11-23T12:34:56.789Z"}',
      " ".repeat(9999),
    ]) {
      await store.writeText(name, text);
      await t.throwsAsync(lake.readHorizon("bids", "alpha"), {
        instanceOf: BadObjectError,
        message: /horizon\.json .*move it away/,
      });
    }
  });

  declare(
    `${form}: a pruned slot stays covered, with its count and without lines; beside it others have theirs`,
    async (t) => {
      const { lake } = await start(t);
      const covered = SlotBits.empty(64, 32).with(70).with(71).with(95);
      const pruned = { rows: new Map([70, 71].map((slot) => [slot, slot === 70 ? 12 : 0])), generation: 123 };
      const meta = { ...emptyMeta(bidsChunk), covered, rows: 13, pruned };
      const line = numberedLine(95, 1, 1);
      const generation = await lake.write(bidsChunk, blocksOf(new Map([[95, [line]]])), meta, 0);
      const content = await lake.read(bidsChunk);
      t.deepEqual(content?.stored.meta, meta);
      t.deepEqual([...(content?.lines ?? [])], [[95, [line]]]);
      await lake.restate(bidsChunk, { ...meta, suspect: covered }, generation);
      t.deepEqual((await lake.read(bidsChunk))?.stored.meta, { ...meta, suspect: covered });
      const both = blocksOf(new Map([70, 95].map((slot) => [slot, [numberedLine(slot, 1, 1)]])));
      const head = await lake.head(bidsChunk);
      await t.throwsAsync(lake.write(bidsChunk, both, { ...meta, rows: 14 }, head?.generation ?? 0), {
        instanceOf: RangeError,
        message: /slot 70 has rows to write but is pruned/,
      });
    },
  );

  declare(`${form}: what doesn't fit together isn't written`, async (t) => {
    const { lake } = await start(t);
    const none = SlotBits.empty(64, 32);
    const meta = { ...emptyMeta(bidsChunk), covered: none.with(70), rows: 1 };
    const blocks = blocksOf(new Map([[70, [numberedLine(70, 1, 1)]]]));
    const refused = { instanceOf: RangeError };
    for (const wrong of [
      { ...meta, rows: 2 },
      { ...meta, covered: none.with(71) },
      { ...meta, suspect: none.with(71) },
      { ...meta, revised: none.with(71) },
      { ...meta, unproven: none.with(70) },
      { ...meta, revision: -1 },
      { ...meta, covered: SlotBits.empty(64, 31).with(70) },
    ])
      await t.throwsAsync(lake.write(bidsChunk, blocks, wrong, 0), refused);
    for (const chunk of [
      { ...bidsChunk, last: 94 },
      { ...bidsChunk, first: 65 },
      { ...bidsChunk, relay: "../alpha" },
      { ...bidsChunk, relay: "Alpha" },
    ])
      await t.throwsAsync(lake.write(chunk, blocks, meta, 0), refused);
    t.is(await lake.head(bidsChunk), undefined);
    t.throws(() => openLake({ ...lake } as never, "../mainnet"), refused);
  });

  declare(`${form}: metadata that can't be trusted makes an object bad, not covered`, async (t) => {
    const { lake, store } = await start(t);
    await addRow(lake, 1, 6);
    const good = await lake.head(bidsChunk);
    if (!good || isBad(good)) return t.fail("not written");
    const values = encodeMeta(good.meta);
    const bits = (slot: number): string => SlotBits.empty(64, 32).with(slot).toString();
    const counts = (slot: number, rows: number): string =>
      Array.from({ length: 32 }, (_, index) => (index === slot - 64 ? String(rows) : "")).join(",");
    const body = joinBlocks([deflateSlot(numberedLine(70, 1, 6), 1)]);
    let { generation } = good;
    const cases: [Record<string, string>, RegExp][] = [
      [{ version: "2" }, /version/],
      [{ version: "" }, /version/],
      [{ covered: "1" }, /"covered"/],
      [{ covered: "2".repeat(32) }, /"covered"/],
      [{ covered: `${values["covered"]}0` }, /"covered"/],
      [{ suspect: "" }, /"suspect"/],
      [{ suspect: bits(71) }, /"suspect" has slots that aren't covered/],
      [{ unproven: "2" }, /"unproven"/],
      [{ unproven: bits(70) }, /"unproven" has slots that are covered/],
      [{ revised: bits(71) }, /"revised" has slots that aren't covered/],
      [{ revision: "-1" }, /count/],
      [{ rows: "1e3" }, /count/],
      [{ quarantined: "01" }, /count/],
      [{ quarantined_slots: "1" }, /"quarantined_slots"/],
      [{ quarantined_slots: bits(71) }, /"quarantined_slots" aren't some of its covered slots/],
      [{ pruned: "1", pruned_generation: "7" }, /"pruned"/],
      [{ pruned: counts(71, 1), pruned_generation: "7" }, /"pruned"/],
      [{ pruned: counts(70, 2), pruned_generation: "7" }, /"pruned"/],
      [{ pruned: counts(70, 1) }, /"pruned"/],
      [{ pruned: counts(70, -1), pruned_generation: "7" }, /"pruned"/],
    ];
    const all = { first: 0, last: 1000 };
    for (const [change, fault] of cases) {
      generation = await store.write(good.object, body, { ...values, ...change }, generation);
      const head = await lake.head(bidsChunk);
      if (!head || !isBad(head)) return t.fail(`taken: ${JSON.stringify(change)}`);
      t.regex(head.fault, fault);
      t.true(head.fault.startsWith(lake.locate(good.object)) && !head.fault.includes("\n"));
      t.regex(head.fault, /move it away and its slots will be asked again$/);
      t.is(head.generation, generation);
      for await (const entry of lake.list("bids", "alpha", all)) t.deepEqual(entry, head);
      await t.throwsAsync(lake.read(bidsChunk), { instanceOf: BadObjectError, message: head.fault });
    }
    // Nothing was wrong with the rest; and a key of a later version is no fault.
    await store.write(good.object, body, { ...values, later: "x" }, generation);
    t.deepEqual(await addedRows(lake), ["1/6"]);
  });

  declare(`${form}: a body that isn't what the metadata says is refused with its name`, async (t) => {
    const { lake, store, damage, remove } = await start(t);
    const [a, b] = [numberedLine(70, 1, 1), numberedLine(71, 1, 2)];
    const object = "simulated-1/bids/relay=alpha/0000000064-0000000095.ndjson.gz";
    const refused = async (fault: RegExp): Promise<void> => {
      const error = await t.throwsAsync(lake.read(bidsChunk), { instanceOf: BadObjectError, message: fault });
      t.regex(error?.message ?? "", /0000000064-0000000095\.ndjson\.gz can't be used: .*; move it away/);
      t.is(error?.object, object);
      await remove(object);
    };
    const plant = async (text: string | Buffer): Promise<void> => {
      const block = deflateSlot(text as string, 2);
      await store.write(object, joinBlocks([block]), TWO_ROWS, 0);
    };

    await plant(a + b);
    t.is((await lake.read(bidsChunk))?.lines.size, 2);
    await remove(object);

    const texts: [string, RegExp][] = [
      [a, /holds 1 rows, but its metadata says 2/],
      [a + a + b, /holds 3 rows/],
      ["", /holds 0 rows/],
      [b + a, /line 2 is of slot 70, behind slot 71/],
      [a + numberedLine(72, 1, 1), /line 2 is of slot 72, which it doesn't cover/],
      [a + numberedLine(170, 1, 1), /line 2 is of slot 170, which it doesn't cover/],
      [a + b.trimEnd(), /last line has no end/],
      [`${a}\n`, /line 2 isn't/],
      [a + b.replace('"value":"2"', '"value":2'), /line 2 isn't/],
      [a + b.replace('"relay":"alpha"', '"relay":"beta"'), /line 2 isn't/],
      [a + b.replace(",", ", "), /line 2 isn't/],
      [a + b.replace("}\n", "}\r\n"), /line 2 isn't/],
      [`\uFEFF${a}${b}`, /line 1 isn't/],
      [a + `${"x".repeat(70_000)}\n`, /line of over/],
      ["x".repeat(3_000_000), /line of over/],
    ];
    for (const [text, fault] of texts) {
      await plant(text);
      await refused(fault);
    }
    await plant(Buffer.concat([Buffer.from(a), Buffer.from([0xff, 0x0a])]));
    await refused(/UTF-8/);

    const damages: [(stored: Buffer) => Buffer, RegExp][] = [
      [(stored) => stored.subarray(0, -9), /damaged or cut short|checksum|more data/],
      [(stored) => stored.subarray(0, -40), /damaged or cut short/],
      [(stored) => Buffer.concat([stored, Buffer.from("more")]), /more data|checksum/],
      [(stored) => Buffer.concat([stored, stored]), /more data/],
      [(stored) => flipped(stored, -8), /checksum/],
      [(stored) => flipped(stored, -1), /checksum/],
    ];
    for (const [change, fault] of damages) {
      await plant(a + b);
      await damage(object, change);
      await refused(fault);
    }
  });

  declare(`${form}: a flipped bit anywhere in an object is never read as rows`, async (t) => {
    const { lake, damage, remove } = await start(t);
    await addRow(lake, 1, 6);
    const object = (await lake.head(bidsChunk))?.object ?? "";
    const truth = await addedRows(lake);
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.nat(7), async (where, bit) => {
        await remove(object);
        await addRow(lake, 1, 6);
        // The last 200 bytes are compressed rows and the trailer in any form of lake.
        await damage(object, (stored) => flipped(stored, -1 - (where % 200), 1 << bit));
        const read = await addedRows(lake).catch((error: unknown) => error);
        if (read instanceof BadObjectError) t.is(read.object, object);
        else t.deepEqual(read, truth);
      }),
      { numRuns: numRuns(60) },
    );
  });

  declare(`${form}: an object that inflates beyond the limit is neither read nor written`, async (t) => {
    const { store, lake: generous } = await start(t);
    const lake = openLake(store, lakeNetwork.name, { stored: 50_000, inflated: 1_000_000 });
    const none = SlotBits.empty(64, 32);
    const meta = { ...emptyMeta(bidsChunk), covered: none.with(70) };
    const large = deflateSlot(numberedLine(70, 1, 1).repeat(5000), 5000);
    t.true(large.size > 1_000_000 && large.deflate.length < 50_000);
    const refused = {
      instanceOf: BadObjectError,
      message: /more than an object may hold; its slots stay as they were/,
    };
    await t.throwsAsync(lake.write(bidsChunk, new Map([[70, large]]), { ...meta, rows: 5000 }, 0), refused);
    t.is(await lake.head(bidsChunk), undefined);
    await generous.write(bidsChunk, new Map([[70, large]]), { ...meta, rows: 5000 }, 0);
    t.is((await generous.read(bidsChunk))?.lines.get(70)?.length, 5000);
    await t.throwsAsync(lake.read(bidsChunk), {
      instanceOf: BadObjectError,
      message: /inflates to over 1000000 bytes/,
    });

    const lines = Array.from({ length: 9 }, (_, i) => quarantined(70, "x".repeat(200_000 + i)));
    await t.throwsAsync(lake.writeQuarantine(bidsChunk, lines, 0), refused);
    await generous.writeQuarantine(bidsChunk, lines, 0);
    await t.throwsAsync(lake.readQuarantine(bidsChunk), {
      instanceOf: BadObjectError,
      message: /inflates to over/,
    });
  });

  declare(`${form}: a quarantine that can't be trusted is refused with its name and is kept`, async (t) => {
    const { lake, store, damage } = await start(t);
    const object = "simulated-1/quarantine/bids/relay=alpha/0000000064-0000000095.ndjson.gz";
    const good = `${JSON.stringify(quarantined(70, "x"))}\n`;
    let generation = 0;
    const plant = async (text: string, metadata: Record<string, string>): Promise<void> => {
      generation = await store.write(object, joinBlocks([deflateSlot(text, 1)]), metadata, generation);
    };
    const values = { rows: "1", version: "1" };
    const cases: [string, Record<string, string>][] = [
      [good, { rows: "2", version: "1" }],
      [good, { rows: "1" }],
      [good.replace('"slot":70', '"slot":96'), values],
      [good.replace('"copies":1', '"copies":0'), values],
      [good.replace('"raw":"x"', '"raw":"y"'), values],
      [good.replace('"slot":70,', ""), values],
      [good.replace('"slot":70', '"slot": 70'), values],
      ["{\n", values],
      ["null\n", values],
    ];
    const bad = {
      instanceOf: BadObjectError,
      message: /quarantine\/bids\/.*can't be used: .*; move it away/,
    };
    for (const [text, metadata] of cases) {
      await plant(text, metadata);
      await t.throwsAsync(lake.readQuarantine(bidsChunk), bad, text);
    }
    await plant(good, values);
    t.deepEqual(await lake.readQuarantine(bidsChunk), { lines: [quarantined(70, "x")], generation });
    await damage(object, (stored) => flipped(stored, -8));
    await t.throwsAsync(lake.readQuarantine(bidsChunk), bad);
  });
}

interface Writer {
  /** The numbers of the rows that it has written, as it says them. */
  readonly turns: AsyncIterable<string>;
  /** Its exit code, or the signal that ended it. */
  readonly end: Promise<unknown>;
  kill(): void;
}

function startWriter(
  opener: LakeFixture["opener"],
  url: string,
  { writer, rows, lost }: { readonly writer: number; readonly rows: number; readonly lost: boolean },
): Writer {
  const child = startScript(new URL("contractChild.testing.ts", import.meta.url), [
    ...opener,
    url,
    String(writer),
    String(rows),
    lost ? "lost" : "",
  ]);
  const end = once(child, "exit").then(([code, signal]: unknown[]) => signal ?? code);
  return { turns: createInterface({ input: child.stdout }), end, kill: () => child.kill("SIGKILL") };
}
