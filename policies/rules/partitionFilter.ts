import { table } from "./common/kinds.ts";
import { on, resourceRule } from "./common/rule.ts";

export const partitionFilter = resourceRule(
  {
    name: "partition-filter",
    severity: "high",
    description:
      "A query on a table that is partitioned by day has to name its days: one without would read all of it, bids at several hundred dollars a time.",
    remedy: "Set requirePartitionFilter: true on the table",
  },
  on(table, (props) => {
    if (!props.timePartitioning || props.view) return;
    return (
      props.requirePartitionFilter !== true && `Table ${props.tableId} can be read without a partition filter`
    );
  }),
);
