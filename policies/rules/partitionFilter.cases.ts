import { type RuleCases, change } from "./common/cases.ts";
import { bidsTable, coverageViewResource } from "./common/compliant.ts";
import { partitionFilter } from "./partitionFilter.ts";

export const cases: RuleCases = {
  rule: partitionFilter,
  compliant: [bidsTable(), coverageViewResource()],
  broken: {
    "switched off": [change("requirePartitionFilter", false)],
    "not said": [change("requirePartitionFilter", undefined)],
  },
  fine: {
    "another table": [change("tableId", "canonical_blocks"), change("requirePartitionFilter", undefined)],
  },
};
