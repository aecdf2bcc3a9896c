import { type RuleCases, change } from "./common/cases.ts";
import { lake } from "./common/compliant.ts";
import { softDelete } from "./softDelete.ts";

const days = (count: number) => [change("softDeletePolicy", { retentionDurationSeconds: count * 86_400 })];

export const cases: RuleCases = {
  rule: softDelete,
  compliant: [lake()],
  broken: { "for a day": days(1), "for less than a week": days(6.99), "for more than 90 days": days(91) },
  fine: { "not at all": days(0), "for a week": days(7), "for 90 days": days(90) },
};
