import { DuckDBInstance } from "@duckdb/node-api";
import test from "ava";
import { Random } from "../simulator/random.ts";
import { SEED, examples } from "../seeds.testing.ts";
import { weiOfLittleEndian } from "./rowSql.ts";

const littleEndian = (wei: bigint) => Buffer.from(wei.toString(16).padStart(64, "0"), "hex").toReversed();

test("32 little-endian bytes are their wei; any other number of bytes, or too large a value, is none", async (t) => {
  const random = new Random(SEED);
  const values = [0n, 1n, 255n, 2n ** 64n - 1n, 2n ** 64n, 10n ** 29n - 1n];
  for (let i = examples(20, 200); i > 0; i--) values.push(BigInt(random.hex(8 * (1 + random.below(3)))));
  const sound = values.map((wei) => [Buffer.from(littleEndian(wei)).toString("hex"), String(wei)] as const);
  const none = [0, 1, 7, 8, 9, 15, 16, 17, 31, 33, 64].flatMap((bytes) => [
    "00".repeat(bytes),
    "ff".repeat(bytes),
  ]);
  const large = [10n ** 29n, 2n ** 128n, 2n ** 255n].map((wei) =>
    Buffer.from(littleEndian(wei)).toString("hex"),
  );
  const all = [...sound, ...[...none, ...large].map((hex) => [hex, null] as const)];
  const connection = await (await DuckDBInstance.create(":memory:")).connect();
  const rows = all.map(([hex], place) => `(${place}, from_hex('${hex}'))`).join(", ");
  const found = await connection.runAndReadAll(
    `SELECT CAST(${weiOfLittleEndian("bytes")} AS VARCHAR) AS wei FROM (VALUES ${rows}, (${all.length}, NULL)) AS v(place, bytes) ORDER BY place`,
  );
  t.deepEqual(
    found.getRows().map(([wei]) => wei),
    [...all.map(([, wei]) => wei), null],
  );
  connection.closeSync();
});
