import type { FieldFormat } from "../datasets/definition.ts";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ExecutionContext } from "ava";
import type { RelayRow } from "../datasets/format.ts";
import type { Network } from "../chain/networks.ts";
import { SlotBits } from "../datasets/bits.ts";
import { type Chunk, chunkRange } from "../datasets/chunks.ts";
import { type DatasetName, datasets } from "../datasets/dataset.ts";
import { lineWriter } from "../datasets/line.ts";
import { isBad, type Lake } from "../lake/lake.ts";
import { blocksOf } from "../lake/lake.testing.ts";
import type { Relay } from "../relays/relay.ts";
import type { Value, Warehouse } from "./warehouse.ts";

/** What the tests of warehouses share: rows, chunks as a collector leaves them, and the tables read back. */

/** A folder of its own for a test. */
export async function newFolder(t: ExecutionContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "warehouse-"));
  t.teardown(() => rm(path, { recursive: true, force: true }));
  return path;
}

const hex = (value: number, digits: number): string => `0x${value.toString(16).padStart(digits, "0")}`;

/** A row of a slot; rows of other numbers differ in hash and value. */
export function rowOf(slot: number, number: number, other: RelayRow = {}): RelayRow {
  return {
    slot: String(slot),
    parent_hash: hex(slot, 64),
    block_hash: hex(slot * 1000 + number, 64),
    builder_pubkey: hex(number % 3, 96),
    proposer_pubkey: hex(slot, 96),
    proposer_fee_recipient: hex(slot, 40),
    gas_limit: "36000000",
    gas_used: "12345678",
    value: String(number),
    ...other,
  };
}

export interface Slots {
  /** The covered slots and the rows of each. */
  readonly rows: ReadonlyMap<number, readonly RelayRow[]>;
  readonly suspect?: readonly number[];
  /** Null: an object of the time before empty answers needed witnesses. */
  readonly unproven?: readonly number[] | null;
  readonly revised?: readonly number[];
  readonly revision?: number;
  /** Slots of which a row lies in quarantine; a number: so many rows, of slots that weren't kept. */
  readonly quarantined?: readonly number[] | number;
}

export function chunkOf(dataset: DatasetName, relay: string, slot: number): Chunk {
  return { dataset, relay, ...chunkRange(datasets[dataset], slot) };
}

/** Writes the chunk of these slots, whatever was there. */
export async function put(
  lake: Lake,
  network: Network,
  dataset: DatasetName,
  relay: string,
  { rows, suspect = [], unproven, revised = [], revision = 0, quarantined = [] }: Slots,
): Promise<Chunk> {
  const chunk = chunkOf(dataset, relay, Math.min(...rows.keys()));
  const bits = (slots: Iterable<number>): SlotBits =>
    [...slots].reduce(
      (set, slot) => set.with(slot),
      SlotBits.empty(chunk.first, chunk.last - chunk.first + 1),
    );
  const lines = new Map(
    [...rows].map(([slot, list]) => {
      const write = lineWriter(datasets[dataset], network, relay, slot);
      return [slot, list.map((row) => write(fitted(dataset, row)))];
    }),
  );
  const meta = {
    covered: bits(rows.keys()),
    suspect: bits(suspect),
    unproven: unproven === null ? null : bits(unproven ?? []),
    revised: bits(revised),
    revision,
    rows: [...lines.values()].reduce((sum, list) => sum + list.length, 0),
    ...(typeof quarantined === "number"
      ? { quarantined }
      : {
          quarantined: quarantined.length,
          ...(quarantined.length > 0 ? { quarantinedSlots: bits(quarantined) } : {}),
        }),
  };
  const head = await lake.head(chunk);
  await lake.write(chunk, blocksOf(lines), meta, head?.generation ?? 0);
  return chunk;
}

/** A row with what the dataset's rows must have besides: hashes, values and numbers like those that it has. */
function fitted(dataset: DatasetName, row: RelayRow): RelayRow {
  const like: Readonly<Partial<Record<FieldFormat, string | boolean>>> = {
    hash: row["block_hash"] ?? "",
    wei: row["value"] ?? "0",
    int64: "7",
    json: '{"a":"1"}',
  };
  const lacking = datasets[dataset].columns.flatMap(({ field, required }) =>
    field && required && row[field.name] === undefined
      ? [[field.name, like[field.format] ?? ""] as const]
      : [],
  );
  return { ...row, ...Object.fromEntries(lacking) };
}

/** Everything that a lake holds of a dataset as the table ought to show it: equal lines once, with their number. */
export async function expectedTableRows(lake: Lake, dataset: DatasetName): Promise<string[]> {
  const copies = new Map<string, number>();
  for (const relay of await lake.relays(dataset)) {
    for await (const entry of lake.list(dataset, relay, { first: 0, last: 9_999_999_999 })) {
      if (isBad(entry)) continue;
      const lines = (await lake.read(entry.chunk))?.lines.values() ?? [];
      for (const line of [...lines].flat()) copies.set(line, (copies.get(line) ?? 0) + 1);
    }
  }
  return [...copies].map(([line, count]) => canonical(JSON.parse(line) as Row, String(count))).sort();
}

/** A table's rows in the same form. Fails on a value that isn't of the form that the warehouse promises. */
export async function tableRows(warehouse: Warehouse, dataset: DatasetName): Promise<string[]> {
  const rows = await warehouse.query(`SELECT * FROM ${dataset}`);
  return rows
    .map(({ copies, ...row }) => {
      delete row["reorged"];
      return canonical(row, copies);
    })
    .sort();
}

type Row = Record<string, Value>;

/** Columns that hold times, of any dataset. */
export const TIME_COLUMNS: ReadonlySet<string> = new Set(
  Object.values(datasets).flatMap(({ columns }) =>
    columns.flatMap(({ name, type }) => (type === "TIMESTAMP" ? [name] : [])),
  ),
);

function canonical(row: Row, copies: Value | undefined): string {
  const values = Object.entries(row).map(([name, value]) => {
    return [name, TIME_COLUMNS.has(name) && typeof value === "string" ? Date.parse(utc(value)) : value];
  });
  return JSON.stringify([...values, copies]);
}

function utc(time: string): string {
  return time.endsWith("Z") ? time : `${time.replace(" ", "T")}Z`;
}

/** A relay of the directory. */
export function relayNamed(name: string, other: Partial<Relay> = {}): Relay {
  return {
    name,
    url: `https://${name}.example`,
    pubkey: null,
    filtering: [],
    dialect: "flashbots",
    payloadLimit: 200,
    state: "active",
    activeFrom: null,
    activeTo: null,
    collectFrom: null,
    aliasOf: null,
    adjusts: false,
    requestsPerSecond: 1,
    ...other,
  };
}
