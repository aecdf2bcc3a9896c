import type { LogMetrics } from "./LogMetrics.ts";

/** A chart of the dashboard. */
export interface Panel {
  readonly title: string;
  readonly unit: string;
  /** PromQL, one a series, and what its lines are called. */
  readonly queries: readonly { readonly query: string; readonly legend: string }[];
}

const COLUMNS = 48;
const WIDTH = COLUMNS / 2;
const HEIGHT = 16;

/** The charts of the two services. */
export function servicePanels(metrics: Pick<LogMetrics, "series">): Panel[] {
  const both = (title: string, unit: string, legend: string, query: (dataset: string) => string): Panel[] =>
    (["bids", "payloads"] as const).map((service) => ({
      title: `${service}: ${title}`,
      unit,
      queries: [{ query: query(`dataset="${service}"`), legend }],
    }));
  const increase = (series: string) => `increase(${series}[10m])`;
  const byRelay = (metric: Parameters<LogMetrics["series"]>[0]) => (dataset: string) =>
    `sum by (relay) (${increase(metrics.series(metric, dataset, "sum"))})`;
  const mean =
    (metric: Parameters<LogMetrics["series"]>[0], by = "") =>
    (dataset: string) =>
      `sum${by}(${increase(metrics.series(metric, dataset, "sum"))}) / ` +
      `sum${by}(${increase(metrics.series(metric, dataset, "count"))})`;
  return [
    ...both(
      "ticks in 10 minutes",
      "ticks",
      "{{outcome}}",
      (dataset) => `sum by (outcome) (${increase(metrics.series("tick", dataset))})`,
    ),
    ...both("slots behind, by relay", "slots", "{{relay}}", mean("relay_lag_slots", " by (relay) ")),
    ...both(
      "slots missing of the newest 32,000, by relay",
      "slots",
      "{{relay}}",
      mean("relay_missing", " by (relay) "),
    ),
    ...both("rows collected in 10 minutes, by relay", "rows", "{{relay}}", byRelay("relay_rows")),
    ...both("requests refused in 10 minutes, by relay", "requests", "{{relay}}", byRelay("relay_refused")),
    ...both(
      "rows into quarantine in 10 minutes, by relay",
      "rows",
      "{{relay}}",
      byRelay("relay_quarantined"),
    ),
    ...both(
      "percent of a day's slots that differed when read again, by relay",
      "%",
      "{{relay}}",
      (dataset) =>
        `100 * sum by (relay) (increase(${metrics.series("relay_reread_differing", dataset, "sum")}[1d])) / ` +
        `sum by (relay) (increase(${metrics.series("relay_reread", dataset, "sum")}[1d]))`,
    ),
    ...both(
      "rows loaded in 10 minutes",
      "rows",
      "rows",
      (dataset) => `sum(${increase(metrics.series("load_rows", dataset, "sum"))})`,
    ),
    ...both("objects that wait to be loaded", "objects", "objects", mean("load_waiting")),
    ...both("seconds a tick", "s", "seconds", mean("tick_seconds")),
  ];
}

/** The dashboard as JSON, two charts a row. */
export function dashboardJson(displayName: string, panels: readonly Panel[]): string {
  const tiles = panels.map(({ title, unit, queries }, index) => ({
    height: HEIGHT,
    widget: {
      title,
      xyChart: {
        dataSets: queries.map(({ query, legend }) => ({
          legendTemplate: legend,
          plotType: "LINE",
          targetAxis: "Y1",
          timeSeriesQuery: { prometheusQuery: query },
        })),
        yAxis: { label: unit, scale: "LINEAR" },
      },
    },
    width: WIDTH,
    ...(index % 2 === 0 ? {} : { xPos: WIDTH }),
    ...(index < 2 ? {} : { yPos: Math.floor(index / 2) * HEIGHT }),
  }));
  return JSON.stringify({ displayName, mosaicLayout: { columns: COLUMNS, tiles } });
}
