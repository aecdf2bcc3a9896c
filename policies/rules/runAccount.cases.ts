import { type RuleCases, change } from "./common/cases.ts";
import { bidsService, oneOffJob } from "./common/compliant.ts";
import { runAccount } from "./runAccount.ts";

export const cases: RuleCases = {
  rule: runAccount,
  compliant: [bidsService(), oneOffJob()],
  broken: {
    "of a service isn't named": [change("template.serviceAccount", undefined)],
    "of a service is the default one": [
      change("template.serviceAccount", "123456789-compute@developer.gserviceaccount.com"),
    ],
    "of a job isn't named": [change("template.template.serviceAccount", undefined, "one-off")],
  },
};
