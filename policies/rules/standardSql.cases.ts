import { type RuleCases, change } from "./common/cases.ts";
import { bidsTable, coverageViewResource } from "./common/compliant.ts";
import { standardSql } from "./standardSql.ts";

export const cases: RuleCases = {
  rule: standardSql,
  compliant: [coverageViewResource(), bidsTable()],
  broken: {
    "in legacy SQL": [change("view.useLegacySql", true)],
    "that doesn't say in which": [change("view.useLegacySql", undefined)],
  },
};
