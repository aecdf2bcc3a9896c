import { Metric } from "@pulumi/gcp/logging/metric.js";
import { AlertPolicy } from "@pulumi/gcp/monitoring/alertPolicy.js";
import type { ComponentResourceOptions } from "@pulumi/pulumi";
import type { StackContext } from "../stackContext.ts";
import { BACKLOAD_LINES } from "../../runtime/backload/logLines.ts";
import { alertPolicy } from "../alertPolicy.ts";
import type { AlertRule } from "../alertRules.ts";
import { EtlComponent } from "../component.ts";
import type { Panel } from "../dashboard.ts";
import type { ResourceNames } from "../names.ts";

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
    const ends = this.#ends(stack);
    const settled = this.#settled(stack);
    this.metrics = [ends, settled];
    for (const alert of alertsOf(stack.names)) {
      new AlertPolicy(
        this.child(alert.noun),
        alertPolicy(stack, alert, true, notificationChannels),
        this.options("free", {
          dependsOn: [...stack.apis.of("monitoring"), alert.noun === "failed" ? ends : settled],
        }),
      );
    }
    this.panels = panelsOf(stack.names);
    this.registerOutputs({});
  }

  #ends({ names, apis }: StackContext): Metric {
    const { message, fields } = BACKLOAD_LINES.end;
    return new Metric(
      this.child("ends"),
      {
        name: names.logMetric("backload_ends"),
        description: `Log lines "${message}": workers that ended, by how`,
        filter: linesOf(names, message),
        labelExtractors: { outcome: "EXTRACT(jsonPayload.outcome)" },
        metricDescriptor: {
          metricKind: "DELTA",
          valueType: "INT64",
          unit: "1",
          labels: [{ key: "outcome", valueType: "STRING", description: fields.outcome }],
        },
      },
      this.options("free", { dependsOn: apis.of("logging") }),
    );
  }

  #settled({ names, apis }: StackContext): Metric {
    const { message, fields } = BACKLOAD_LINES.relay;
    return new Metric(
      this.child("settled"),
      {
        name: names.logMetric("backload_settled"),
        description: `Field settled of log lines "${message}": ${fields.settled}`,
        filter: linesOf(names, message),
        labelExtractors: { relay: "EXTRACT(jsonPayload.relay)" },
        valueExtractor: "EXTRACT(jsonPayload.settled)",
        bucketOptions: { exponentialBuckets: { numFiniteBuckets: 24, growthFactor: 2, scale: 1 } },
        metricDescriptor: {
          metricKind: "DELTA",
          valueType: "DISTRIBUTION",
          unit: "1",
          labels: [{ key: "relay", valueType: "STRING", description: fields.relay }],
        },
      },
      this.options("free", { dependsOn: apis.of("logging") }),
    );
  }
}

/** The filter of one kind of the workers' lines. */
function linesOf(names: ResourceNames, message: string): string {
  return (
    `resource.type="k8s_container" AND resource.labels.cluster_name="${names.backload("cluster")}" AND ` +
    `resource.labels.namespace_name="${names.backload("namespace")}" AND jsonPayload.message="${message}"`
  );
}

/** Series of workers that ended, as PromQL writes them. */
function endsSeries(names: ResourceNames, labels = ""): string {
  return `logging_googleapis_com:user_${names.logMetric("backload_ends")}{monitored_resource="k8s_container"${labels}}`;
}

/** Series of how many slots were settled, as PromQL writes them. */
function settledSeries(names: ResourceNames): string {
  return `logging_googleapis_com:user_${names.logMetric("backload_settled")}_sum{monitored_resource="k8s_container"}`;
}

function panelsOf(names: ResourceNames): Panel[] {
  const [settled, ends] = [settledSeries(names), endsSeries(names)];
  return [
    {
      title: "back-load: slots settled in 10 minutes, by relay",
      unit: "slots",
      queries: [{ query: `sum by (relay) (increase(${settled}[10m]))`, legend: "{{relay}}" }],
    },
    {
      title: "back-load: workers that ended in an hour",
      unit: "workers",
      queries: [{ query: `sum by (outcome) (increase(${ends}[1h]))`, legend: "{{outcome}}" }],
    },
  ];
}

function alertsOf(names: ResourceNames): Omit<AlertRule, "whileScheduled">[] {
  return [
    {
      noun: "failed",
      rule: "BackloadShardFailed",
      title: "back-load: a shard failed",
      severity: "ERROR",
      query: `sum(increase(${endsSeries(names, ',outcome=~"bad-input|failed"')}[30m])) >= 1`,
      forMinutes: 0,
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
      query: `sum(increase(${settledSeries(names)}[10m])) < 1`,
      forMinutes: NO_PROGRESS_MINUTES,
      runbook: `Workers run and cost money, and no relay gives them anything.

1. \`refusals\` in their \`backload.relay\` lines: are they refused? Lower \`requests_per_second\` in config \`backload\`.
2. \`failed\`: do relays answer wrongly? \`mev-boost-etl probe\` shows what they say.
3. Is the lake written? An error line says what was refused.`,
    },
  ];
}
