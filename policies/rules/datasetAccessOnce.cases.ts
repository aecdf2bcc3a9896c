import { type RuleCases, change } from "./common/cases.ts";
import { grant, privateDataset, publicDataset } from "./common/compliant.ts";
import { datasetAccessOnce } from "./datasetAccessOnce.ts";
import { unknownStringValue } from "@pulumi/policy/proxy.js";

export const cases: RuleCases = {
  rule: datasetAccessOnce,
  compliant: [
    privateDataset(),
    publicDataset(),
    grant("gcp:bigquery/iamMember:IamMember", "bids-run-table", {
      datasetId: "mev_boost_private_production",
      tableId: "bids",
      role: "roles/bigquery.dataEditor",
      member: "serviceAccount:etl-bids-run-production@example-project.iam.gserviceaccount.com",
    }),
    readerOf("elsewhere", []),
  ],
  broken: {
    "by an IAM member of the dataset": [
      change("", readerOf("mev_boost_private_production", ["datasets-private"]), "reader"),
    ],
    "by an IAM member of its full name": [
      change("", readerOf("projects/example-project/datasets/mev_boost_private_production", []), "reader"),
    ],
    "by an IAM member of a dataset that isn't made yet": [
      change("", readerOf(unknownStringValue, ["datasets-private"]), "reader"),
    ],
  },
};

function readerOf(datasetId: string, made: readonly string[]) {
  return grant(
    "gcp:bigquery/datasetIamMember:DatasetIamMember",
    "reader",
    { datasetId, role: "roles/bigquery.dataViewer", member: "user:reader@example.com" },
    { datasetId: made },
  );
}
