import { type RuleCases, change } from "./common/cases.ts";
import { tickMetric } from "./common/compliant.ts";
import { logMetricDescribed } from "./logMetricDescribed.ts";

export const cases: RuleCases = {
  rule: logMetricDescribed,
  compliant: [tickMetric()],
  broken: { "not at all": [change("description", undefined)], "by nothing": [change("description", "")] },
};
