import { type RuleCases, change } from "./common/cases.ts";
import { backloadJob, bidsService, lake, runAccountOf } from "./common/compliant.ts";
import { physicalNames } from "./physicalNames.ts";

export const cases: RuleCases = {
  rule: physicalNames,
  compliant: [runAccountOf("bids-run", "etl-bids-run-production"), bidsService(), lake(), backloadJob()],
  broken: {
    "an account's is too long": [change("accountId", `etl-bids-run-${"p".repeat(18)}`)],
    "an account's is too short": [change("accountId", "etl-b")],
    "a service's is too long": [change("name", "s".repeat(50), "bids-service")],
    "a service's has capitals": [change("name", "Bids", "bids-service")],
    "an account's shown one is too long": [change("displayName", "d".repeat(101))],
    "a bucket's is Google's": [change("name", "google-lake", "lake-bucket")],
    "a bucket's is too long": [change("name", "b".repeat(64), "lake-bucket")],
    "an Indexed Job's is too long": [change("metadata.name", "j".repeat(53), "backload-job")],
  },
  fine: { "as long as it may be": [change("accountId", `etl-bids-run-${"p".repeat(17)}`)] },
};
