import { type RuleCases, change } from "./common/cases.ts";
import { bidsScheduler, bidsService, runAccountOf } from "./common/compliant.ts";
import { schedulerDeadline } from "./schedulerDeadline.ts";

export const cases: RuleCases = {
  rule: schedulerDeadline,
  compliant: [bidsScheduler(), bidsService(), runAccountOf("bids-call", "etl-bids-call-production")],
  broken: {
    "under the tick's": [change("attemptDeadline", "60s")],
    "under the service's time-out": [change("attemptDeadline", "299s")],
    "not said, so the default": [change("attemptDeadline", undefined)],
    "under a longer time-out": [change("template.timeout", "600s", "bids-service")],
    "longer than the scheduler takes": [change("attemptDeadline", "1801s")],
    "in other words than seconds": [change("attemptDeadline", "5 minutes")],
  },
  fine: { "as long as the time-out": [change("attemptDeadline", "300s")] },
};
