import { type LogEntry, type LogMetric, type Point, pointsOf } from "../../components/logMetrics.testing.ts";
import { seriesOf } from "../promtool.ts";

/**
 * The series that metrics make of lines, a sample for each of so many minutes, as Cloud Monitoring's PromQL names them: counters,
 * which begin by 0 in the minute before their first line. Behind their last line they go on, or end where `ends` says so: Google
 * says that such series may have gaps (https://docs.cloud.google.com/logging/docs/logs-based-metrics), not when.
 */
export function seriesOfLines(
  metrics: readonly LogMetric[],
  entries: readonly LogEntry[],
  { minutes, ends = false }: { readonly minutes: number; readonly ends?: boolean },
): { series: string; values: string }[] {
  return metrics.flatMap((metric) => {
    const points = pointsOf(metric, entries);
    const name = `logging_googleapis_com:user_${metric.name}`;
    const until = (last: number) => (ends ? last : minutes);
    if (metric.valueExtractor === undefined) return counters(name, points, until);
    const counted = points.map((point) => ({ ...point, value: 1 }));
    return [...counters(`${name}_sum`, points, until), ...counters(`${name}_count`, counted, until)];
  });
}

/** One series for each set of labels. */
function counters(name: string, points: readonly Point[], until: (last: number) => number) {
  const groups = new Map<string, Point[]>();
  for (const point of points) {
    const key = seriesOf(name, point.labels);
    groups.set(key, [...(groups.get(key) ?? []), point]);
  }
  return [...groups].map(([series, own]) => {
    const minutes = own.map(({ minute }) => minute);
    const [first, last] = [Math.min(...minutes), Math.max(...minutes)];
    if (first < 1) throw new RangeError(`${series} would begin before there is a metric`);
    const grown = new Map<number, number>();
    for (const { minute, value } of own) grown.set(minute, (grown.get(minute) ?? 0) + value);
    const values = Array.from({ length: first - 1 }, () => "_");
    for (let minute = first - 1, sum = 0; minute <= until(last); minute++)
      values.push(String((sum += grown.get(minute) ?? 0)));
    return { series, values: [...values, "stale"].join(" ") };
  });
}
