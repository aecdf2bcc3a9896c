import { type RuleCases, change } from "./common/cases.ts";
import {
  bidsService,
  bucketGrant,
  PROJECT,
  pagesGrant,
  invokerGrant,
  privateDataset,
  publicDataset,
} from "./common/compliant.ts";
import { publicAccess } from "./publicAccess.ts";

export const cases: RuleCases = {
  rule: publicAccess,
  compliant: [bucketGrant(), pagesGrant(), invokerGrant(), privateDataset(), publicDataset(), bidsService()],
  broken: {
    "of a bucket to everybody": [change("member", "allUsers")],
    "of the public bucket to everybody who writes": [
      change("member", "allUsers"),
      change("role", "roles/storage.objectUser"),
      change("bucket", `${PROJECT}-mev-boost-public-production`),
    ],
    "of the lake's bucket to everybody who reads": [
      change("member", "allUsers"),
      change("role", "roles/storage.objectViewer"),
    ],
    "of a service to every account": [change("member", "allAuthenticatedUsers", "bids-call-grant")],
    "of the private dataset to every account": [
      change("accesses.1", { role: "READER", specialGroup: "allAuthenticatedUsers" }, "datasets-private"),
    ],
    "of the private dataset to everybody by IAM": [
      change("accesses.1", { role: "READER", iamMember: "allUsers" }, "datasets-private"),
    ],
    "of another folder to everybody": [change("managedFolder", "mainnet/", "reports-reader")],
    "of the public folder to everybody who writes": [
      change("role", "roles/storage.objectUser", "reports-reader"),
    ],
    "of a service by switching its check off": [change("invokerIamDisabled", true, "bids-service")],
  },
  fine: {
    "all of the public bucket is read by everybody": [
      change("member", "allUsers"),
      change("role", "roles/storage.objectViewer"),
      change("bucket", `${PROJECT}-mev-boost-public-production`),
    ],
    "the public dataset has no readers": [change("accesses", [], "datasets-public")],
  },
};
