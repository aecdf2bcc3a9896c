import { type RuleCases, change } from "./common/cases.ts";
import { bidsTable, coverageViewResource } from "./common/compliant.ts";
import { columnsDescribed } from "./columnsDescribed.ts";

export const cases: RuleCases = {
  rule: columnsDescribed,
  compliant: [bidsTable(), coverageViewResource()],
  broken: {
    "a table": [change("description", undefined)],
    "a view": [change("description", "", "coverage-view")],
    "a column": [change("schema", JSON.stringify([{ name: "relay", type: "STRING", mode: "REQUIRED" }]))],
    "a column inside of a record": [
      change(
        "schema",
        JSON.stringify([
          { name: "bid", type: "RECORD", description: "A bid", fields: [{ name: "slot", type: "INTEGER" }] },
        ]),
      ),
    ],
  },
};
