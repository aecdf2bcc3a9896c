import { table } from "./common/kinds.ts";
import { on, resourceRule } from "./common/rule.ts";

interface Column {
  readonly name?: string;
  readonly description?: string;
  readonly fields?: readonly Column[];
}

export const columnsDescribed = resourceRule(
  {
    name: "columns-described",
    severity: "medium",
    description:
      "Every table and every column says what it holds and in which unit: who queries it sees nothing else.",
    remedy:
      "Give the description in the dataset's definition (runtime/datasets), from which the schema follows",
  },
  on(
    table,
    ({ description, tableId }) => !description && `Table ${tableId} has no description`,
    ({ schema, tableId }) =>
      schema === undefined
        ? undefined
        : undescribed(JSON.parse(schema) as Column[]).map(
            (name) => `Column ${tableId}.${name} has no description`,
          ),
  ),
);

/** Names of the columns without a description, those of records with their path. */
function undescribed(columns: readonly Column[], prefix = ""): string[] {
  return columns.flatMap(({ name, description, fields }) => {
    const path = `${prefix}${name ?? "?"}`;
    return [...(description ? [] : [path]), ...undescribed(fields ?? [], `${path}.`)];
  });
}
