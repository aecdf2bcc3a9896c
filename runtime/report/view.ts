import type { Results } from "./asking.ts";
import type { PageColumn, Figure, Section, Showing, PageTable, Tile } from "./section.ts";

/**
 * The view of a section in steps: what is found in the results (`numbers` of it for `report --json`), the figures that show
 * it, the tables that list it, and what of it stands at the top of the page. Where `nothing` is found the section says so in a line.
 */
export function viewOf<Found extends { readonly numbers: object; readonly nothing?: string | undefined }>(
  find: (results: Results, showing: Showing) => Found,
  figures: (found: Found, showing: Showing) => readonly Figure[],
  tables: (found: Found, showing: Showing) => readonly PageTable[],
  tiles: (found: Found, showing: Showing) => readonly Tile[] = () => [],
): Section["view"] {
  return (results, showing) => {
    const found = find(results, showing);
    const { numbers, nothing } = found;
    const isEmpty = nothing !== undefined;
    return {
      numbers,
      nothing,
      figures: isEmpty ? [] : figures(found, showing),
      tables: isEmpty ? [] : tables(found, showing),
      tiles: tiles(found, showing),
    };
  };
}

/** The columns of a table by their labels: those of text, then those of numbers. */
export function columnsOf(texts: readonly string[], numbers: readonly string[]): PageColumn[] {
  return [...texts, ...numbers].map((label, index) => ({ label, numeric: index >= texts.length }));
}
