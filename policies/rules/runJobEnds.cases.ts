import { type RuleCases, change } from "./common/cases.ts";
import { oneOffJob } from "./common/compliant.ts";
import { runJobEnds } from "./runJobEnds.ts";

export const cases: RuleCases = {
  rule: runJobEnds,
  compliant: [oneOffJob()],
  broken: {
    "without an end": [change("template.template.timeout", undefined)],
    "for a week": [change("template.template.timeout", "604800s")],
    "again as often as Cloud Run likes": [change("template.template.maxRetries", undefined)],
    "ten times": [change("template.template.maxRetries", 10)],
  },
  fine: { "never again": [change("template.template.maxRetries", 0)] },
};
