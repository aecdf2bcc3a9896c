import { type RuleCases, change } from "./common/cases.ts";
import { backloadCluster, bidsScheduler, bidsService, lake, privateDataset } from "./common/compliant.ts";
import { locations } from "./locations.ts";

export const cases: RuleCases = {
  rule: locations,
  compliant: [lake(), privateDataset(), bidsService(), bidsScheduler(), backloadCluster()],
  broken: {
    "a service": [change("location", "europe-west1", "bids-service")],
    "a scheduler": [change("region", "us-east1", "bids-scheduler")],
    "a cluster's zone": [change("location", "europe-west1-b", "backload-cluster")],
    "a cluster's nodes": [change("nodeLocations", ["us-central1-b", "us-east1-b"], "backload-cluster")],
  },
  fine: { "written as Google echoes it": [change("location", "US-CENTRAL1")] },
};
