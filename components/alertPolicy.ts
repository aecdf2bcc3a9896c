import type { AlertPolicyArgs } from "@pulumi/gcp/monitoring/alertPolicy.js";
import type { StackContext } from "./stackContext.ts";
import type { AlertRule } from "./alertRules.ts";

const CLOSE_AFTER = "3600s";

/** An alert as Cloud Monitoring takes it: a PromQL condition, and the run-book as its text. */
export function alertPolicy(
  { labels }: Pick<StackContext, "labels">,
  { title, rule, severity, query, forMinutes, runbook }: Omit<AlertRule, "noun" | "whileScheduled">,
  enabled: boolean,
  notificationChannels: readonly string[],
): AlertPolicyArgs {
  return {
    displayName: `${labels["stack"] ?? ""} ${title}`,
    combiner: "OR",
    severity,
    enabled,
    conditions: [
      {
        displayName: title,
        conditionPrometheusQueryLanguage: {
          query,
          // As long as this the query must have had a result, from when the policy was made on: a window in the query is as true of
          // an empty series and of a first line. https://docs.cloud.google.com/monitoring/alerts/concepts-indepth
          duration: `${60 * forMinutes}s`,
          evaluationInterval: "60s",
          alertRule: rule,
          // A metric that has never reported yet would be refused otherwise.
          disableMetricValidation: true,
        },
      },
    ],
    documentation: { mimeType: "text/markdown", subject: title, content: runbook },
    alertStrategy: { autoClose: CLOSE_AFTER },
    ...(notificationChannels.length === 0 ? {} : { notificationChannels: [...notificationChannels] }),
    userLabels: { ...labels },
  };
}
