import { type RuleCases, change } from "./common/cases.ts";
import { bidsTable, coverageViewResource } from "./common/compliant.ts";
import { bigTableLayout } from "./bigTableLayout.ts";

export const cases: RuleCases = {
  rule: bigTableLayout,
  compliant: [bidsTable(), coverageViewResource()],
  broken: {
    "not partitioned": [change("timePartitioning", undefined)],
    "not clustered": [change("clusterings", undefined)],
    "clustered by nothing": [change("clusterings", [])],
  },
  fine: {
    "partitioned by slot": [
      change("timePartitioning", undefined),
      change("rangePartitioning", { field: "slot", range: { start: 0, end: 1000, interval: 10 } }),
    ],
    "small and not partitioned": [
      change("tableId", "relays"),
      change("timePartitioning", undefined),
      change("clusterings", undefined),
      change("requirePartitionFilter", undefined),
    ],
  },
};
