import type { DuckDBConnection, DuckDBInstance } from "@duckdb/node-api";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Dataset, lakeColumns, publishedColumns } from "../../datasets/dataset.ts";
import type { Column } from "../../datasets/definition.ts";
import { DUCKDB_TYPES, quotedName, quotedText } from "../../datasets/schema.ts";

/** One thread reads and writes rows in their order; the other core is for who makes the lines. */
const SETTINGS = { threads: "1", memory_limit: "300MB", preserve_insertion_order: "true" };
/** Rows of a row group at most. */
const GROUP_ROWS = 1 << 16;
const MAX_LINE_BYTES = 1 << 20;

/** Makes Parquet files of lake lines, in memory, one at a time. */
export class ParquetParts {
  readonly #instance: DuckDBInstance;
  readonly #connection: DuckDBConnection;
  readonly #folder: string;

  private constructor(instance: DuckDBInstance, connection: DuckDBConnection, folder: string) {
    this.#instance = instance;
    this.#connection = connection;
    this.#folder = folder;
  }

  static async open(): Promise<ParquetParts> {
    const { DuckDBInstance: Instance } = await import("@duckdb/node-api");
    const folder = await mkdtemp(join(tmpdir(), "mev-boost-etl-"));
    const instance = await Instance.create(":memory:", { ...SETTINGS, temp_directory: folder });
    return new ParquetParts(instance, await instance.connect(), folder);
  }

  /** A Parquet file (zstd) of these lines, in their order. A line may carry `copies`; else it is one. */
  async part(dataset: Dataset, lines: readonly Buffer[]): Promise<Buffer> {
    const [from, to] = [join(this.#folder, "lines"), join(this.#folder, "part")];
    await writeFile(from, lines);
    const source = [
      quotedText(from),
      "format = 'newline_delimited'",
      "compression = 'uncompressed'",
      `maximum_object_size = ${MAX_LINE_BYTES}`,
      `columns = ${readColumns(dataset)}`,
    ];
    const select = publishedColumns(dataset).map(selected).join(", ");
    const options = `FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE ${GROUP_ROWS}`;
    await this.#connection.run(
      `COPY (SELECT ${select} FROM read_json(${source.join(", ")})) TO ${quotedText(to)} (${options})`,
    );
    return readFile(to);
  }

  async close(): Promise<void> {
    this.#connection.closeSync();
    this.#instance.closeSync();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** Wei are read as text, since a JSON number would lose digits. */
function readColumns(dataset: Dataset): string {
  const members = [...lakeColumns(dataset), { name: "copies", type: "INT64" } as const].map(
    ({ name, type }) => `${quotedName(name)}: '${type === "NUMERIC" ? "VARCHAR" : DUCKDB_TYPES[type]}'`,
  );
  return `{${members.join(", ")}}`;
}

/** Times become instants, so that readers in other time zones see the same moment. */
function selected({ name, type }: Column): string {
  const quoted = quotedName(name);
  if (name === "copies") return "coalesce(copies, 1) AS copies";
  if (type === "TIMESTAMP") return `${quoted} AT TIME ZONE 'UTC' AS ${quoted}`;
  return type === "NUMERIC" ? `${quoted}::HUGEINT::${DUCKDB_TYPES.NUMERIC} AS ${quoted}` : quoted;
}
