import test from "ava";
import { goldenStacks } from "../../policies/rules/common/golden.testing.ts";
import { checkRules } from "../promtool.ts";

/** What Prometheus says of queries that it doesn't take; "" where it takes all. The provider and Google's documents take any text. */
function refusedQueries(queries: readonly string[]): Promise<string> {
  const rules = queries.map((expr, index) => ({ record: `query_${index}`, expr }));
  return checkRules(JSON.stringify({ groups: [{ name: "queries", rules }] }));
}

/** Every text of a key, however deep. */
function textsBelow(value: unknown, key: string): string[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) =>
    name === key && typeof inner === "string" ? [inner] : textsBelow(inner, key),
  );
}

const below = (type: string, key: string) =>
  goldenStacks().flatMap(({ resources }) =>
    resources
      .filter((resource) => resource.type === `gcp:monitoring/${type}`)
      .flatMap(({ props: { dashboardJson = "{}", ...props } }) => [
        ...textsBelow(props, key),
        ...textsBelow(JSON.parse(String(dashboardJson)), key),
      ]),
  );

test("Prometheus takes every query of the alerts and the dashboards", async (t) => {
  const alerts = below("alertPolicy:AlertPolicy", "query");
  const charts = below("dashboard:Dashboard", "prometheusQuery");
  t.true(alerts.length >= 30 && charts.length >= 30, `${alerts.length} alerts, ${charts.length} charts`);
  t.is(await refusedQueries([...alerts, ...charts]), "");
});

test("it refuses one that doesn't end, or that takes an increase of no range", async (t) => {
  const refused = await refusedQueries(["sum(a", "up > 1", "increase(up)"]);
  t.regex(refused, /query_0.*unclosed left parenthesis/);
  t.notRegex(refused, /query_1/);
  t.regex(refused, /query_2.*expected type range vector/);
});
