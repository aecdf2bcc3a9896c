import type { Value } from "../warehouse.ts";

/** A column of a result. */
export interface ResultField {
  readonly name: string;
  readonly type: string;
  readonly mode?: string;
  readonly fields?: readonly ResultField[];
}

/** A row as the API sends it: positions instead of names, every scalar as text. */
export interface BigQueryRow {
  readonly f?: readonly { readonly v?: unknown }[];
}

/** A result's rows by column name, values in the form that every warehouse gives. */
export function rowsOfResult(
  fields: readonly ResultField[],
  rows: readonly BigQueryRow[],
): Record<string, Value>[] {
  return rows.map((row) => rowOf(fields, row));
}

function rowOf(fields: readonly ResultField[], row: BigQueryRow): Record<string, Value> {
  return Object.fromEntries(fields.map((field, index) => [field.name, valueOf(field, row.f?.[index]?.v)]));
}

function valueOf(field: ResultField, sent: unknown): Value {
  if (field.mode === "REPEATED") {
    const element = { ...field, mode: "NULLABLE" };
    return (sent as { v?: unknown }[]).map(({ v }) => valueOf(element, v));
  }
  if (sent === null || sent === undefined) return null;
  if (field.type === "RECORD" || field.type === "STRUCT")
    return rowOf(field.fields ?? [], sent as BigQueryRow);
  const text = String(sent as string | number | boolean);
  switch (field.type) {
    case "BOOLEAN":
    case "BOOL":
      return text === "true";
    case "FLOAT":
    case "FLOAT64":
      return Number(text);
    case "NUMERIC":
    case "BIGNUMERIC":
      return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
    case "TIMESTAMP":
      return timeOf(text);
    default:
      return text;
  }
}

/** Microseconds since 1970 as `YYYY-MM-DD hh:mm:ss[.ffffff]`. */
function timeOf(micros: string): string {
  const value = BigInt(micros);
  const rest = ((value % 1_000_000n) + 1_000_000n) % 1_000_000n;
  const seconds = Number((value - rest) / 1_000_000n);
  const text = new Date(seconds * 1000).toISOString().slice(0, 19).replace("T", " ");
  return rest === 0n ? text : `${text}.${String(rest).padStart(6, "0").replace(/0+$/, "")}`;
}
