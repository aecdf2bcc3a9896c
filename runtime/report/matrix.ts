import { NARROW, fitted, leftMargin } from "./axes.ts";
import type { PlotOptions, Plotting } from "./section.ts";

/** Shades of a share, from small to large; zero has no cell. */
const SHADES = ["var(--h1)", "var(--h2)", "var(--h3)", "var(--h4)", "var(--h5)"];

/** What the shades stand for. */
export const SHARE_LEGEND = SHADES.map((colour, index) => ({
  label: index === 0 ? "up to 20 %" : `${20 * index}–${20 * (index + 1)} %`,
  colour,
}));

export interface MatrixCell {
  readonly row: string;
  readonly column: string;
  /** 0 to 1. */
  readonly share: number;
  readonly title: string;
}

/** A table of shares as shaded cells, with the figures in them where they fit. */
export function matrixPlot(
  plotting: Plotting,
  width: number,
  {
    rows,
    columns,
    cells,
  }: { rows: readonly string[]; columns: readonly string[]; cells: readonly MatrixCell[] },
): PlotOptions {
  const marginLeft = leftMargin(rows, width);
  const marginBottom = Math.min(17 + 7.5 * Math.max(...columns.map(({ length }) => length)), 150);
  const shown = cells.filter(({ share }) => share > 0);
  const shade = ({ share }: MatrixCell) => Math.min(SHADES.length - 1, Math.max(0, Math.ceil(share * 5) - 1));
  const roomy = (width - marginLeft - 8) / columns.length >= 34;
  return {
    height: rows.length * (width < NARROW ? 22 : 24) + marginBottom + 8,
    marginLeft,
    marginRight: 8,
    marginTop: 8,
    marginBottom,
    x: { domain: columns, padding: 0.06 },
    y: { domain: rows, padding: 0.06 },
    marks: [
      plotting.axisX({
        tickSize: 0,
        tickRotate: -90,
        label: null,
        tickFormat: (name: string) => fitted(name, marginBottom),
      }),
      plotting.axisY({ tickSize: 0, label: null, tickFormat: (name: string) => fitted(name, marginLeft) }),
      plotting.cell(shown, {
        x: "column",
        y: "row",
        fill: (cell: MatrixCell) => SHADES[shade(cell)] ?? "",
        title: "title",
      }),
      ...(roomy
        ? [
            plotting.text(shown, {
              x: "column",
              y: "row",
              text: ({ share }: MatrixCell) => (share < 0.005 ? "<1" : String(Math.round(share * 100))),
              fill: (cell: MatrixCell) => (shade(cell) >= 3 ? "var(--bg)" : "currentColor"),
              pointerEvents: "none",
            }),
          ]
        : []),
    ],
  };
}
