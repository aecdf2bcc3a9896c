import { type RuleCases, change } from "./common/cases.ts";
import { backloadJob } from "./common/compliant.ts";
import { podNoToken } from "./podNoToken.ts";

export const cases: RuleCases = {
  rule: podNoToken,
  compliant: [backloadJob()],
  broken: {
    "by default": [change("spec.template.spec.automountServiceAccountToken", undefined)],
    "on purpose": [change("spec.template.spec.automountServiceAccountToken", true)],
    "by a volume": [
      change("spec.template.spec.volumes", [
        { name: "token", projected: { sources: [{ serviceAccountToken: { path: "token" } }] } },
      ]),
    ],
  },
};
