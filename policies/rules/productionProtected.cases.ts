import { type RuleCases, change } from "./common/cases.ts";
import { bidsTable, coverageViewResource, lake, privateDataset } from "./common/compliant.ts";
import { productionProtected } from "./productionProtected.ts";

export const cases: RuleCases = {
  rule: productionProtected,
  compliant: [lake(), privateDataset(), bidsTable(), coverageViewResource()],
  broken: {
    "a bucket": [change("protect", false)],
    "a bucket that goes with its objects": [change("forceDestroy", true)],
    "a dataset": [change("protect", false, "datasets-private")],
    "a dataset that goes with its tables": [change("deleteContentsOnDestroy", true, "datasets-private")],
    "a table": [change("protect", false, "bids-table")],
    "a table whose columns may be dropped": [change("deletionProtection", false, "bids-table")],
  },
  fine: {
    "a dataset whose tables expire": [
      change("protect", false, "datasets-private"),
      change("defaultTableExpirationMs", 86_400_000, "datasets-private"),
      change("deleteContentsOnDestroy", true, "datasets-private"),
    ],
  },
};
