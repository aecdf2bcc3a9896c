import { Metric } from "@pulumi/gcp/logging/metric.js";
import { AlertPolicy } from "@pulumi/gcp/monitoring/alertPolicy.js";
import type { ComponentResourceOptions } from "@pulumi/pulumi";
import type { StackContext } from "../stackContext.ts";
import { BACKLOAD_LINES } from "../../runtime/backload/logLines.ts";
import { alertPolicy } from "../alertPolicy.ts";
import type { AlertRule } from "../alertRules.ts";
import { EtlComponent } from "../component.ts";
import type { Panel } from "../dashboard.ts";

export interface BackloadAlertsArgs {
  readonly stack: StackContext;
  readonly notificationChannels: readonly string[];
}

const NO_PROGRESS_MINUTES = 60;

/** What the workers' own lines tell: shards that failed for good, and workers that get nothing. */
export class BackloadAlerts extends EtlComponent {
  /** Charts for the stack's dashboard. */
  readonly panels: readonly Panel[];
  /** What the charts' series are made of. */
  readonly metrics: readonly Metric[];

  constructor(
    name: string,
    { stack, notificationChannels }: BackloadAlertsArgs,
    opts?: ComponentResourceOptions,
  ) {
    super("BackloadAlerts", name, stack, opts);
    const { names } = stack;
    const { relay, end } = BACKLOAD_LINES;
    const after = this.options("free", { dependsOn: stack.apis.of("logging") });
    const lines = (message: string) =>
      `resource.type="k8s_container" AND resource.labels.cluster_name="${names.backload("cluster")}" AND ` +
      `resource.labels.namespace_name="${names.backload("namespace")}" AND jsonPayload.message="${message}"`;
    const ends = new Metric(
      this.child("ends"),
      {
        name: names.logMetric("backload_ends"),
        description: `Log lines "${end.message}": workers that ended, by how`,
        filter: lines(end.message),
        labelExtractors: { outcome: "EXTRACT(jsonPayload.outcome)" },
        metricDescriptor: {
          metricKind: "DELTA",
          valueType: "INT64",
          unit: "1",
          labels: [{ key: "outcome", valueType: "STRING", description: end.fields.outcome }],
        },
      },
      after,
    );
    const settled = new Metric(
      this.child("settled"),
      {
        name: names.logMetric("backload_settled"),
        description: `Field settled of log lines "${relay.message}": ${relay.fields.settled}`,
        filter: lines(relay.message),
        labelExtractors: { relay: "EXTRACT(jsonPayload.relay)" },
        valueExtractor: "EXTRACT(jsonPayload.settled)",
        bucketOptions: { exponentialBuckets: { numFiniteBuckets: 24, growthFactor: 2, scale: 1 } },
        metricDescriptor: {
          metricKind: "DELTA",
          valueType: "DISTRIBUTION",
          unit: "1",
          labels: [{ key: "relay", valueType: "STRING", description: relay.fields.relay }],
        },
      },
      after,
    );
    const series = (metric: string, labels = "") =>
      `logging_googleapis_com:user_${names.logMetric(metric)}{monitored_resource="k8s_container"${labels}}`;
    const settledSum = series("backload_settled").replace("{", "_sum{");
    for (const alert of this.#alerts(series("backload_ends", ',outcome=~"bad-input|failed"'), settledSum)) {
      new AlertPolicy(
        this.child(alert.noun),
        alertPolicy(stack, alert, true, notificationChannels),
        this.options("free", {
          dependsOn: [...stack.apis.of("monitoring"), alert.noun === "failed" ? ends : settled],
        }),
      );
    }
    this.metrics = [ends, settled];
    this.panels = [
      {
        title: "back-load: slots settled in 10 minutes, by relay",
        unit: "slots",
        queries: [{ query: `sum by (relay) (increase(${settledSum}[10m]))`, legend: "{{relay}}" }],
      },
      {
        title: "back-load: workers that ended in an hour",
        unit: "workers",
        queries: [
          { query: `sum by (outcome) (increase(${series("backload_ends")}[1h]))`, legend: "{{outcome}}" },
        ],
      },
    ];
    this.registerOutputs({});
  }

  #alerts(
    failures: string,
    settled: string,
  ): Pick<AlertRule, "noun" | "rule" | "title" | "severity" | "query" | "runbook">[] {
    const window = `${NO_PROGRESS_MINUTES}m`;
    return [
      {
        noun: "failed",
        rule: "BackloadShardFailed",
        title: "back-load: a shard failed",
        severity: "ERROR",
        query: `sum(increase(${failures}[30m])) >= 1`,
        runbook: `A worker ended with what another try doesn't mend, or the lake failed under it. The other shards go on, and nothing is lost.

1. Its last line, \`backload.end\`, says the shard and the reason: a setting, or an object of the lake and what to do with it.
2. Mend that, then raise \`run\` in config \`backload\`: the new Job asks only for what is missing.`,
      },
      {
        noun: "no-progress",
        rule: "BackloadNoProgress",
        title: `back-load: workers run, and nothing was settled in ${NO_PROGRESS_MINUTES} minutes`,
        severity: "WARNING",
        // Lines come from running workers alone: a back-load that is done, or waits for nodes, has no series, and so no sum.
        query: `sum(increase(${settled}[${window}])) < 1`,
        runbook: `Workers run and cost money, and no relay gives them anything.

1. \`refusals\` in their \`backload.relay\` lines: are they refused? Lower \`requests_per_second\` in config \`backload\`.
2. \`failed\`: do relays answer wrongly? \`mev-boost-etl probe\` shows what they say.
3. Is the lake written? An error line says what was refused.`,
      },
    ];
  }
}
