import { Metric, type MetricArgs } from "@pulumi/gcp/logging/metric.js";
import type { ComponentResourceOptions } from "@pulumi/pulumi";
import type { StackContext } from "./stackContext.ts";
import { LOG_LINES } from "../runtime/services/logLines.ts";
import { EtlComponent } from "./component.ts";

export interface LogMetricsArgs {
  readonly stack: StackContext;
}

type LineName = keyof typeof LOG_LINES;
type FieldOf<L extends LineName> = keyof (typeof LOG_LINES)[L]["fields"] & string;

/** A metric made of one kind of log line; without a field it counts the lines. */
interface LineMetric<L extends LineName = LineName> {
  readonly line: L;
  readonly field?: FieldOf<L>;
  readonly labels: readonly FieldOf<L>[];
}

const of = <L extends LineName>(line: L, labels: readonly FieldOf<L>[], field?: FieldOf<L>) =>
  ({ line, labels, ...(field === undefined ? {} : { field }) }) as LineMetric;

/** What is measured, by the metric's name without the stack. */
const METRICS = {
  tick: of("tick", ["dataset", "outcome"]),
  tick_seconds: of("tick", ["dataset"], "seconds"),
  load_rows: of("tick", ["dataset"], "load_rows"),
  load_waiting: of("tick", ["dataset"], "load_waiting"),
  load_failed: of("tick", ["dataset"], "load_failed"),
  faults: of("tick", ["dataset"], "faults"),
  page: of("page", ["dataset", "page", "outcome"]),
  relay_covered: of("relay", ["dataset", "relay"], "covered"),
  relay_missing: of("relay", ["dataset", "relay"], "missing"),
  relay_rows: of("relay", ["dataset", "relay"], "rows"),
  relay_refused: of("relay", ["dataset", "relay"], "refused"),
  relay_quarantined: of("relay", ["dataset", "relay"], "quarantined"),
  relay_reread: of("relay", ["dataset", "relay"], "reread"),
  relay_reread_differing: of("relay", ["dataset", "relay"], "reread_differing"),
  relay_reread_rows_gained: of("relay", ["dataset", "relay"], "reread_rows_gained"),
  relay_lag_slots: of("relay", ["dataset", "relay"], "lag_slots"),
} as const satisfies Record<string, LineMetric>;

/** Error lines of the services, whatever they say; a metric beside those of lines. */
const ERRORS = "errors";

export type MetricName = keyof typeof METRICS | typeof ERRORS;

/** The log-based metrics of both services, from which alerts and dashboard are made. */
export class LogMetrics extends EtlComponent {
  readonly #stack: StackContext;
  readonly #made = new Map<string, Metric>();

  constructor(name: string, { stack }: LogMetricsArgs, opts?: ComponentResourceOptions) {
    super("LogMetrics", name, stack, opts);
    this.#stack = stack;
    const make = (metric: MetricName, args: Omit<MetricArgs, "name">) => {
      const series = stack.names.logMetric(metric);
      const options = this.options("free", { dependsOn: stack.apis.of("logging") });
      const made = new Metric(this.child(metric.replaceAll("_", "-")), { name: series, ...args }, options);
      this.#made.set(series, made);
    };
    for (const [metric, line] of Object.entries(METRICS)) make(metric as MetricName, lineArgs(stack, line));
    make(ERRORS, {
      description: "Lines of the services that are errors",
      filter: `${servicesOf(stack)} AND severity>=ERROR`,
      metricDescriptor: { metricKind: "DELTA", valueType: "INT64", unit: "1" },
    });
    this.registerOutputs({});
  }

  /** The metrics whose series stand in a text of PromQL: what is made of it has to wait for them. */
  in(promql: string): Metric[] {
    return [...this.#made]
      .filter(([name]) => new RegExp(`user_${name}(?:_sum|_count)?\\{`).test(promql))
      .map(([, metric]) => metric);
  }

  /**
   * A metric's series of one service, as PromQL writes it. Numbers are distributions, of which `part` says the sum or
   * the count; metrics that count lines have no parts.
   */
  series(metric: MetricName, labels: string, part?: "sum" | "count"): string {
    const name = `logging_googleapis_com:user_${this.#stack.names.logMetric(metric)}`;
    const suffix = part === undefined ? "" : `_${part}`;
    return `${name}${suffix}{monitored_resource="cloud_run_revision"${labels === "" ? "" : `,${labels}`}}`;
  }
}

/** The two services' logs, of this stack alone. */
function servicesOf({ names, region }: StackContext): string {
  const services = (["bids", "payloads"] as const).map((service) => `"${names.service(service)}"`);
  return (
    `resource.type="cloud_run_revision" AND resource.labels.location="${region}" AND ` +
    `resource.labels.service_name=(${services.join(" OR ")})`
  );
}

function lineArgs(stack: StackContext, { line, field, labels }: LineMetric): Omit<MetricArgs, "name"> {
  const { message, fields } = LOG_LINES[line];
  const meanings = fields as Readonly<Record<string, { readonly meaning: string }>>;
  const meaning = (name: string) => meanings[name]?.meaning ?? name;
  const counted = field === undefined;
  return {
    description: counted
      ? `Log lines "${message}"`
      : `Field ${field} of log lines "${message}": ${meaning(field)}`,
    filter: `${servicesOf(stack)} AND jsonPayload.message="${message}"`,
    labelExtractors: Object.fromEntries(labels.map((name) => [name, `EXTRACT(jsonPayload.${name})`])),
    metricDescriptor: {
      metricKind: "DELTA",
      valueType: counted ? "INT64" : "DISTRIBUTION",
      unit: "1",
      labels: labels.map((key) => ({ key, valueType: "STRING", description: meaning(key) })),
    },
    ...(counted
      ? {}
      : {
          valueExtractor: `EXTRACT(jsonPayload.${field})`,
          bucketOptions: { exponentialBuckets: { numFiniteBuckets: 24, growthFactor: 2, scale: 1 } },
        }),
  };
}
