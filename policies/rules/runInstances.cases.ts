import { type RuleCases, change } from "./common/cases.ts";
import { bidsService } from "./common/compliant.ts";
import { runInstances } from "./runInstances.ts";

export const cases: RuleCases = {
  rule: runInstances,
  compliant: [bidsService()],
  broken: {
    two: [change("template.scaling.maxInstanceCount", 2)],
    "as many as there may be": [change("template.scaling", undefined)],
  },
  fine: {
    "one, by the service's own scaling": [
      change("template.scaling", undefined),
      change("scaling", { maxInstanceCount: 1 }),
    ],
  },
};
