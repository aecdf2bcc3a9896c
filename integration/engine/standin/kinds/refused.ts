import { type StandinKind, textOrNone, type Values } from "../kind.ts";
import { accountOf } from "./iam.ts";

const PROVIDER = "hashicorp/terraform-provider-google, google/services";

/** Types that no deployed stack registers, and that a program must be able to register for a policy to refuse them. */
export const refused: Readonly<Record<string, StandinKind>> = {
  "gcp:serviceaccount/key:Key": {
    id: (v) => `projects/-/serviceAccounts/${textOrNone(v.serviceAccountId)}/keys/0`,
    api: "iam.googleapis.com",
    source: `${PROVIDER}/resourcemanager/resource_google_service_account_key.go (every property ForceNew)`,
    replaces: [
      "serviceAccountId",
      "keyAlgorithm",
      "privateKeyType",
      "publicKeyType",
      "publicKeyData",
      "keepers",
    ],
  },
  "gcp:storage/hmacKey:HmacKey": {
    id: (v) => `projects/${textOrNone(v.project)}/hmacKeys/${textOrNone(v.serviceAccountEmail)}`,
    api: "storage.googleapis.com",
    source: `${PROVIDER}/storage/resource_storage_hmac_key.go (ForceNew)`,
    replaces: ["serviceAccountEmail", "project"],
  },
  "gcp:bigquery/datasetIamMember:DatasetIamMember": {
    id: (v) =>
      `projects/${textOrNone(v.project)}/datasets/${textOrNone(v.datasetId)} ${textOrNone(v.role)} ${textOrNone(v.member)}`,
    api: "bigquery.googleapis.com",
    source: `${PROVIDER}/bigquery/iam_bigquery_dataset.go (every property ForceNew)`,
    replaces: ["datasetId", "project", "role", "member", "condition"],
    idempotent: true,
    needs: (v) => accountOf(v.member),
  },
  "gcp:cloudrunv2/job:Job": {
    id: (v: Values) =>
      `projects/${textOrNone(v.project)}/locations/${textOrNone(v.location)}/jobs/${textOrNone(v.name)}`,
    api: "run.googleapis.com",
    source: `${PROVIDER}/cloudrunv2/resource_cloud_run_v2_job.go (ForceNew)`,
    replaces: ["name", "location", "project"],
    deletionProtected: true,
  },
  "gcp:cloudrunv2/jobIamMember:JobIamMember": {
    id: (v) =>
      `projects/${textOrNone(v.project)}/locations/${textOrNone(v.location)}/jobs/${textOrNone(v.name)} ${textOrNone(v.role)} ${textOrNone(v.member)}`,
    api: "run.googleapis.com",
    source: `${PROVIDER}/cloudrunv2/iam_cloud_run_v2_job.go (every property ForceNew)`,
    replaces: ["name", "location", "project", "role", "member", "condition"],
    idempotent: true,
    needs: (v) => accountOf(v.member),
  },
};
