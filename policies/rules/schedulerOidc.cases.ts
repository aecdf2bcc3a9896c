import { type RuleCases, change } from "./common/cases.ts";
import { bidsScheduler, bidsService, jobScheduler, runAccountOf } from "./common/compliant.ts";
import { schedulerOidc } from "./schedulerOidc.ts";

export const cases: RuleCases = {
  rule: schedulerOidc,
  compliant: [
    bidsScheduler(),
    bidsService(),
    runAccountOf("bids-call", "etl-bids-call-production"),
    jobScheduler(),
  ],
  broken: {
    "no token": [change("httpTarget.oidcToken", undefined)],
    "an access token for another address": [
      change("httpTarget.uri", "https://example.com/jobs/publish:run", "job-scheduler"),
    ],
    "an access token of no account": [
      change("httpTarget.oauthToken.serviceAccountEmail", undefined, "job-scheduler"),
    ],
    "no account": [change("httpTarget.oidcToken.serviceAccountEmail", undefined)],
    "no audience": [change("httpTarget.oidcToken.audience", undefined)],
    "an audience with a path": [
      change(
        "httpTarget.oidcToken.audience",
        "https://mev-boost-etl-bids-production-abc123-uc.a.run.app/tick",
      ),
    ],
    "another service's audience": [
      change("httpTarget.oidcToken.audience", "https://other-abc123-uc.a.run.app"),
    ],
  },
};
