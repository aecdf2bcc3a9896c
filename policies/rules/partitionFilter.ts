import { table } from "./common/kinds.ts";
import { on, resourceRule, textsSetting } from "./common/rule.ts";

export const partitionFilter = resourceRule(
  {
    name: "partition-filter",
    severity: "high",
    description:
      "A query on bids has to name its days: one without would read the whole table, at several hundred dollars a time.",
    remedy: "Set requirePartitionFilter: true on the table",
    settings: { tables: textsSetting("Tables that require a partition filter", ["bids"]) },
  },
  on(table, (props, { config }) => {
    if (!config.tables.includes(props.tableId) || props.view) return;
    return (
      props.requirePartitionFilter !== true && `Table ${props.tableId} can be read without a partition filter`
    );
  }),
);
