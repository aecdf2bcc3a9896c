import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { DuckDBConnection } from "@duckdb/node-api";
import { bidArchive } from "../runtime/imports/bidArchive.ts";
import { flashbotsDump } from "../runtime/imports/flashbotsDump.ts";
import { zipOf } from "../runtime/imports/imports.testing.ts";

export const FORMS = ["parquet", "json", "zip"] as const;
export type Form = (typeof FORMS)[number];

/** 2025-11-16, an hour of mainnet's. */
const FIRST = 13_000_000;
const GENESIS = 1_606_824_023;
const BIDS_A_SLOT = 2000;

/** What the archives' forms are written of: `i` numbers the rows. Hashes differ by row, the rest as on mainnet by slot or builder. */
function bidsSql(rows: number): string {
  const hex = (seed: string, bytes: number) =>
    `'0x' || left(concat(${Array.from({ length: Math.ceil(bytes / 16) }, (_, part) => `md5('${part}/' || ${seed})`).join(", ")}), ${2 * bytes})`;
  return `SELECT i, ${FIRST} + i // ${BIDS_A_SLOT} AS slot, ${GENESIS} + 12 * slot AS starts,
    ${hex("(slot - 1)", 32)} AS parent_hash, ${hex("i", 32)} AS block_hash, ${hex("'b' || (hash(i) % 40)", 48)} AS builder_pubkey,
    ${hex("'p' || slot", 48)} AS proposer_pubkey, ${hex("'f' || slot", 20)} AS proposer_fee_recipient,
    45000000 AS gas_limit, 10000000 + hash(i) % 30000000 AS gas_used, (10000000000000000 + hash(i + 1) % 1000000000000000) AS value,
    hash(i) % 400 AS num_tx, 23800000 + i // ${BIDS_A_SLOT} AS block_number, starts + i % 12 AS timestamp, timestamp * 1000 + i % 1000 AS timestamp_ms
    FROM (SELECT unnest(range(${rows})) AS i)`;
}

/** The file of a form with so many rows; of xatu's every bid was seen by two sentries. Returns its path. */
export async function writeImportFile(
  connection: DuckDBConnection,
  folder: string,
  form: Form,
  rows: number,
): Promise<string> {
  if (form === "parquet") {
    const path = join(folder, "2025-11-16.parquet");
    // The value's bytes turned round, and 24 more of zero.
    const little = `from_hex(array_to_string([substr(printf('%016x', value), n, 2) FOR n IN range(15, 0, -2)], '') || repeat('0', 48))`;
    await connection.run(
      `COPY (SELECT slot::UINTEGER AS slot, starts::UINTEGER AS slot_start_date_time, 'Ultra Sound' AS relay_name, parent_hash::BLOB AS parent_hash,
        block_hash::BLOB AS block_hash, block_number::UBIGINT AS block_number, builder_pubkey, proposer_pubkey,
        proposer_fee_recipient::BLOB AS proposer_fee_recipient, gas_limit::UBIGINT AS gas_limit, gas_used::UBIGINT AS gas_used,
        ${little} AS value, num_tx::UINTEGER AS num_tx, timestamp::BIGINT AS timestamp, timestamp_ms::BIGINT AS timestamp_ms,
        false AS optimistic_submission, 'mainnet' AS meta_network_name
        FROM (${bidsSql(rows / 2)}), (SELECT unnest([1, 2]) AS sentry) ORDER BY slot, sentry, i)
        TO '${path}' (FORMAT parquet, COMPRESSION zstd)`,
    );
    return path;
  }
  if (form === "json") {
    const path = join(folder, "builder-submissions_slot-13000000-to-13000999.json.gz");
    const fields = (flashbotsDump.headers?.bids ?? []).map((name) =>
      name === "optimistic_submission" ? `false AS ${name}` : `${name}::VARCHAR AS "${name}"`,
    );
    await connection.run(
      `COPY (SELECT ${fields.join(", ")} FROM (${bidsSql(rows)})) TO '${path}' (FORMAT json, ARRAY true, COMPRESSION gzip)`,
    );
    return path;
  }
  const path = join(folder, "2025-11-16_all.csv");
  const given: Readonly<Record<string, string>> = {
    source_type: "1",
    received_at_ms: "timestamp_ms + 7",
    slot_t_ms: "timestamp_ms - 1000 * starts",
    block_fee_recipient: "''",
    relay: "'relay.ultrasound.money'",
    optimistic_submission: "true",
  };
  const fields = (bidArchive.headers?.seen_bids ?? []).map((name) => `${given[name] ?? name} AS "${name}"`);
  await connection.run(
    `COPY (SELECT ${fields.join(", ")} FROM (${bidsSql(rows)})) TO '${path}' (FORMAT csv, HEADER true)`,
  );
  await writeFile(`${path}.zip`, zipOf("2025-11-16_all.csv", await readFile(path, "latin1")));
  return `${path}.zip`;
}

/** What stands behind FROM where nothing of the file is decoded; a zip archive's file lies unpacked beside it. */
export function plainReader(form: Form, path: string): string {
  if (form === "parquet") return `read_parquet('${path}')`;
  const texts = (names: readonly string[] = []) =>
    `{${names.map((name) => `'${name}': 'VARCHAR'`).join(", ")}}`;
  if (form === "json")
    return `read_json('${path}', format = 'array', columns = ${texts(flashbotsDump.headers?.bids)})`;
  return `read_csv('${path.replace(/\.zip$/, "")}', auto_detect = false, header = true, delim = ',', quote = '"', escape = '"', columns = ${texts(bidArchive.headers?.seen_bids)})`;
}
