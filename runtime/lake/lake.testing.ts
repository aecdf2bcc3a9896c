import { type ChildProcessByStdio, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import type { RelayRow } from "../datasets/format.ts";
import { simulatedNetwork } from "../chain/networks.ts";
import { SlotBits } from "../datasets/bits.ts";
import type { Chunk } from "../datasets/chunks.ts";
import { type DatasetName, datasets } from "../datasets/dataset.ts";
import { type FieldFormat } from "../datasets/definition.ts";
import { canonicalJson } from "../datasets/json.ts";
import { lineWriter } from "../datasets/line.ts";
import { deflateSlot, type SlotBlock } from "./gzip.ts";
import { type ChunkMeta, type Lake, type QuarantineLine, StaleGenerationError, emptyMeta } from "./lake.ts";

/** What the tests of lakes share: rows, chunks, and the read-merge-write loop of a collector. */

export const lakeNetwork = simulatedNetwork(1);

export const bidsChunk: Chunk = { dataset: "bids", relay: "alpha", first: 64, last: 95 };

const digits = (length: number): fc.Arbitrary<string> =>
  fc.string({
    unit: fc.constantFrom(...Array.from("0123456789abcdef")),
    minLength: length,
    maxLength: length,
  });

const formats: Record<FieldFormat, fc.Arbitrary<string | boolean>> = {
  hash: digits(64).map((hex) => `0x${hex}`),
  pubkey: digits(96).map((hex) => `0x${hex}`),
  address: digits(40).map((hex) => `0x${hex}`),
  int64: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String),
  wei: fc.bigInt({ min: 0n, max: 10n ** 29n - 1n }).map(String),
  bool: fc.boolean(),
  hex: fc.nat({ max: 32 }).chain((bytes) => digits(2 * bytes).map((hex) => `0x${hex}`)),
  text: fc.string({ unit: "binary" }),
  json: fc
    .dictionary(fc.string(), fc.string({ unit: "binary" }), { maxKeys: 3 })
    .map((u) => canonicalJson(u)),
  time: fc
    .date({
      min: new Date("0001-01-01T00:00:00Z"),
      max: new Date("9999-12-31T23:59:59Z"),
      noInvalidDate: true,
    })
    .map((date) => date.toISOString().replace("Z", "123Z")),
};

/** Rows of a dataset's relays in canonical form, without their slot. */
function rowArbitrary(dataset: DatasetName): fc.Arbitrary<RelayRow> {
  const required: Record<string, fc.Arbitrary<string | boolean>> = {};
  const optional: Record<string, fc.Arbitrary<string | boolean>> = {
    extra: fc
      .dictionary(fc.string(), fc.string({ unit: "binary" }), { maxKeys: 3 })
      .map((u) => JSON.stringify(u)),
  };
  for (const { field, required: needed } of datasets[dataset].columns)
    if (field && field.name !== "slot") (needed ? required : optional)[field.name] = formats[field.format];
  return fc
    .tuple(fc.record(required), fc.record(optional, { requiredKeys: [] }))
    .map((parts) => Object.assign({}, ...parts) as RelayRow);
}

export interface Content {
  readonly chunk: Chunk;
  /** The lines of every covered slot. */
  readonly lines: ReadonlyMap<number, readonly string[]>;
  readonly meta: ChunkMeta;
}

/** Any content that a chunk of the dataset can have. */
export function contentArbitrary(dataset: DatasetName): fc.Arbitrary<Content> {
  const size = datasets[dataset].chunkSlots;
  const slot = fc.record({
    covered: fc.boolean(),
    suspect: fc.boolean(),
    revised: fc.boolean(),
    unproven: fc.boolean(),
    quarantined: fc.boolean(),
    rows: fc.array(rowArbitrary(dataset), { maxLength: 2 }),
  });
  return fc
    .record({
      index: fc.nat(1_000_000),
      slots: fc.array(slot, { minLength: 0, maxLength: size }),
      revision: fc.nat(),
      isOld: fc.boolean(),
      quarantined: fc.nat(),
    })
    .map(({ index, slots, revision, quarantined, isOld }) => {
      const first = index * size;
      const chunk: Chunk = { dataset, relay: "alpha", first, last: first + size - 1 };
      const lines = new Map<number, string[]>();
      const sets = { covered: "", suspect: "", revised: "", unproven: "", quarantined: "" };
      for (let i = 0; i < size; i++) {
        const state = slots[i];
        const covered = state?.covered === true;
        sets.covered += covered ? "1" : "0";
        sets.suspect += covered && state.suspect ? "1" : "0";
        sets.revised += covered && state.revised ? "1" : "0";
        sets.quarantined += covered && state.quarantined ? "1" : "0";
        sets.unproven += !covered && state?.unproven ? "1" : "0";
        if (!covered) continue;
        const write = lineWriter(datasets[dataset], lakeNetwork, chunk.relay, first + i);
        lines.set(
          first + i,
          state.rows.map((row) => write({ ...row, slot: String(first + i) })),
        );
      }
      const rows = [...lines.values()].reduce((sum, list) => sum + list.length, 0);
      const bits = (text: string): SlotBits =>
        SlotBits.parse(first, size, text) ?? SlotBits.empty(first, size);
      return {
        chunk,
        lines,
        meta: {
          covered: bits(sets.covered),
          suspect: bits(sets.suspect),
          revised: bits(sets.revised),
          unproven: isOld ? null : bits(sets.unproven),
          revision,
          quarantined,
          ...(isOld ? {} : { quarantinedSlots: bits(sets.quarantined) }),
          rows,
        },
      };
    });
}

/** Lines as a writer hands them over; slots come in any order. */
export function blocksOf(lines: ReadonlyMap<number, readonly string[]>): Map<number, SlotBlock> {
  const blocks = new Map<number, SlotBlock>();
  for (const [slot, texts] of [...lines].reverse())
    if (texts.length > 0) blocks.set(slot, deflateSlot(texts.join(""), texts.length));
  return blocks;
}

/** One row of a slot, its block hash made of two numbers. */
export function numberedLine(slot: number, writer: number, turn: number): string {
  const hash = `0x${writer.toString(16).padStart(32, "0")}${turn.toString(16).padStart(32, "0")}`;
  return lineWriter(
    datasets.bids,
    lakeNetwork,
    bidsChunk.relay,
    slot,
  )({
    slot: String(slot),
    parent_hash: `0x${"0".repeat(64)}`,
    block_hash: hash,
    builder_pubkey: `0x${"1".repeat(96)}`,
    proposer_pubkey: `0x${"2".repeat(96)}`,
    proposer_fee_recipient: `0x${"3".repeat(40)}`,
    gas_limit: "30000000",
    gas_used: "15000000",
    value: String(turn),
  });
}

/**
 * Adds a row as a collector does: read, merge, write under the condition, and again when someone was faster. Where answers are
 * `lost`, a write that was refused may have taken effect below another's, so that a row that is there isn't added again.
 */
export async function addRow(lake: Lake, writer: number, turn: number, lost = false): Promise<void> {
  const slot = bidsChunk.first + (turn % 32);
  const line = numberedLine(slot, writer, turn);
  for (let refused = false; ; refused = true) {
    const found = await lake.read(bidsChunk);
    const lines = new Map(found?.lines);
    if (lost && refused && lines.get(slot)?.includes(line)) return;
    lines.set(slot, [...(lines.get(slot) ?? []), line]);
    const meta = found?.stored.meta ?? emptyMeta(bidsChunk);
    try {
      await lake.write(
        bidsChunk,
        blocksOf(lines),
        { ...meta, covered: meta.covered.with(slot), rows: meta.rows + 1 },
        found?.stored.generation ?? 0,
      );
      return;
    } catch (error) {
      if (!(error instanceof StaleGenerationError)) throw error;
    }
  }
}

/** The rows that writers have added: "writer/turn", sorted. */
export async function addedRows(lake: Lake): Promise<string[]> {
  const found = await lake.read(bidsChunk);
  return [...(found?.lines.values() ?? [])]
    .flat()
    .map((line) => {
      const [, writer, turn] = /"block_hash":"0x(.{32})(.{32})"/.exec(line) ?? [];
      return `${Number.parseInt(writer ?? "", 16)}/${Number.parseInt(turn ?? "", 16)}`;
    })
    .sort();
}

/** A row for the quarantine. */
export function quarantined(slot: number, raw: string): QuarantineLine {
  const sha256 = createHash("sha256").update(raw).digest("hex");
  return { slot, reason: "value: not digits", sha256, copies: 1, read_at: "2026-11-23T12:34:56.789Z", raw };
}

/** A copy of bytes with one byte changed; `at` counts from the end when negative. */
export function flipped(bytes: Buffer, at: number, mask = 1): Buffer {
  const copy = Buffer.from(bytes);
  const index = at < 0 ? copy.length + at : at;
  copy[index] = (copy[index] ?? 0) ^ mask;
  return copy;
}

/** Runs a script of this folder in a process of its own. */
export function startScript(
  script: URL,
  args: readonly string[],
  before: readonly string[] = [],
): ChildProcessByStdio<null, Readable, null> {
  const [command = "", ...rest] = [
    ...before,
    process.execPath,
    `--import=${import.meta.resolve("tsx")}`,
    fileURLToPath(script),
    ...args,
  ];
  return spawn(command, rest, { stdio: ["ignore", "pipe", "inherit"] });
}
