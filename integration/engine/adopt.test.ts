import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { given } from "./expected.ts";
import { withStack } from "./stack.ts";
import { type Values } from "./standin/kind.ts";

const DATASET = "gcp:bigquery/dataset:Dataset";
const TABLE = "gcp:bigquery/table:Table";

/** A file for `pulumi import`, as `pulumi preview --import-file` writes it. */
interface ImportFile {
  readonly resources: readonly {
    readonly name: string;
    readonly type: string;
    readonly id?: string;
    readonly parent?: string;
    readonly component?: boolean;
  }[];
}

/** Leaves of an import file what has an id here, and the components that it belongs to. */
function chooseImports(file: string, ids: ReadonlyMap<string, string>): void {
  const all = JSON.parse(readFileSync(file, "utf8")) as ImportFile;
  const chosen = new Set<string | undefined>(ids.keys());
  for (const { name, parent } of all.resources.toReversed()) if (chosen.has(name)) chosen.add(parent);
  const resources = all.resources
    .filter(({ name, component }) => ids.has(name) || (component && chosen.has(name)))
    .map((one) => (ids.has(one.name) ? { ...one, id: ids.get(one.name) } : one));
  writeFileSync(file, JSON.stringify({ ...all, resources }));
}

test("a table that exists already, with the first of our columns, is adopted and grows", (t) =>
  withStack({ stack: "test", config: given("test") }, async (stack) => {
    const file = join(stack.folder, "import.json");
    const planned = (await stack.preview({ args: ["--import-file", file] })).ok();
    const inputs = (name: string): Values => planned.inputs(name);

    // What somebody made before: a dataset of that name, and in it the table, without the columns that came last.
    const project = String(given("test")["gcp:project"]);
    const dataset = { project, location: "US", datasetId: inputs("datasets-private")["datasetId"] };
    const columns = JSON.parse(String(inputs("payloads-payloads-table")["schema"])) as { mode: string }[];
    const lastRequired = columns.findLastIndex(({ mode }) => mode === "REQUIRED");
    t.true(
      lastRequired < columns.length - 1,
      "nothing can be appended: BigQuery takes no new required column",
    );
    const { timePartitioning, clusterings, tableId } = inputs("payloads-payloads-table");
    const table = {
      ...dataset,
      tableId,
      timePartitioning,
      clusterings,
      schema: JSON.stringify(columns.slice(0, lastRequired + 1)),
    };
    const ids = { datasets: `projects/${project}/datasets/${String(dataset.datasetId)}`, table: "" };
    ids.table = `${ids.datasets}/tables/${String(tableId)}`;
    stack.cloud.put({ type: DATASET, id: ids.datasets, inputs: dataset, state: dataset });
    stack.cloud.put({
      type: TABLE,
      id: ids.table,
      inputs: table,
      state: { ...table, deletionProtection: true },
    });

    // Without adopting them, the stack can't come up.
    const wanted = new Map([
      ["datasets-private", ids.datasets],
      ["payloads-payloads-table", ids.table],
    ]);
    chooseImports(file, wanted);
    (await stack.up({ args: ["--target", "**pulumi:providers:gcp::gcp"] })).ok();
    await stack.run([
      "import",
      "--file",
      file,
      "--yes",
      "--skip-preview",
      "--generate-code=false",
      "--protect=false",
    ]);

    const report = (await stack.up()).ok();
    t.deepEqual([...new Set(report.steps.map(({ op }) => op))].toSorted(), ["create", "update"]);
    t.deepEqual(report.names("update").toSorted(), [...wanted.keys()].toSorted());
    const grown = JSON.parse(String(stack.cloud.get(TABLE, ids.table)?.state["schema"])) as unknown[];
    t.is(grown.length, columns.length);
    t.deepEqual(
      stack.cloud.calls().filter(({ call }) => call === "delete"),
      [],
    );
    t.deepEqual((await stack.preview()).ok().steps, []);
  }));
