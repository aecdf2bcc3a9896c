import { spawnSync } from "node:child_process";
import { join } from "node:path";
import test from "ava";
import { goldenStacks } from "../../policies/rules/common/golden.testing.ts";
import { ownGoTool } from "../toolCache.ts";

/** What Prometheus's own parser says of each query that it doesn't take. The provider and Google's documents take any text. */
async function refusedQueries(queries: readonly string[]): Promise<string[]> {
  const source = join(import.meta.dirname, "promql");
  const program = await ownGoTool({ program: "promql", source, takes: "half a minute" });
  const { status, stdout, stderr } = spawnSync(program, { input: JSON.stringify(queries), encoding: "utf8" });
  if (status !== 0) throw new Error(`the parser of PromQL failed: ${stderr}`);
  const faults = JSON.parse(stdout) as string[];
  return queries.flatMap((query, index) => (faults[index] ? [`${query}\n${faults[index]}`] : []));
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
  t.deepEqual(await refusedQueries([...alerts, ...charts]), []);
});

test("it refuses one that doesn't end, or that takes an increase of no range", async (t) => {
  const refused = await refusedQueries(["sum(a", "up > 1", "increase(up)"]);
  t.is(refused.length, 2);
  t.regex(refused[0] ?? "", /unclosed left parenthesis/);
  t.regex(refused[1] ?? "", /expected type range vector/);
});
