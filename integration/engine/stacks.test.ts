import { readFileSync } from "node:fs";
import test, { type ExecutionContext } from "ava";
import { EngineStack } from "./stack.ts";
import type { CloudObject } from "./standin/cloud.ts";
import { compiledPolicies } from "./policies.ts";
import { DATA_TYPES, given, isData, OUTPUTS, promotedImage } from "./expected.ts";

type Name = "test" | "production";
const NAMES: readonly Name[] = ["test", "production"];

/** Each stack once it is up, deployed when the first test asks for it; tests work on forks. */
const deployed = new Map<Name, Promise<EngineStack>>();

function ready(name: Name): Promise<EngineStack> {
  const known = deployed.get(name);
  if (known) return known;
  const made = EngineStack.create({ stack: name, config: given(name) }).then(async (stack) => {
    (await stack.up()).ok();
    return stack;
  });
  deployed.set(name, made);
  return made;
}

/** A fork of a stack that is up, cleared away when the test ends. */
async function fork(t: ExecutionContext, name: Name): Promise<EngineStack> {
  const stack = (await ready(name)).fork();
  t.teardown(() => stack.remove());
  return stack;
}

test.after.always("clear up", async () => {
  for (const stack of deployed.values()) (await stack).remove();
});

/** A cloud as text, to compare two: what stands in it, whoever asked for it. */
const standing = (stack: EngineStack) =>
  stack.cloud.all().map(({ type, id, state }) => ({ type, id, state }));

const kindsOf = (steps: readonly { op: string }[]) => [...new Set(steps.map(({ op }) => op))].toSorted();

for (const name of NAMES) {
  test.serial(`${name}: a preview of a new stack breaks no policy and makes nothing`, async (t) => {
    const stack = await EngineStack.create({ stack: name, config: given(name) });
    t.teardown(() => stack.remove());
    const report = (await stack.preview({ policies: await compiledPolicies() })).ok();
    t.deepEqual(report.violations, []);
    t.deepEqual(kindsOf(report.steps), ["create"]);
    t.deepEqual(report.warnings, []);
    t.deepEqual(stack.cloud.all(), []);
  });

  test.serial(
    `${name}: comes up, changes nothing the second time, and gives every output in the open`,
    async (t) => {
      const stack = await fork(t, name);
      const again = (await stack.up({ policies: await compiledPolicies() })).ok();
      t.deepEqual(again.steps, []);
      t.deepEqual(again.violations, []);
      const outputs = await stack.outputs();
      t.deepEqual(Object.keys(outputs).toSorted(), OUTPUTS.toSorted());
      for (const [key, value] of Object.entries(outputs))
        t.regex(String(value), /^(?!\[secret\]$)\S{2,}$/, key);
    },
  );

  test.serial(
    `${name}: an appended column, a label, more CPU and new code are updates and nothing else`,
    async (t) => {
      const stack = await fork(t, name);
      const before = new Set(stack.cloud.all().map(({ type, id }) => `${type} ${id}`));
      stack.configure({
        "mev-boost-etl:labels": { owner: "research" },
        "mev-boost-etl:bidsCpu": 4,
        "mev-boost-etl:bidsMemory": "4Gi",
      });
      if (name === "production") stack.configure({ "mev-boost-etl:image": promotedImage("b") });
      appendColumn(stack);
      const report = (await stack.up()).ok();
      t.deepEqual(kindsOf(report.steps), ["update"]);
      const changed = new Map(
        report.steps.map((step) => [
          step.name,
          step.changed.map((path) => path.replaceAll(/\[\d+\]/g, "[]")),
        ]),
      );
      for (const table of ["bids-bids-table", "payloads-payloads-table"])
        t.true(changed.get(table)?.includes("schema"), table);
      t.true(changed.get("bids-service-run")?.includes("template.containers[].resources.limits.cpu"));
      for (const service of ["bids", "payloads"])
        t.true(changed.get(`${service}-service-run`)?.includes("template.containers[].image"));
      t.true(changed.get("lake-bucket")?.some((path) => path.startsWith("labels")));
      t.deepEqual(new Set(stack.cloud.all().map(({ type, id }) => `${type} ${id}`)), before);
      t.deepEqual((await stack.preview()).ok().steps, []);
    },
  );

  test.serial(
    `${name}: an up that fails half-way, wholly and then partly, is healed by the next`,
    async (t) => {
      const whole = standing(await ready(name));
      const stack = await EngineStack.create({ stack: name, config: given(name) });
      t.teardown(() => stack.remove());
      const half = Math.floor(whole.length / 2);
      stack.cloud.plan([
        { call: "create", nth: half },
        {
          call: "create",
          type: "gcp:cloudrunv2/service:Service",
          nth: 1,
          partly: true,
          message: "the revision isn't ready",
        },
      ]);
      const first = await stack.up();
      t.not(first.code, 0);
      t.regex(first.text, /currently unavailable/);
      const after = stack.cloud.all().length;
      t.true(after >= half - 1 && after < whole.length, `${after} of ${whole.length}`);
      const second = await stack.up();
      t.not(second.code, 0);
      t.regex(second.text, /the revision isn't ready/);
      (await stack.up()).ok();
      t.deepEqual(standing(stack), whole);
      const made = stack.cloud
        .calls()
        .filter(({ call }) => call === "create")
        .map(({ type, id }) => `${type} ${id}`);
      t.is(new Set(made).size, made.length, "something was made twice");
      t.deepEqual((await stack.preview()).ok().steps, []);
    },
  );

  test.serial(`${name}: drift and loss are seen by refresh and mended by up`, async (t) => {
    const stack = await fork(t, name);
    const whole = standing(stack);
    const drifted = drift(stack);
    const seen = (await stack.refresh()).ok();
    t.deepEqual(seen.found.map(({ name: resource }) => resource).toSorted(), drifted.toSorted(), seen.text);
    const mended = (await stack.up()).ok();
    t.deepEqual(mended.steps.map(({ name: resource }) => resource).toSorted(), drifted.toSorted());
    t.deepEqual(standing(stack), whole);
  });
}

/** Edits the definitions of both datasets so that each has a new nullable column at its end. */
function appendColumn(stack: EngineStack): void {
  const column = `{ name: "added", type: "STRING", required: false, description: "Added later", warehouseOnly: true }`;
  for (const dataset of ["bids", "payloads"])
    stack.edit(`runtime/datasets/${dataset}.ts`, (text) =>
      text.replace(/(\n {4}copies,(?:\n {4}\{[^}]*\},)?)(\n {2}\],)/, `$1\n    ${column},$2`),
    );
}

/** Changes and deletes objects behind the engine's back; the names of their resources. */
function drift(stack: EngineStack): string[] {
  const one = (type: string, which: (object: CloudObject) => boolean = () => true): CloudObject => {
    const found = stack.cloud.all().find((object) => object.type === type && which(object));
    if (!found) throw new Error(`no ${type} in the cloud`);
    return found;
  };
  const change = (object: CloudObject, state: Record<string, unknown>) =>
    stack.cloud.put({ ...object, state: { ...object.state, ...state } });
  change(one("gcp:storage/bucket:Bucket"), { labels: {} });
  const isBids = ({ id }: CloudObject) => id.includes("bids");
  change(one("gcp:cloudscheduler/job:Job", isBids), { schedule: "0 0 1 1 *" });
  const dataset = one("gcp:bigquery/dataset:Dataset", ({ id }) => id.includes("private"));
  change(dataset, {
    accesses: [
      ...(dataset.state["accesses"] as unknown[]),
      { role: "OWNER", userByEmail: "stranger@example.com" },
    ],
  });
  const grant = one("gcp:cloudrunv2/serviceIamMember:ServiceIamMember", isBids);
  stack.cloud.remove(grant.type, grant.id);
  return ["lake-bucket", "bids-service-schedule", "datasets-private", "bids-service-invoker"];
}

test.serial(
  "production: a retyped or dropped column and a moved location are refused before anything is touched",
  async (t) => {
    const cases: Record<string, (stack: EngineStack) => void> = {
      // Also by one who has rewritten what was deployed.
      "a retyped column": (stack) => {
        stack.edit("runtime/datasets/definition.ts", (text) =>
          text.replace('"value", "NUMERIC"', '"value", "STRING"'),
        );
        stack.write({ "stacks/golden/schemas.json": "{}" });
      },
      "a dropped column": (stack) =>
        stack.edit("runtime/datasets/definition.ts", (text) =>
          text.replace(/\n +integer\("gas_used".*\),/, ""),
        ),
      "datasets moved": (stack) =>
        stack.configure({
          "mev-boost-etl:bigqueryLocation": "us-central1",
          "mev-boost-etl:canonicalBlocks": {},
        }),
      "the lake moved": (stack) => stack.configure({ "mev-boost-etl:bucketLocation": "US" }),
    };
    for (const [what, change] of Object.entries(cases)) {
      const stack = await fork(t, "production");
      const before = standing(stack);
      change(stack);
      const reports = [await stack.preview(), ...(what === "the lake moved" ? [await stack.up()] : [])];
      for (const report of reports) {
        t.not(report.code, 0, `${what}: ${report.text}`);
        t.regex(report.text, what === "a dropped column" ? /data would be lost/ : /protect/, what);
        t.deepEqual(standing(stack), before, what);
      }
    }
  },
);

test.serial("production: destroy is refused, and what holds data stays", async (t) => {
  const stack = await fork(t, "production");
  const data = standing(stack).filter(({ type }) => DATA_TYPES.has(type));
  const report = await stack.destroy();
  t.not(report.code, 0);
  t.regex(report.text, /protect/);
  t.deepEqual(standing(stack).filter(isData), data.filter(isData));
});

test.serial(
  "relays of a stack's own, with headers from secrets, come up, break no policy, and go",
  async (t) => {
    const secret = (version: string) =>
      `projects/${String(given("test")["gcp:project"])}/secrets/relay-key/versions/${version}`;
    const relays = {
      mine: { url: "https://mine.example:8443", payload_limit: 50, headers: { "X-Api-Key": secret("1") } },
    };
    const stack = await fork(t, "test");
    const policies = await compiledPolicies();
    const grants = () => stack.cloud.all().filter(({ type }) => type.endsWith(":SecretIamMember"));
    stack.configure({ "mev-boost-etl:relays": relays });
    const added = (await stack.up({ policies })).ok();
    t.deepEqual(added.violations, []);
    t.deepEqual(kindsOf(added.steps), ["create", "update"]);
    t.is(grants().length, 2);
    t.deepEqual((await stack.up({ policies })).ok().steps, []);
    // Another version of the secret is no other grant.
    const { mine } = relays;
    stack.configure({ "mev-boost-etl:relays": { mine: { ...mine, headers: { "X-Api-Key": secret("2") } } } });
    t.deepEqual(kindsOf((await stack.up({ policies })).ok().steps), ["update"]);
    stack.configure({ "mev-boost-etl:relays": {} });
    t.deepEqual(kindsOf((await stack.up({ policies })).ok().steps), ["delete", "update"]);
    t.deepEqual(grants(), []);
  },
);

test.serial("test: destroy leaves nothing but the APIs", async (t) => {
  const stack = await fork(t, "test");
  (await stack.destroy()).ok();
  t.deepEqual([...new Set(stack.cloud.all().map(({ type }) => type))], ["gcp:projects/service:Service"]);
  t.deepEqual(await stack.resources(), []);
});

test("the repository is left as it was: no stack file was written into it", (t) => {
  for (const name of NAMES)
    t.false(
      readFileSync(new URL(`../../Pulumi.${name}.yaml`, import.meta.url), "utf8").includes("encryptionsalt"),
    );
});
