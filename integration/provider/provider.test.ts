import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
import test from "ava";
import { policies } from "../../policies/rules/all.ts";
import { changed, type Resource } from "../../policies/rules/common/cases.ts";
import { goldenStacks } from "../../policies/rules/common/golden.testing.ts";
import { judgeRule } from "../../policies/rules/common/judge.ts";
import { MUTATIONS, UNSHOWN } from "./mutations.ts";
import { judgeCases, judgeFiles, type ProviderCase, type ProviderFinding } from "./provider.ts";

const golden = goldenStacks();
const registered = golden.flatMap(({ resources }) => resources).filter(({ type }) => type.startsWith("gcp:"));
const files = golden.map(({ path }) => path);

const shown = ({ file, at, type, stage, text }: ProviderFinding) =>
  `${basename(file)}: ${at} (${type}), ${stage}: ${text}`;
const named = ({ name, type, props }: Resource): ProviderCase => ({ at: name, type, inputs: props });

test("Google's provider takes every resource of the golden files, as its validators and its plan see them", async (t) => {
  const { findings, resources, requests } = await judgeFiles(files, { requests: false });
  t.deepEqual(findings.map(shown), []);
  t.is(resources, registered.length);
  t.true(resources > 200);
  t.is(requests, 0);
});

test("what their creates would send is what Google's descriptions of its APIs have", async (t) => {
  const { findings, resources, requests } = await judgeFiles(files, { requests: true });
  t.deepEqual(findings.map(shown), []);
  t.is(resources, registered.length);
  // At least one each; a create that sends nothing is a finding.
  t.true(requests >= resources);
});

test("kinds that no golden file shows are taken too", async (t) => {
  const { findings, requests } = await judgeCases(UNSHOWN.map(named));
  t.deepEqual(findings.map(shown), []);
  t.true(requests >= UNSHOWN.length);
});

test("ten known faults are found, each where it lies", async (t) => {
  const path = join(import.meta.dirname, "faults.json");
  const { findings } = await judgeFiles([path], { requests: true });
  const counts: Record<string, number> = {};
  for (const { at } of findings) counts[at] = (counts[at] ?? 0) + 1;
  t.deepEqual(counts, { argument: 1, required: 1, enum: 2, name: 2, json: 2, request: 2 });
  t.is(findings.length, 10);
});

test("a type that isn't known yet fails with the line to add", async (t) => {
  const type = "gcp:alloydb/backupPlan:BackupPlan";
  const { findings } = await judgeCases([{ at: "backup", type, inputs: {} }]);
  t.deepEqual(
    findings.map(({ stage, text }) => `${stage} ${text}`),
    [
      `type isn't known to this check: add the line\n\t"${type}": "google_alloydb_backup_plan",\nto integration/provider/judge/types.go`,
    ],
  );
});

/** Resources with the first of a mutation's type that its change fits changed, and that one's place. */
function mutated({ type, changes, fault }: (typeof MUTATIONS)[number]) {
  for (const resources of [...golden.map((one) => one.resources), UNSHOWN])
    for (const [index, resource] of resources.entries()) {
      // A view has neither schema nor clustering.
      if (resource.type !== type || resource.props["view"] !== undefined) continue;
      try {
        const [made] = changed([resource], changes);
        if (made) return { made, all: resources.with(index, made) };
      } catch (error) {
        if (!(error instanceof RangeError)) throw error; // nothing there to change
      }
    }
  throw new Error(`no ${type} that ${fault} can be made: take its row out of mutations.ts`);
}

const mutants = MUTATIONS.map((mutation) => ({ ...mutation, ...mutated(mutation) }));
const judged = judgeCases(mutants.map(({ made }, index) => ({ ...named(made), at: String(index) })));

for (const [index, { type, fault, provider, policy, all }] of mutants.entries()) {
  test(`${type} that ${fault} is caught by ${policy ?? "the provider"}`, async (t) => {
    const said = (await judged).findings.filter(({ at }) => at === String(index)).map(({ text }) => text);
    if (provider) t.regex(said.join("\n"), provider);
    // Else the provider sees it by now, and the policy may go.
    else t.deepEqual(said, []);
    const rule = policies.find(({ name }) => name === policy);
    t.is(rule !== undefined, policy !== undefined);
    if (rule) t.true((await judgeRule(rule, all)).violations.length > 0);
  });
}

test("each kind that the golden files show has a mutation, and so has each kind that is judged", (t) => {
  const kinds = new Set(MUTATIONS.map(({ type }) => type));
  const text = readFileSync(join(import.meta.dirname, "judge/types.go"), "utf8");
  const judgedTypes = [...text.matchAll(/"(gcp:\w+\/\w+:\w+)":/g)].map(([, type = ""]) => type);
  t.true(kinds.size >= 12);
  t.deepEqual([...kinds].toSorted(), judgedTypes.toSorted());
  t.deepEqual(
    [...new Set(registered.map(({ type }) => type))].filter((type) => !kinds.has(type)),
    [],
  );
});
