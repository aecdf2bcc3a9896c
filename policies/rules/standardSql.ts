import { table } from "./common/kinds.ts";
import { on, resourceRule } from "./common/rule.ts";

export const standardSql = resourceRule(
  {
    name: "standard-sql",
    severity: "medium",
    description: "Views are in GoogleSQL: the provider takes a view that doesn't say so for legacy SQL.",
    remedy: "Set view.useLegacySql: false",
  },
  on(table, ({ view, tableId }) => view && view.useLegacySql !== false && `View ${tableId} is in legacy SQL`),
);
