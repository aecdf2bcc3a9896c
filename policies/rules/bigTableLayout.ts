import { table } from "./common/kinds.ts";
import { on, resourceRule, textsSetting } from "./common/rule.ts";

export const bigTableLayout = resourceRule(
  {
    name: "big-table-layout",
    severity: "high",
    description:
      "Big tables are partitioned and clustered: every query pays for what it reads, and without either it reads years of bids.",
    remedy: "Set timePartitioning (by day of block_timestamp) and clusterings (relay, slot first)",
    settings: {
      tables: textsSetting("Tables that grow big", [
        "bids",
        "payloads",
        "adjustments",
        "merged_blocks",
        "headers",
        "chain_blocks",
      ]),
    },
  },
  on(
    table,
    (props, { config }) => {
      if (!config.tables.includes(props.tableId) || props.view) return;
      const { timePartitioning, rangePartitioning } = props;
      return !timePartitioning && !rangePartitioning && `Table ${props.tableId} isn't partitioned`;
    },
    (props, { config }) => {
      if (!config.tables.includes(props.tableId) || props.view) return;
      return !props.clusterings?.length && `Table ${props.tableId} isn't clustered`;
    },
  ),
);
