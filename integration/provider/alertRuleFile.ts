import type { LogEntry, LogMetric } from "../../components/logMetrics.testing.ts";
import { seriesOfLines } from "./lineSeries.ts";

/** Of an alert policy, what Prometheus's rules have too. */
interface Policy {
  readonly conditions: readonly {
    readonly conditionPrometheusQueryLanguage: {
      readonly query: string;
      /** `1800s` */
      readonly duration: string;
      readonly evaluationInterval: string;
    };
  }[];
}

/** A resource as a stack registers it. */
interface Registered {
  readonly name: string;
  readonly type: string;
  readonly inputs: Readonly<Record<string, unknown>>;
}

/**
 * The alerts of a stack as a rule file of Prometheus, each under its resource's name, and what makes its metrics' series of log lines.
 * Throws where a condition isn't evaluated every minute, as promtool does here.
 */
export function rulesOf(registered: readonly Registered[]) {
  const ofType = (type: string) => registered.filter((resource) => resource.type === type);
  const metrics = ofType("gcp:logging/metric:Metric").map(({ inputs }) => inputs as unknown as LogMetric);
  const rules = ofType("gcp:monitoring/alertPolicy:AlertPolicy").flatMap(({ name, inputs }) =>
    (inputs as unknown as Policy).conditions.map(({ conditionPrometheusQueryLanguage: condition }) => {
      const { query, duration, evaluationInterval } = condition;
      if (evaluationInterval !== "60s") throw new Error(`${name} is evaluated every ${evaluationInterval}`);
      return { alert: name, expr: query, for: duration };
    }),
  );
  return {
    /** Those whose names end in a noun, or all. */
    rules: (noun = "") =>
      JSON.stringify({
        groups: [{ name: "stack", interval: "1m", rules: rules.filter(({ alert }) => alert.endsWith(noun)) }],
      }),
    series: (lines: readonly LogEntry[], options: { readonly minutes: number; readonly ends?: boolean }) =>
      seriesOfLines(metrics, lines, options),
  };
}
