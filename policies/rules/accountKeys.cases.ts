import { type RuleCases, change } from "./common/cases.ts";
import { grant, runAccountOf } from "./common/compliant.ts";
import { accountKeys } from "./accountKeys.ts";

export const cases: RuleCases = {
  rule: accountKeys,
  compliant: [runAccountOf("bids-run", "etl-bids-run-production")],
  broken: {
    "of an account": [
      change("", grant("gcp:serviceaccount/key:Key", "key", { serviceAccountId: "etl-bids-run" })),
    ],
    "for the S3 interface": [
      change(
        "",
        grant("gcp:storage/hmacKey:HmacKey", "key", { serviceAccountEmail: "a@b.iam.gserviceaccount.com" }),
      ),
    ],
  },
};
