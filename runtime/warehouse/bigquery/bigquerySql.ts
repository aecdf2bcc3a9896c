import { printable } from "../../errors.ts";
import { bigqueryDialect } from "../sql/bigqueryDialect.ts";

/** A project and one of its datasets. */
export interface DatasetPlace {
  readonly project: string;
  readonly dataset: string;
}

/** A table's full name as GoogleSQL writes it. Throws RangeError on a name that needs what backticks can't hold. */
export function tableName({ project, dataset }: DatasetPlace, table: string): string {
  const name = `${project}.${dataset}.${table}`;
  if (/[`\\\u0000-\u001f]/.test(name)) throw new RangeError(`not a table's name: ${printable(name)}`);
  return `\`${name}\``;
}

/** A column's name as GoogleSQL writes it: some of them (`rows`) are words of the language. */
export function columnName(name: string): string {
  return `\`${name}\``;
}

/** The names of columns as a list, each behind `of` and a dot where it is given. */
export function columnList(columns: readonly { readonly name: string }[], of?: string): string {
  return bigqueryDialect.columns(columns, of);
}

/** A text as GoogleSQL writes it. */
export function sqlText(text: string): string {
  const escaped = text.replaceAll("\\", "\\\\").replaceAll("'", "\\'").replaceAll("\n", "\\n");
  return `'${escaped}'`;
}

/** A moment (Unix ms) as GoogleSQL writes it; whole seconds. */
export function sqlTime(unixMs: number): string {
  return `TIMESTAMP '${new Date(unixMs).toISOString().slice(0, 19).replace("T", " ")}+00'`;
}
