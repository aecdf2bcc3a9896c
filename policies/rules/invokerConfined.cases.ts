import { type RuleCases, change } from "./common/cases.ts";
import {
  bidsScheduler,
  bidsService,
  bucketGrant,
  emailOf,
  grant,
  invokerGrant,
  jobScheduler,
  oneOffJob,
  privateDataset,
  runAccountOf,
} from "./common/compliant.ts";
import { invokerConfined } from "./invokerConfined.ts";

const INVOKER = `serviceAccount:${emailOf("etl-bids-call-production")}`;

export const cases: RuleCases = {
  rule: invokerConfined,
  compliant: [
    bidsScheduler(),
    bidsService(),
    jobScheduler(),
    oneOffJob(),
    runAccountOf("publish-call", "etl-publish-call-production"),
    grant(
      "gcp:cloudrunv2/jobIamMember:JobIamMember",
      "publish-call-grant",
      {
        name: "mev-boost-etl-once-production",
        location: "us-central1",
        role: "roles/run.invoker",
        member: `serviceAccount:${emailOf("etl-publish-call-production")}`,
      },
      { member: ["publish-call"] },
    ),
    runAccountOf("bids-call", "etl-bids-call-production"),
    runAccountOf("bids-run", "etl-bids-run-production"),
    invokerGrant(),
    bucketGrant(),
    privateDataset(),
    // A second service, and who may call it.
    grant(
      "gcp:cloudrunv2/serviceIamMember:ServiceIamMember",
      "second-grant",
      {
        name: "mev-boost-etl-second-production",
        location: "us-central1",
        role: "roles/run.invoker",
        member: "user:operator@example.com",
      },
      {},
    ),
  ],
  broken: {
    "it may write the lake": [change("member", INVOKER, "bids-run-lake")],
    "it may call a second service": [change("member", INVOKER, "second-grant")],
    "it may change its service": [change("role", "roles/run.developer", "bids-call-grant")],
    "it may change the job that it starts": [change("role", "roles/run.developer", "publish-call-grant")],
    "who starts a job may write the lake": [
      change("member", `serviceAccount:${emailOf("etl-publish-call-production")}`, "bids-run-lake"),
    ],
    "it may read the dataset": [
      change("accesses.1.userByEmail", emailOf("etl-bids-call-production"), "datasets-private"),
    ],
  },
};
