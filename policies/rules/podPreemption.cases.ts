import { type RuleCases, change } from "./common/cases.ts";
import { backloadJob } from "./common/compliant.ts";
import { podPreemption } from "./podPreemption.ts";

export const cases: RuleCases = {
  rule: podPreemption,
  compliant: [backloadJob()],
  broken: {
    "hardly any time to end": [change("spec.template.spec.terminationGracePeriodSeconds", 5)],
    "the default time to end": [change("spec.template.spec.terminationGracePeriodSeconds", undefined)],
    "a lost node is a failure": [change("spec.podFailurePolicy", undefined)],
    "a lost node fails the index": [change("spec.podFailurePolicy.rules.0.action", "FailIndex")],
    "two pods of one index": [change("spec.podReplacementPolicy", "TerminatingOrFailed")],
  },
};
