import { type Kind, text, type Values } from "../kind.ts";
import { accountOf } from "./iam.ts";

const PROVIDER = "hashicorp/terraform-provider-google, google/services";

/** Types that no stack registers, and that a program must be able to register for a policy to refuse them. */
export const refused: Readonly<Record<string, Kind>> = {
  "gcp:serviceaccount/key:Key": {
    id: (v) => `projects/-/serviceAccounts/${text(v.serviceAccountId)}/keys/0`,
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
    id: (v) => `projects/${text(v.project)}/hmacKeys/${text(v.serviceAccountEmail)}`,
    api: "storage.googleapis.com",
    source: `${PROVIDER}/storage/resource_storage_hmac_key.go (ForceNew)`,
    replaces: ["serviceAccountEmail", "project"],
  },
  "gcp:bigquery/datasetIamMember:DatasetIamMember": {
    id: (v) => `projects/${text(v.project)}/datasets/${text(v.datasetId)} ${text(v.role)} ${text(v.member)}`,
    api: "bigquery.googleapis.com",
    source: `${PROVIDER}/bigquery/iam_bigquery_dataset.go (every property ForceNew)`,
    replaces: ["datasetId", "project", "role", "member", "condition"],
    idempotent: true,
    needs: (v) => accountOf(v.member),
  },
  "gcp:cloudrunv2/job:Job": {
    id: (v: Values) => `projects/${text(v.project)}/locations/${text(v.location)}/jobs/${text(v.name)}`,
    api: "run.googleapis.com",
    source: `${PROVIDER}/cloudrunv2/resource_cloud_run_v2_job.go (ForceNew)`,
    replaces: ["name", "location", "project"],
    deletionProtected: true,
  },
};
