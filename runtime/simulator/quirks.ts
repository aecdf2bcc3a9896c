import type { Random } from "./random.ts";

/**
 * Something odd about one row: what is sent instead, and what a table can make of it. `sent` maps fields of the row to
 * JSON text (undefined: left out); fields that the row doesn't have are added. `kept` maps columns to what they hold because
 * of it; undefined where no table can hold the row, so that it goes into quarantine. `unknown` gives the fields that are no
 * column's, or that theirs can't hold, as column `extra` holds them, JSON text by field. `oversize` gives those that are too
 * large for it, in the same form: they go into quarantine without their row.
 */
export interface Quirk {
  readonly sent: Readonly<Record<string, string | undefined>>;
  readonly kept: Readonly<Record<string, string | null>> | undefined;
  readonly unknown?: Readonly<Record<string, string>>;
  readonly oversize?: Readonly<Record<string, string>>;
}

type MakeQuirk = (random: Random) => Quirk;

/** Odd, but a row like any other: fields unknown, missing, empty or differently written, optional ones not to be read. */
const soundQuirks: readonly [MakeQuirk, ...MakeQuirk[]] = [
  () => ({ sent: { num_tx: '""', block_number: undefined }, kept: { num_tx: null, block_number: null } }),
  () => ({ sent: { gas_used: "null" }, kept: { gas_used: null } }),
  () => ({ sent: { value: '"0"' }, kept: { value: "0" } }),
  (random) => {
    const value = random.digits(21 + random.below(9));
    return { sent: { value: `"${value}"` }, kept: { value } };
  },
  (random) => {
    const value = random.digits(17 + random.below(12));
    return { sent: { value }, kept: { value } };
  },
  (random) => {
    const pubkey = random.hex(96);
    return {
      sent: { builder_pubkey: `"0x${pubkey.slice(2).toUpperCase()}"` },
      kept: { builder_pubkey: pubkey },
    };
  },
  (random) => {
    const region = random.pick(["eu", "us", "jp"]);
    return { sent: { region: `"${region}"` }, kept: {}, unknown: { region: `"${region}"` } };
  },
  // More digits than a double holds, bare.
  (random) => {
    const live = random.digits(19);
    const unknown = { live_ts: live, region: "null" };
    return { sent: { region: "null", live_ts: live }, kept: {}, unknown };
  },
  // Nested, keys not sorted, white space, an escape, a letter beyond ASCII, a fraction.
  (random) => {
    const big = random.digits(25);
    return {
      sent: {
        submission: `{ "z": [1, {"b": ${big}, "a": true}], "path": "a\\/b \\u00e9 ü \\"x\\"" ,"share":0.25}`,
        adjusted: "false",
      },
      kept: {},
      unknown: {
        adjusted: "false",
        submission: `{"path":"a/b é ü \\"x\\"","share":0.25,"z":[1,{"a":true,"b":${big}}]}`,
      },
    };
  },
  (random) => unreadable("gas_used", `"9${random.digits(19)}"`),
  () => unreadable("num_tx", '"0x10"'),
  () => unreadable("block_number", '"twelve"'),
  (random) => {
    const trace = `"${random.hex(64).repeat(70)}"`;
    const node = `"${random.hex(40)}"`;
    return { sent: { trace, node }, kept: {}, unknown: { node }, oversize: { trace } };
  },
];

/** An optional field that its column can't hold. */
function unreadable(name: string, json: string): Quirk {
  return { sent: { [name]: json }, kept: { [name]: null }, unknown: { [name]: json } };
}

/** Oddities of fields that payloads don't have. */
const bidQuirks: readonly [MakeQuirk, ...MakeQuirk[]] = [
  () => ({
    sent: { timestamp: '"0"', timestamp_ms: '"0"' },
    kept: { timestamp: null, timestamp_s: "0", timestamp_ms: "0" },
  }),
  // Finer units than the field's name says: a time beyond year 9999.
  (random) => {
    const s = `17${random.digits(14)}`;
    return {
      sent: { timestamp: `"${s}"`, timestamp_ms: `"${s}000"` },
      kept: { timestamp: null, timestamp_s: s, timestamp_ms: `${s}000` },
    };
  },
  () => {
    const date = '"2025-11-11T01:30:23Z"';
    return {
      sent: { timestamp: date, timestamp_ms: undefined },
      kept: { timestamp: null, timestamp_s: null, timestamp_ms: null },
      unknown: { timestamp: date },
    };
  },
  () => unreadable("optimistic_submission", '"true"'),
];

/** No table can hold these. */
const badQuirks: readonly [MakeQuirk, ...MakeQuirk[]] = [
  (random) => ({ sent: { value: `"${random.digits(30 + random.below(19))}"` }, kept: undefined }),
  (random) => ({ sent: { value: random.digits(30 + random.below(19)) }, kept: undefined }),
  (random) => ({ sent: { block_hash: `"${random.hex(64).slice(0, -1)}"` }, kept: undefined }),
  (random) => ({ sent: { parent_hash: `"${random.hex(64)}00"` }, kept: undefined }),
  () => ({ sent: { proposer_fee_recipient: '"0x"' }, kept: undefined }),
  () => ({ sent: { value: undefined }, kept: undefined }),
  () => ({ sent: { builder_pubkey: undefined }, kept: undefined }),
  () => ({ sent: { parent_hash: "null" }, kept: undefined }),
  () => ({ sent: { value: '"-1"' }, kept: undefined }),
];

/** Draws what is odd about a bid that a table can hold. */
export function oddBid(random: Random): Quirk {
  return random.chance(0.2) ? random.pick(bidQuirks)(random) : random.pick(soundQuirks)(random);
}

/** Draws what is odd about a payload that a table can hold. */
export function oddPayload(random: Random): Quirk {
  return random.pick(soundQuirks)(random);
}

/** Draws why no table can hold a row. */
export function badRow(random: Random): Quirk {
  return random.pick(badQuirks)(random);
}
