// The generated parts of docs/tables.md and docs/ledger-tables.md: a row a column of every table and view, from their definitions.
import type { Column } from "../runtime/datasets/definition.ts";
import { DUCKDB_TYPES } from "../runtime/datasets/schema.ts";
import { DATASET_NAMES } from "../runtime/datasets/dataset.ts";
import { type Table, allTables, loadTables, paymentsTable, rowTables } from "../runtime/datasets/tables.ts";
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

/** docs/tables.md with its generated parts anew. Throws RangeError where one has no place. */
export function tablesDocument(text: string): string {
  const types = Object.entries(DUCKDB_TYPES).map(([name, duckdb]) => [name, duckdb]);
  return withPart(
    withPart(text, "columns", auctionTables().map(section).join("\n\n")),
    "types",
    tableOf([["BigQuery, and below", "DuckDB"], ...types]),
  );
}

/** docs/ledger-tables.md with its generated parts anew. Throws RangeError where one has no place, or a note no column. */
export function ledgerTablesDocument(text: string): string {
  const parts = [...auctionTables(), ...ledgerTables()];
  const unused = Object.keys(TRAPS).filter(
    (key) => !parts.some((part) => part.columns.some((column) => keysOf(part, column).includes(key))),
  );
  if (unused.length > 0) throw new RangeError(`no column of the tables is called ${unused.join(", ")}`);
  return withPart(text, "columns", ledgerTables().map(section).join("\n\n"));
}

const shownTable = (table: Table): Shown => ({ title: `Table ${table.name}`, names: [table.name], ...table });
const shownView = (view: View): Shown => ({ title: `View ${view.name}`, names: [view.name], ...view });
const without = (view: View, columns: readonly { readonly name: string }[]) =>
  view.columns.filter(({ name }) => !columns.some((column) => column.name === name));

/** What tells of the auction and of the chain beside it. */
function auctionTables(): Shown[] {
  const { bids, payloads, ...others } = rowTables;
  return [
    shownView(views.slots),
    bidsAndPayloads(),
    {
      title: "Views bids_readable and payloads_readable",
      description: "The tables of these names with all their columns, and besides",
      names: ["bids_readable", "payloads_readable"],
      columns: without(views.bids_readable, bids.columns),
    },
    {
      ...shownView(views.delivered),
      description: `${views.delivered.description}. All columns of payloads, and besides`,
      columns: without(views.delivered, payloads.columns),
    },
    shownView(views.bids_by_50ms),
    ...Object.values(others).map(shownTable),
    shownTable(paymentsTable),
  ];
}

/** Bids and payloads as one, since they have most columns in common. */
function bidsAndPayloads(): Shown {
  const { bids, payloads } = rowTables;
  const [bidNames, payloadNames] = [bids, payloads].map(
    ({ columns }) => new Set(columns.map(({ name }) => name)),
  );
  const both = [...bids.columns, ...payloads.columns.filter(({ name }) => !bidNames?.has(name))];
  return {
    title: "Tables bids and payloads",
    description: `${bids.description}. ${payloads.description}`,
    names: ["bids", "payloads"],
    columns: both.map((column: Column) => ({
      ...column,
      in: !payloadNames?.has(column.name) ? "bids" : bidNames?.has(column.name) ? "both" : "payloads",
    })),
  };
}

/** What tells of what is stored, and what the views above are made with. */
function ledgerTables(): Shown[] {
  const told = [...Object.values(rowTables), ...Object.values(loadTables), paymentsTable];
  return [
    shownView(views.coverage),
    {
      title: "Tables bids_loads and the like, view loads",
      description: `${loadTables.bids.description.replace("table bids", "the table of its dataset")}. Each dataset has one; view loads is all of them, with their dataset in front`,
      names: DATASET_NAMES.map((name) => loadTables[name].name),
      columns: loadTables.bids.columns.map((column) => ({
        ...column,
        description: column.description.replace("table bids", "the table"),
      })),
    },
    {
      ...shownView(views.blocks),
      description: `${views.blocks.description}. The columns of chain_blocks without relay and copies, and besides`,
      columns: without(views.blocks, rowTables.chain_blocks.columns),
    },
    ...allTables.filter((table) => !told.includes(table)).map(shownTable),
    {
      title: "Views bids_all and payloads_all",
      description: `${views.bids_all.description}. ${views.payloads_all.description}. The columns of imported_bids and imported_payloads, of which two have own rows`,
      names: ["bids_all", "payloads_all"],
      columns: views.bids_all.columns.filter(({ name }) => name.startsWith("source")),
    },
    shownView(views.import_agreement),
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
