import { logMetric } from "./common/kinds.ts";
import { on, resourceRule } from "./common/rule.ts";

export const logMetricDescribed = resourceRule(
  {
    name: "log-metric-described",
    severity: "low",
    description: "A log-based metric says what it counts: whom an alert wakes at night reads nothing else.",
    remedy: "Give the metric a description: which log line, which number, which unit",
  },
  on(logMetric, ({ description }) => !description && "The metric has no description"),
);
