import { type RuleCases, change } from "./common/cases.ts";
import { bidsService, oneOffJob } from "./common/compliant.ts";
import { runLimits } from "./runLimits.ts";

export const cases: RuleCases = {
  rule: runLimits,
  compliant: [bidsService(), oneOffJob()],
  broken: {
    "of CPU": [change("template.containers.0.resources.limits.cpu", undefined)],
    "of memory": [change("template.containers.0.resources.limits.memory", undefined)],
    "at all": [change("template.containers.0.resources", undefined)],
    "of a job": [change("template.template.containers.0.resources.limits", {}, "one-off")],
  },
};
