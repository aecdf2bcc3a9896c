import { createRequire } from "node:module";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { unknownStringValue } from "@pulumi/policy/proxy.js";
import test from "ava";
import { policies } from "./all.ts";
import { type CaseChange, changed, type Resource, type RuleCases } from "./common/cases.ts";
import { goldenStacks } from "./common/golden.testing.ts";
import { judgeRule } from "./common/judge.ts";
import { labelsProperty } from "./labels.ts";

const here = import.meta.dirname;
const files = readdirSync(here).filter((file) => file.endsWith(".cases.ts"));
const all = await Promise.all(
  files.map(
    async (file) =>
      ((await import(`./${file.replace(".cases.ts", "")}.cases.ts`)) as { cases: RuleCases }).cases,
  ),
);

/** What the first preview of a stack doesn't know: what the cloud only tells once a thing is made. */
const COMPUTED: Readonly<Record<string, readonly string[]>> = {
  "gcp:bigquery/dataset:Dataset": ["accesses.1.userByEmail"],
  "gcp:bigquery/iamMember:IamMember": ["datasetId", "tableId", "member"],
  "gcp:bigquery/datasetIamMember:DatasetIamMember": ["member"],
  "gcp:bigquery/table:Table": ["datasetId"],
  "gcp:cloudrunv2/job:Job": ["template.template.serviceAccount", "template.template.containers.0.image"],
  "gcp:cloudrunv2/service:Service": ["template.serviceAccount", "template.containers.0.image"],
  "gcp:cloudrunv2/serviceIamMember:ServiceIamMember": ["name", "member"],
  "gcp:cloudscheduler/job:Job": [
    "httpTarget.uri",
    "httpTarget.oidcToken.audience",
    "httpTarget.oidcToken.serviceAccountEmail",
    "httpTarget.oauthToken.serviceAccountEmail",
  ],
  "gcp:container/nodePool:NodePool": ["cluster"],
  "gcp:projects/iAMMember:IAMMember": ["member"],
  "gcp:storage/bucketIAMMember:BucketIAMMember": ["bucket", "member"],
  "kubernetes:batch/v1:Job": ["metadata.namespace", "spec.template.spec.containers.0.image"],
};

for (const { rule, compliant, broken, fine = {}, also = [] } of all) {
  test(`${rule.name} takes what breaks no rule, in a first preview too`, async (t) => {
    for (const resources of [compliant, inPreview(compliant, [])]) {
      for (const one of policies) t.deepEqual((await judgeRule(one, resources)).violations, [], one.name);
    }
  });

  for (const [title, changes] of Object.entries(fine)) {
    test(`${rule.name} takes it: ${title}`, async (t) => {
      t.deepEqual((await judgeRule(rule, changed(compliant, changes))).violations, []);
    });
  }

  for (const [title, changes] of Object.entries(broken)) {
    test(`${rule.name} refuses it, and no other rule does: ${title}`, async (t) => {
      const resources = changed(compliant, changes);
      const { violations } = await judgeRule(rule, resources);
      t.true(violations.length > 0);
      t.true(violations.every(({ message }) => message.endsWith(rule.remediationSteps ?? "?")));
      for (const one of policies.filter(({ name }) => name !== rule.name && !also.includes(name))) {
        t.deepEqual((await judgeRule(one, resources)).violations, [], one.name);
      }
    });

    test(`${rule.name} refuses it although a preview doesn't know the rest: ${title}`, async (t) => {
      const { violations } = await judgeRule(rule, inPreview(changed(compliant, changes), changes));
      t.true(violations.length > 0);
    });
  }
}

/** The resources as a first preview knows them; what the changes set is a constant of the program. */
function inPreview(resources: readonly Resource[], changes: readonly CaseChange[]): Resource[] {
  return resources.map((resource, index) => {
    const own = changes.filter(({ of }) => (of === undefined ? index === 0 : of === resource.name));
    const computed = (COMPUTED[resource.type] ?? [])
      .filter(
        (path) => has(resource.props, path.split(".")) && !own.some((change) => overlaps(change.path, path)),
      )
      .map((path) => ({ path, value: unknownStringValue, of: undefined }));
    return changed([resource], computed)[0] as Resource;
  });
}

const overlaps = (a: string, b: string) => `${a}.`.startsWith(`${b}.`) || `${b}.`.startsWith(`${a}.`);

function has(value: unknown, [key, ...rest]: readonly string[]): boolean {
  if (key === undefined) return true;
  return typeof value === "object" && value !== null && key in value
    ? has((value as Record<string, unknown>)[key], rest)
    : false;
}

test("every rule is listed, has cases, and says why, how bad and what to do", (t) => {
  const rules = readdirSync(here).filter((file) => /^(?!all\.|rules\.)\w+\.ts$/.test(file));
  t.is(policies.length, rules.length);
  t.deepEqual(all.map(({ rule }) => rule.name).toSorted(), policies.map(({ name }) => name).toSorted());
  t.is(new Set(policies.map(({ name }) => name)).size, policies.length);
  for (const { name, description, remediationSteps, severity, enforcementLevel } of policies) {
    t.regex(name, /^[a-z]+(?:-[a-z]+)*$/);
    t.regex(description, /^[A-Z].{20,}\.$/, name);
    t.regex(remediationSteps ?? "", /^[A-Z].{20,}[^.]$/, name);
    t.true(["low", "medium", "high", "critical"].includes(severity ?? ""), name);
    t.is(enforcementLevel, "mandatory");
  }
});

test("every resource type that a rule names exists in the provider's library", (t) => {
  const require = createRequire(import.meta.url);
  const gcp = require("@pulumi/gcp") as Record<string, Record<string, { __pulumiType?: string }>>;
  const named = readdirSync(here, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts") && !file.endsWith(".test.ts"))
    .flatMap((file) => readFileSync(join(here, file), "utf8").match(/(?<=")gcp:\w+\/\w+:\w+(?=")/g) ?? []);
  t.true(named.length > 20);
  for (const token of new Set(named)) {
    const [, space = "", className = ""] = /^gcp:(\w+)\/\w+:(\w+)$/.exec(token) ?? [];
    t.is(gcp[space]?.[className]?.__pulumiType, token);
  }
});

const golden = goldenStacks();

test("every stack has a golden file", (t) => {
  t.deepEqual(golden.map(({ stack }) => stack).toSorted(), [
    "production",
    "production-backload",
    "production-publish",
    "test",
  ]);
});

for (const { stack, resources } of golden) {
  test(`stack ${stack} passes every rule`, async (t) => {
    t.true(resources.length > 50);
    for (const rule of policies) {
      t.deepEqual(await judgeRule(rule, resources, { stack }), { violations: [], unknowns: [] }, rule.name);
    }
  });
}

test("the labels rule knows every type of the stacks that takes labels", (t) => {
  const types = new Set(golden.flatMap(({ resources }) => resources.map(({ type }) => type)));
  const google = [...types].filter((type) => type.startsWith("gcp:"));
  t.true(google.length > 15);
  for (const type of google) {
    const [, space = "", className = ""] = /^gcp:(\w+)\/\w+:(\w+)$/.exec(type) ?? [];
    const folder = join(here, "../../node_modules/@pulumi/gcp", space);
    const file = readdirSync(folder).find((name) => name.toLowerCase() === `${className.toLowerCase()}.d.ts`);
    const declared = readFileSync(join(folder, file ?? "?"), "utf8").split(
      `export interface ${className}Args {`,
    )[1];
    const property = /^ {4}(labels|userLabels|resourceLabels)\?:/m.exec(declared ?? "")?.[1];
    t.is(labelsProperty(type), property, type);
  }
});
