import type { RowStyle } from "./directory.ts";
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
  /** The object as the relay sends it; written anew each time. */
  readonly json: string;
}

/** A row whose text isn't written yet. */
export type UnwrittenRow = Omit<RawRow, "json">;

const BLOB_GAS = 131_072;

/** The object that a relay sends for a payload. */
export function payloadJson(row: UnwrittenRow, style: RowStyle): string {
  return objectText(commonMembers(row, style), row);
}

/** The object that a relay sends for a bid; `msFirst`: `timestamp_ms` before `timestamp`. */
export function bidJson(row: UnwrittenRow, style: RowStyle, msFirst: boolean): string {
  const members = commonMembers(row, style);
  const { received, optimistic } = row;
  if (received && received.tells !== "nothing") {
    const seconds = Math.floor(received.ms / 1000);
    const s: Member = ["timestamp", style.bareNumbers ? String(seconds) : `"${seconds}"`];
    if (received.tells === "seconds") members.push(s);
    else {
      const ms: Member = ["timestamp_ms", `"${received.ms}"`];
      members.push(...(msFirst ? [ms, s] : [s, ms]));
    }
  }
  if (optimistic !== undefined) members.push(["optimistic_submission", String(optimistic)]);
  return objectText(members, row);
}

type Member = readonly [name: string, json: string];

/** The fields of both endpoints in the order in which the reference relay writes them. */
function commonMembers(row: UnwrittenRow, style: RowStyle): Member[] {
  const { block, blobs } = row;
  const number = (n: number) => (style.bareNumbers ? String(n) : `"${n}"`);
  const members: Member[] = [
    ["slot", number(row.slot)],
    ["parent_hash", `"${block.parentHash}"`],
    ["block_hash", `"${block.hash}"`],
    ["builder_pubkey", `"${block.builder}"`],
    ["proposer_pubkey", `"${row.proposer}"`],
    ["proposer_fee_recipient", `"${style.mixedCase ? mixedCase(row.feeRecipient) : row.feeRecipient}"`],
    ["gas_limit", number(row.gasLimit)],
    ["gas_used", number(block.gasUsed)],
    ["value", `"${block.value}"`],
    ["num_tx", number(block.txCount)],
    ["block_number", number(block.number)],
  ];
  if (blobs !== undefined) {
    members.push(["num_blobs", `"${blobs}"`], ["blob_gas_used", `"${blobs * BLOB_GAS}"`]);
  }
  return members;
}

/** What column `extra` holds of a row, JSON text by field. */
export function unknownFields({ blobs, quirk }: RawRow): Readonly<Record<string, string>> {
  const own = blobs === undefined ? {} : { num_blobs: `"${blobs}"`, blob_gas_used: `"${blobs * BLOB_GAS}"` };
  return { ...own, ...quirk?.unknown };
}

function objectText(members: readonly Member[], { quirk }: UnwrittenRow): string {
  let text = "";
  if (!quirk) {
    for (const [name, json] of members) text += `${text === "" ? "{" : ","}"${name}":${json}`;
    return `${text}}`;
  }
  const all: Record<string, string | undefined> = { ...Object.fromEntries(members), ...quirk.sent };
  for (const [name, json] of Object.entries(all)) {
    if (json !== undefined) text += `${text === "" ? "{" : ","}"${name}":${json}`;
  }
  return `${text}}`;
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
