/** A log line as Cloud Logging keeps one of a service. */
export interface LogEntry {
  /** Minutes since the metrics were made. */
  readonly minute: number;
  readonly severity: string;
  readonly resource: { readonly type: string; readonly labels: Readonly<Record<string, string>> };
  readonly jsonPayload: Readonly<Record<string, unknown>>;
}

/** The part of a log-based metric that makes numbers of lines. */
export interface LogMetric {
  readonly name: string;
  readonly filter: string;
  readonly labelExtractors?: Readonly<Record<string, string>>;
  readonly valueExtractor?: string;
}

/** One point of a metric; a line that is counted has the value 1. */
export interface Point {
  readonly minute: number;
  readonly value: number;
  readonly labels: Readonly<Record<string, string>>;
}

const SEVERITIES = ["DEFAULT", "DEBUG", "INFO", "NOTICE", "WARNING", "ERROR", "CRITICAL"];

/** Whether a filter, in the part of Cloud Logging's language that this project uses, takes a line. Throws on any other part. */
export function takes(filter: string, entry: LogEntry): boolean {
  return filter.split(/ AND /).every((condition) => {
    const severity = /^severity>=([A-Z]+)$/.exec(condition);
    if (severity) return SEVERITIES.indexOf(entry.severity) >= SEVERITIES.indexOf(severity[1] ?? "");
    const match = /^([\w.]+)=(?:"([^"]*)"|\(("[^"]*"(?: OR "[^"]*")*)\))$/.exec(condition);
    if (!match) throw new Error(`not a condition that is understood: ${condition}`);
    const [, path = "", one, several] = match;
    const allowed =
      one === undefined ? (several ?? "").split(" OR ").map((text) => text.slice(1, -1)) : [one];
    return allowed.includes(String(at(entry, path)));
  });
}

function at(entry: LogEntry, path: string): unknown {
  return path
    .split(".")
    .reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined)?.[key], entry);
}

function extracted(entry: LogEntry, extractor: string): unknown {
  const match = /^EXTRACT\(([\w.]+)\)$/.exec(extractor);
  if (!match) throw new Error(`not an extractor that is understood: ${extractor}`);
  return at(entry, match[1] ?? "");
}

/** The points that a metric makes of lines. */
export function pointsOf(metric: LogMetric, entries: readonly LogEntry[]): Point[] {
  return entries
    .filter((entry) => takes(metric.filter, entry))
    .flatMap((entry) => {
      const value = metric.valueExtractor === undefined ? 1 : extracted(entry, metric.valueExtractor);
      // Cloud Logging drops a line whose value is no number.
      if (typeof value !== "number") return [];
      const own = Object.entries(metric.labelExtractors ?? {}).map(([key, extractor]) => [
        key,
        String(extracted(entry, extractor)),
      ]);
      const { type, labels } = entry.resource;
      return [
        {
          minute: entry.minute,
          value,
          labels: { ...labels, monitored_resource: type, ...Object.fromEntries(own) },
        },
      ];
    });
}
