import { type RuleCases, change } from "./common/cases.ts";
import { bidsTable, coverageViewResource } from "./common/compliant.ts";
import { partitionFilter } from "./partitionFilter.ts";

export const cases: RuleCases = {
  rule: partitionFilter,
  compliant: [bidsTable(), coverageViewResource()],
  broken: {
    "switched off": [change("requirePartitionFilter", false)],
    "not said": [change("requirePartitionFilter", undefined)],
    "another table of rows": [
      change("tableId", "merged_blocks"),
      change("requirePartitionFilter", undefined),
    ],
  },
  fine: {
    "a table without partitions by day": [
      change("tableId", "canonical_blocks"),
      change("timePartitioning", undefined),
      change("requirePartitionFilter", undefined),
    ],
  },
};
