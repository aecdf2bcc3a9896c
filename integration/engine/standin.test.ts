import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import fc from "fast-check";
import { declaration } from "./declare.ts";
import { withStack } from "./stack.ts";
import { faultsOf } from "./standin/check.ts";
import { differences } from "./standin/compare.ts";
import { declared } from "./standin/declared.ts";
import { kindOf, stateOf } from "./standin/objects.ts";
import { changeable, sameSchema, serverSchema } from "./standin/tableSchema.ts";

const BUCKET = "gcp:storage/bucket:Bucket";
const bucket = { name: "a-lake", location: "us-central1", project: "engine-check-project" };
const DATASET = "gcp:bigquery/dataset:Dataset";
const dataset = {
  datasetId: "a_dataset",
  location: "US",
  project: "engine-check-project",
  accesses: [
    { role: "OWNER", specialGroup: "projectOwners" },
    { role: "READER", userByEmail: "reader@example.com" },
  ],
};

const reasons = (type: string, inputs: Record<string, unknown>) =>
  faultsOf(type, kindOf(type), inputs).map(({ property, reason }) => `${property}: ${reason}`);

test("what the stand-ins know is what the installed SDKs declare (npm run declare writes it anew)", (t) => {
  t.deepEqual(declared, JSON.parse(JSON.stringify(declaration())));
});

test("an unknown type or property, a missing required one or a wrong kind of value is a fault", (t) => {
  t.deepEqual(reasons(BUCKET, bucket), []);
  t.throws(() => kindOf("gcp:storage/bucket:Buckets"), {
    message: /doesn't know gcp:storage\/bucket:Buckets/,
  });
  t.like(reasons(BUCKET, { ...bucket, colour: "blue" }), {
    0: "colour: no such property in the SDK's declarations",
    length: 1,
  });
  t.like(reasons(BUCKET, { name: "a-lake" }), { 0: "location: is required and missing", length: 1 });
  t.regex(
    reasons(BUCKET, { ...bucket, lifecycleRules: [{ action: { type: "Delete" }, conditions: {} }] }).join(),
    /lifecycleRules\[0\]\.condition: is required.*lifecycleRules\[0\]\.conditions: no such/,
  );
  t.regex(
    reasons(BUCKET, { ...bucket, forceDestroy: "perhaps" }).join(),
    /forceDestroy: is "perhaps", no boolean/,
  );
});

test("what the server gives back in its own form is no difference, and what others changed is one", (t) => {
  const kind = kindOf(DATASET);
  const stands = stateOf(DATASET, kind.id(dataset), dataset);
  t.notDeepEqual(stands["accesses"], dataset.accesses);
  t.deepEqual(differences(DATASET, kind, dataset, stands, dataset), []);
  const stranger = {
    ...stands,
    accesses: [...(stands["accesses"] as unknown[]), { role: "OWNER", userByEmail: "stranger@example.com" }],
  };
  t.deepEqual(
    differences(DATASET, kind, dataset, stranger, dataset).map(({ path, replaces }) => [path, replaces]),
    [["accesses", false]],
  );
  // What the API writes in its own words stays a difference for ever: the stand-in must show it.
  const worded = {
    ...dataset,
    accesses: [{ role: "roles/bigquery.dataViewer", userByEmail: "reader@example.com" }],
  };
  t.is(differences(DATASET, kind, worded, stateOf(DATASET, kind.id(worded), worded), worded).length, 1);
  const moved = differences(DATASET, kind, dataset, stands, { ...dataset, location: "EU" });
  t.deepEqual(
    moved.map(({ path, replaces }) => [path, replaces]),
    [["location", true]],
  );
});

const column = fc.record({
  name: fc.stringMatching(/^[a-z]{1,8}$/),
  type: fc.constantFrom("STRING", "INT64", "INTEGER", "BOOL", "NUMERIC", "TIMESTAMP"),
  mode: fc.constantFrom("NULLABLE", "REQUIRED"),
});
const schema = fc.uniqueArray(column, { selector: ({ name }) => name, minLength: 1, maxLength: 12 });

test("a table's schema: the server's form means the same, appended nullable columns are taken in place, others aren't", (t) => {
  fc.assert(
    fc.property(schema, fc.nat(), (columns, n) => {
      const given = JSON.stringify(columns);
      const server = serverSchema(given);
      t.true(sameSchema(server, given));
      t.true(changeable(server, given));
      const added = (mode: string) =>
        JSON.stringify([...columns, { name: "brand_new_one", type: "STRING", mode }]);
      t.true(changeable(server, added("NULLABLE")));
      t.false(changeable(server, added("REQUIRED")));
      t.false(sameSchema(server, added("NULLABLE")));
      const at = n % columns.length;
      const retyped = columns.map((one, i) =>
        i === at ? { ...one, type: one.type === "STRING" ? "NUMERIC" : "STRING" } : one,
      );
      t.false(changeable(server, JSON.stringify(retyped)));
      // The provider does drop a column in place, unless another is added with it.
      const dropped = columns.filter((_, i) => i !== at);
      t.true(changeable(server, JSON.stringify(dropped)));
      t.false(changeable(server, JSON.stringify([...dropped, { name: "brand_new_one", type: "STRING" }])));
    }),
  );
});

/** A small program of its own: the engine, the stand-ins and the runner without the stacks. */
const PROGRAM = {
  "Pulumi.yaml": "name: small\nruntime:\n  name: nodejs\n  options:\n    typescript: false\n",
  "package.json": JSON.stringify({ name: "small", version: "0.0.0", type: "commonjs", main: "index.js" }),
  "index.js": `
const gcp = require("@pulumi/gcp");
const wanted = require("./wanted.json");
const api = new gcp.projects.Service("api", { service: "storage.googleapis.com", disableOnDestroy: false });
new gcp.storage.Bucket("lake", wanted, { dependsOn: api });
`,
};

test("the engine's run fails on what the stand-ins find, and takes what they don't", (t) =>
  withStack(
    {
      stack: "small",
      program: { ...PROGRAM, "wanted.json": "{}" },
      config: { "gcp:project": "engine-check-project" },
    },
    async (stack) => {
      const want = (wanted: object) => writeFileSync(join(stack.tree, "wanted.json"), JSON.stringify(wanted));
      want({ name: "a-lake", location: "us-central1", forceDestroy: "perhaps" });
      const refused = await stack.preview();
      t.not(refused.code, 0);
      t.regex(refused.text, /forceDestroy.*is "perhaps", no boolean/);
      want({ name: "a-lake", location: "us-central1" });
      (await stack.up()).ok();
      t.deepEqual(
        stack.cloud
          .all()
          .map(({ id }) => id)
          .toSorted(),
        ["a-lake", "engine-check-project/storage.googleapis.com"],
      );
      t.is(stack.cloud.get(BUCKET, "a-lake")?.state["location"], "US-CENTRAL1");
      t.deepEqual((await stack.preview()).ok().steps, []);
      t.false(readFileSync(join(stack.tree, "Pulumi.yaml"), "utf8").includes("plugins"));
    },
  ));
