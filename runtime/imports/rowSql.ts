import { slotAt } from "../chain/slots.ts";
import { DUCKDB_TYPES, quotedName, quotedText } from "../datasets/schema.ts";
import { UserError } from "../errors.ts";
import type { PlanScope } from "./source.ts";

const INTEGERS = /^U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?$/;

/** DuckDB's types that a column may have, by what it is. */
const KINDS = {
  text: /^(VARCHAR|BLOB)$/,
  integer: /^(U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|VARCHAR|DOUBLE|FLOAT)$/,
  bytes: /^BLOB$/,
  bool: /^(BOOLEAN|VARCHAR|DOUBLE|FLOAT|U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?)$/,
  moment: /^(U?(BIG)?INT(EGER)?|DOUBLE|TIMESTAMP(_S|_MS|_NS| WITH TIME ZONE)?)$/,
} as const;

/** The columns of a file by name, as expressions; a column of another type than it has to be makes it another file. */
export class FileColumns {
  readonly #types: ReadonlyMap<string, string>;
  readonly #read = new Set<string>();

  constructor(types: ReadonlyMap<string, string>) {
    this.#types = types;
  }

  has(name: string): boolean {
    return this.#types.has(name);
  }

  /** The columns that expressions were made of. */
  get reads(): readonly string[] {
    return [...this.#read];
  }

  /** Throws UserError where the file lacks one of these. */
  demand(names: readonly string[], what: string): void {
    const lacking = names.filter((name) => !this.has(name));
    if (lacking.length > 0)
      throw new UserError(`it is no file of ${what}: it lacks the columns ${lacking.join(", ")}`);
  }

  /** Lower-case text; a FixedString's bytes are its characters. */
  text(name: string): string {
    return `lower(${this.plain(name)})`;
  }

  /** Text as it is. */
  plain(name: string): string {
    // A cast from BLOB to VARCHAR looks for what can't be shown, and takes ten times longer.
    return this.#check(name, "text") === "BLOB" ? `decode(${quotedName(name)})` : quotedName(name);
  }

  /** An integer, NULL where it is none. */
  integer(name: string): string {
    const column = quotedName(name);
    const type = this.#check(name, "integer");
    if (INTEGERS.test(type)) return `TRY_CAST(${column} AS BIGINT)`;
    if (type === "VARCHAR")
      return `CASE WHEN regexp_full_match(${column}, '-?[0-9]{1,19}') THEN TRY_CAST(${column} AS BIGINT) END`;
    return `CASE WHEN ${column} = floor(${column}) THEN TRY_CAST(${column} AS BIGINT) END`;
  }

  bool(name: string): string {
    this.#check(name, "bool");
    return `TRY_CAST(${quotedName(name)} AS BOOLEAN)`;
  }

  bytes(name: string): string {
    this.#check(name, "bytes");
    return quotedName(name);
  }

  /** Whole Unix seconds. */
  seconds(name: string): string {
    const type = this.#check(name, "moment");
    return `CAST(${type.startsWith("TIMESTAMP") ? `epoch(${quotedName(name)})` : quotedName(name)} AS BIGINT)`;
  }

  type(name: string): string | undefined {
    return this.#types.get(name);
  }

  #check(name: string, kind: keyof typeof KINDS): string {
    this.#read.add(name);
    const type = this.#types.get(name) ?? "absent";
    if (!KINDS[kind].test(type))
      throw new UserError(`its column ${name} is ${type}, which can't be read as ${kind}`);
    return type;
  }
}

/**
 * Wei of a decimal text; NULL where it is none, or has over 29 digits, which no relay's value has and BigQuery's NUMERIC can't hold.
 * By way of HUGEINT: DuckDB casts text to DECIMAL far slower.
 */
export function weiOfText(text: string): string {
  return `CASE WHEN regexp_full_match(${text}, '[0-9]{1,29}') THEN CAST(CAST(${text} AS HUGEINT) AS ${DUCKDB_TYPES.NUMERIC}) END`;
}

/**
 * Wei of 32 little-endian bytes; NULL where the upper 16 aren't zero, or it has over 29 digits. The bytes are cast to bits, which
 * are big-endian, and turned round pair by pair: some forty times faster than by the hex digits. It stands outside of any CASE,
 * in which DuckDB would work out each of the eight mentions of the bits anew; that it is NULL is added to it.
 */
export function weiOfLittleEndian(bytes: string): string {
  // Too short a value is refused for its length: until then its bytes must be enough to be turned, as DuckDB makes no bits of none.
  const enough = `(${bytes} || from_hex('${"0".repeat(32)}'))`;
  const [low, high] = [turned(`${enough}[1:8]`), turned(`${enough}[9:16]`)];
  const wei = `TRY_CAST(CAST(${high} AS UHUGEINT) * 18446744073709551616::UHUGEINT + ${low} AS DECIMAL(29,0))`;
  const isWhole = `octet_length(${bytes}) = 32 AND ${bytes}[17:32] = from_hex('${"0".repeat(32)}')`;
  return `CAST(${wei} + CASE WHEN ${isWhole} THEN 0 END AS ${DUCKDB_TYPES.NUMERIC})`;
}

/** Eight bytes from the last to the first as an integer. */
function turned(bytes: string): string {
  const swap = (n: string, mask: string, shift: number) =>
    `(((${n} & ${mask}) << ${shift}) | ((${n} >> ${shift}) & ${mask}))`;
  const bits = `CAST(CAST(${bytes} AS BIT) AS UBIGINT)`;
  const steps: readonly (readonly [string, number])[] = [
    ["71777214294589695", 8],
    ["281470681808895", 16],
    ["4294967295", 32],
  ];
  return steps.reduce((n, [mask, shift]) => swap(n, `CAST(${mask} AS UBIGINT)`, shift), bits);
}

/** Start of a slot as a TIMESTAMP. */
export function slotStart({ network }: PlanScope, slot: string): string {
  return `make_timestamp(1000000 * (${network.genesis} + 12 * ${slot}))`;
}

/** The moment that two columns of a bid say, as table bids has it. */
export function bidTimeSql(ms: string, s: string): string {
  return `CASE WHEN ${ms} BETWEEN 1 AND 253402300799999 THEN make_timestamp(1000 * ${ms})
    WHEN ${s} BETWEEN 1 AND 253402300799 THEN make_timestamp(1000000 * ${s}) END`;
}

/** The name in the directory of what a file calls a relay: NULL where nobody knows it. */
export function relayBy(names: ReadonlyMap<string, string>, said: string): string {
  const cases = [...names].map(([name, relay]) => `WHEN ${quotedText(name)} THEN ${quotedText(relay)}`);
  return cases.length === 0 ? "CAST(NULL AS VARCHAR)" : `CASE ${said} ${cases.join(" ")} END`;
}

type Cause = readonly [string, string];

/** True for a lower-case text that isn't 0x and so many hex digits; DuckDB matches a pattern once for each entry of a dictionary. */
function notHex(text: string, digits: number): string {
  return `${text} IS NOT NULL AND NOT regexp_full_match(${text}, '0x[0-9a-f]{${digits}}')`;
}

/** What every source's rows must have: a relay that is known, a slot of this network, hashes that are some. */
export function commonCauses(
  { network, nowMs }: PlanScope,
  given: Readonly<Record<string, string>>,
): Cause[] {
  const digits: Readonly<Record<string, number>> = {
    parent_hash: 64,
    block_hash: 64,
    builder_pubkey: 96,
    proposer_pubkey: 96,
    proposer_fee_recipient: 40,
    block_fee_recipient: 40,
  };
  return [
    ["slot", `slot IS NULL OR slot NOT BETWEEN ${network.floor} AND ${slotAt(network, nowMs)}`],
    ["relay", "relay IS NULL"],
    ...Object.entries(digits)
      .filter(([name]) => name in given)
      .map(([name, length]): Cause => [name, notHex(name, length)]),
    ["block_hash", "block_hash IS NULL"],
  ];
}
