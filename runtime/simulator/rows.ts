import type { RowStyle } from "./profile.ts";
import type { Quirk } from "./quirks.ts";
import type { Block } from "./world.ts";

/** A row of a relay's database, and the JSON text that it sends for it. */
export interface RawRow {
  readonly slot: number;
  readonly block: Block;
  readonly proposer: string;
  readonly feeRecipient: string;
  readonly gasLimit: number;
  /** Unix ms at which the relay had the bid, and how much of it it tells; undefined for payloads. */
  readonly received: { readonly ms: number; readonly tells: "both" | "seconds" | "nothing" } | undefined;
  /** Undefined where the relay doesn't say. */
  readonly optimistic: boolean | undefined;
  /** Blobs in the block, where the relay sends such fields. */
  readonly blobs: number | undefined;
  readonly quirk: Quirk | undefined;
  /** Its own columns as tables should hold them, where the row is neither a bid nor a payload. */
  readonly table?: Readonly<Record<string, string | null>>;
  /** The object as the relay sends it; written anew each time. */
  readonly json: string;
}

/** What a row is made of. */
export type RowParts = Omit<RawRow, "json" | "table">;

/** A row whose text is written when it is asked for and not kept: rows are many, and most are written once or never. */
export class SimulatedRow implements RawRow {
  readonly slot: number;
  readonly block: Block;
  readonly proposer: string;
  readonly feeRecipient: string;
  readonly gasLimit: number;
  readonly received: RawRow["received"];
  readonly optimistic: boolean | undefined;
  readonly blobs: number | undefined;
  readonly quirk: Quirk | undefined;
  readonly #write: RowWriter;

  constructor(parts: RowParts, write: RowWriter) {
    this.slot = parts.slot;
    this.block = parts.block;
    this.proposer = parts.proposer;
    this.feeRecipient = parts.feeRecipient;
    this.gasLimit = parts.gasLimit;
    this.received = parts.received;
    this.optimistic = parts.optimistic;
    this.blobs = parts.blobs;
    this.quirk = parts.quirk;
    this.#write = write;
  }

  get json(): string {
    return this.#write(this);
  }

  /** The same row but for some of its parts. */
  with(changes: Partial<RowParts>): SimulatedRow {
    return new SimulatedRow({ ...(this as RowParts), ...changes }, this.#write);
  }
}

/** Gives the object that a relay sends for a row, as JSON text. */
export type RowWriter = (row: RowParts) => string;

const BLOB_GAS = 131_072;

/**
 * Writes the rows of one relay in the order in which the reference relay writes their fields; `msFirst`: `timestamp_ms` before
 * `timestamp`. What neighbours share, almost half of the text, is put together once for all of them.
 */
export function rowWriter(style: RowStyle, msFirst: boolean): RowWriter {
  const q = style.bareNumbers ? "" : '"';
  let slot: number | undefined;
  let parent: string | undefined;
  let proposer: string | undefined;
  let [head, middle] = ["", ""];
  return (row) => {
    const { block, received, optimistic, blobs, quirk } = row;
    if (row.slot !== slot || block.parentHash !== parent || row.proposer !== proposer) {
      ({ slot, proposer } = row);
      parent = block.parentHash;
      const fee = style.mixedCase ? mixedCase(row.feeRecipient) : row.feeRecipient;
      head = `{"slot":${q}${slot}${q},"parent_hash":"${parent}","block_hash":"`;
      middle = `","proposer_pubkey":"${proposer}","proposer_fee_recipient":"${fee}","gas_limit":${q}${row.gasLimit}${q},"gas_used":${q}`;
    }
    let text = `${head}${block.hash}","builder_pubkey":"${block.builder}${middle}${block.gasUsed}${q},"value":"${block.value}","num_tx":${q}${block.txCount}${q},"block_number":${q}${block.number}${q}`;
    if (blobs !== undefined) text += `,"num_blobs":"${blobs}","blob_gas_used":"${blobs * BLOB_GAS}"`;
    if (received && received.tells !== "nothing") {
      const s = `,"timestamp":${q}${Math.floor(received.ms / 1000)}${q}`;
      const ms = received.tells === "both" ? `,"timestamp_ms":"${received.ms}"` : "";
      text += msFirst ? ms + s : s + ms;
    }
    if (optimistic !== undefined) text += `,"optimistic_submission":${optimistic}`;
    text += "}";
    return quirk ? withOddities(text, quirk) : text;
  };
}

/** A member of an object whose strings have no escapes. */
const MEMBER = /"([a-z_]+)":("[^"]*"|[^,}]+)/g;

function withOddities(text: string, { sent }: Quirk): string {
  const members: Record<string, string | undefined> = {};
  for (const [, name = "", json] of text.matchAll(MEMBER)) members[name] = json;
  const written = Object.entries({ ...members, ...sent }).flatMap(([name, json]) =>
    json === undefined ? [] : `"${name}":${json}`,
  );
  return `{${written.join(",")}}`;
}

/** What column `extra` holds of a row, JSON text by field. */
export function unknownFields({ blobs, quirk }: RawRow): Readonly<Record<string, string>> {
  const own = blobs === undefined ? {} : { num_blobs: `"${blobs}"`, blob_gas_used: `"${blobs * BLOB_GAS}"` };
  return { ...own, ...quirk?.unknown };
}

/** An address as checksums write it: which letters are upper case is taken from its own digits. */
function mixedCase(address: string): string {
  let text = "0x";
  for (let i = 2; i < address.length; i++) {
    const digit = address.charAt(i);
    text += address.charCodeAt(i - 1) % 2 === 0 ? digit.toUpperCase() : digit;
  }
  return text;
}
