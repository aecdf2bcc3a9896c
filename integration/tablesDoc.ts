// The generated part of docs/tables.md: a row a column of every table and view, from their definitions.
import type { Column } from "../runtime/datasets/definition.ts";
import { DUCKDB_TYPES } from "../runtime/datasets/schema.ts";
import { allTables, loadTables, rowTables } from "../runtime/datasets/tables.ts";
import { type View, type ViewColumn, views } from "../runtime/datasets/views.ts";
import { tableOf, withPart } from "./generated.ts";
import { TRAPS, UNITS } from "./tableNotes.ts";

/** What is shown as one: a table or view, and how its rows come about. */
interface Shown {
  readonly title: string;
  readonly description: string;
  readonly names: readonly string[];
  readonly columns: readonly (ViewColumn & { readonly required?: boolean; readonly in?: string })[];
}

/** docs/tables.md with its generated parts anew. Throws RangeError where one has no place, or a note no column. */
export function tablesDocument(text: string): string {
  const parts = shownTables();
  const unused = Object.keys(TRAPS).filter(
    (key) => !parts.some((part) => part.columns.some((column) => keysOf(part, column).includes(key))),
  );
  if (unused.length > 0) throw new RangeError(`no column of the tables is called ${unused.join(", ")}`);
  const types = Object.entries(DUCKDB_TYPES).map(([name, duckdb]) => [name, duckdb]);
  return withPart(
    withPart(text, "columns", parts.map(section).join("\n\n")),
    "types",
    tableOf([["BigQuery, and below", "DuckDB"], ...types]),
  );
}

function shownTables(): Shown[] {
  const { bids, payloads } = rowTables;
  const [bidNames, payloadNames] = [bids, payloads].map(
    ({ columns }) => new Set(columns.map(({ name }) => name)),
  );
  const both = [...bids.columns, ...payloads.columns.filter(({ name }) => !bidNames?.has(name))].map(
    (column: Column) => ({
      ...column,
      in: !payloadNames?.has(column.name) ? "bids" : bidNames?.has(column.name) ? "both" : "payloads",
    }),
  );
  const more = (view: View, than: readonly { readonly name: string }[]) =>
    view.columns.filter(({ name }) => !than.some((column) => column.name === name));
  const own = (view: View): Shown => ({ title: `View ${view.name}`, names: [view.name], ...view });
  const tables = allTables.filter(
    (table) => table !== bids && table !== payloads && !Object.values(loadTables).includes(table),
  );
  return [
    {
      title: "Tables bids and payloads",
      description: `${bids.description}. ${payloads.description}`,
      names: ["bids", "payloads"],
      columns: both,
    },
    {
      title: "Views bids_readable and payloads_readable",
      description: "The tables of these names with all their columns, and besides",
      names: ["bids_readable", "payloads_readable"],
      columns: more(views.bids_readable, bids.columns),
    },
    {
      ...own(views.delivered),
      description: `${views.delivered.description}. All columns of payloads, and besides`,
      columns: more(views.delivered, payloads.columns),
    },
    own(views.coverage),
    {
      title: "Tables bids_loads and payloads_loads, view loads",
      description: `${loadTables.bids.description.replace("table bids", "the table of its dataset")}. View loads is both, with their dataset in front`,
      names: ["bids_loads", "payloads_loads"],
      columns: loadTables.bids.columns.map((column) => ({
        ...column,
        description: column.description.replace("table bids", "the table"),
      })),
    },
    ...tables.map((table): Shown => ({ title: `Table ${table.name}`, names: [table.name], ...table })),
  ];
}

/** The names under which a column may have a note. */
function keysOf({ names }: Shown, { name }: ViewColumn): string[] {
  return [...names, "*"].map((table) => `${table}.${name}`);
}

function section(shown: Shown): string {
  const { title, description, columns } = shown;
  const split = columns.some((column) => column.in !== undefined);
  const rows = columns.map((column) => {
    const traps = keysOf(shown, column).flatMap((key) => TRAPS[key] ?? []);
    const type = column.required === true ? `${column.type}, required` : column.type;
    const text = column.description.replaceAll("|", "\\|");
    return [
      `\`${column.name}\``,
      type,
      UNITS[column.name] ?? "",
      ...(split ? [column.in ?? ""] : []),
      text,
      [...new Set(traps)].join("; "),
    ];
  });
  const head = ["column", "type", "unit", ...(split ? ["in"] : []), "meaning", "trap"];
  return `### ${title}\n\n${description}.\n\n${tableOf([head, ...rows])}`;
}
