import { bucket } from "./common/kinds.ts";
import { on, resourceRule } from "./common/rule.ts";

const DAY_SECONDS = 86_400;

export const softDelete = resourceRule(
  {
    name: "soft-delete",
    severity: "medium",
    description:
      "A bucket's soft delete lasts as long as the API takes: 0, or 7 to 90 days. The provider doesn't look, so that a deployment would fail half-way.",
    remedy: "Set softDeletePolicy.retentionDurationSeconds to 0, or to 7 to 90 days in seconds",
  },
  // Source: cloud.google.com/storage/docs/soft-delete, retention duration.
  on(bucket, ({ softDeletePolicy }) => {
    const seconds = softDeletePolicy?.retentionDurationSeconds;
    if (seconds === undefined || seconds === 0) return false;
    return (
      !(seconds >= 7 * DAY_SECONDS && seconds <= 90 * DAY_SECONDS) &&
      `What is deleted is kept ${seconds} s (${seconds / DAY_SECONDS} days), which the API refuses`
    );
  }),
);
