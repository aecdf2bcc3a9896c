import test from "ava";
import { brokenProgram, ruleCases } from "./broken.ts";
import { compiledPolicies } from "./policies.ts";
import { EngineStack } from "./stack.ts";

const all = await ruleCases();
/** Rules over the whole stack are asked at the end of a preview, and not at all when one over a resource has refused. */
const overStack = all.filter(({ rule }) => "validateStack" in rule);
const together = all.filter((cases) => !overStack.includes(cases));

for (const [title, group] of [
  ["rules over one resource", together],
  ["rules over the whole stack", overStack],
] as const) {
  test.serial(`a preview of a new broken stack is refused by every policy: ${title}`, async (t) => {
    const { files, rules } = brokenProgram(group);
    const stack = await EngineStack.create({
      stack: "production",
      program: files,
      config: { "gcp:project": "example-project" },
    });
    t.teardown(() => stack.remove());
    const report = await stack.preview({ policies: await compiledPolicies() });
    t.not(report.code, 0);
    t.deepEqual(stack.cloud.all(), []);

    const refused = report.violations.filter(({ level }) => level === "mandatory");
    t.deepEqual(
      [...new Set(refused.map(({ policy }) => policy))].toSorted(),
      [...new Set(group.flatMap(({ rule, also = [] }) => [rule.name, ...also]))].toSorted(),
    );
    for (const { policy, resource, message } of refused) {
      const cases = rules.get(resource);
      t.true(
        cases && [cases.rule.name, ...(cases.also ?? [])].includes(policy),
        `${policy} refuses ${resource}`,
      );
      t.true(message.includes(all.find(({ rule }) => rule.name === policy)?.rule.remediationSteps ?? "?"));
    }
  });
}
