import Table from "cli-table3";

/** What stands between and around cells: nothing but a space between columns. */
const PARTS =
  "top top-mid top-left top-right bottom bottom-mid bottom-left bottom-right left left-mid mid mid-mid right right-mid";
const BORDERLESS = Object.fromEntries(PARTS.split(" ").map((part) => [part, ""]));

export interface TableStyle {
  /** Between columns (one space). */
  readonly gap?: string;
  /** Spaces behind each cell (none). */
  readonly padding?: number;
  /** Columns that begin at the left; the first one without it. */
  readonly left?: readonly number[];
  /** Widths of the columns, in which words wrap. */
  readonly widths?: number[];
}

/** A table as every command prints it: a head, no lines, the first column at the left and the others at the right. */
export function tableText(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  { gap = " ", padding = 0, left = [0], widths }: TableStyle = {},
): string {
  const table = new Table({
    head: [...head],
    chars: { ...BORDERLESS, middle: gap },
    style: { "padding-left": 0, "padding-right": padding, head: [], border: [] },
    colAligns: head.map((_, column) => (left.includes(column) ? "left" : "right")),
    ...(widths ? { colWidths: widths, wordWrap: true } : {}),
  });
  table.push(...rows.map((cells) => [...cells]));
  return table.toString();
}
