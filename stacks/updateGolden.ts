import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { format, resolveConfig } from "prettier";
import { withKeys } from "./projectFile.ts";

// `npm run golden`: writes Pulumi.yaml's keys, and what each stack registers, for the tests to compare and for reviewers to
// read. The documents' tables of it: npm run docs. What the tables were is only added to: a column that is gone stops it.
const project = new URL("../Pulumi.yaml", import.meta.url);
const yaml = withKeys(await readFile(project, "utf8"));
await writeFile(project, await format(yaml, { ...(await resolveConfig(project)), parser: "yaml" }));
// These read Pulumi.yaml as they are loaded: a key that is new must stand there first.
const { GOLDEN, goldenText, goldenUrl, runStack } = await import("./golden.ts");
const { committedSchemas, schemaFaults, schemasOf, schemasUrl } = await import("./schemas.ts");

await mkdir(new URL(".", schemasUrl), { recursive: true });
const schemas = schemasOf((await runStack("production")).registered);
const faults = existsSync(schemasUrl) ? schemaFaults(committedSchemas(), schemas) : [];
if (faults.length > 0) {
  process.stderr.write(`${faults.join("\n")}\nNothing was written.\n`);
  process.exitCode = 1;
} else {
  await writeFile(schemasUrl, `${JSON.stringify(schemas, null, 1)}\n`);
  for (const file of Object.keys(GOLDEN)) await writeFile(goldenUrl(file), await goldenText(file));
  process.stdout.write("Pulumi.yaml and stacks/golden are up to date; npm run docs writes the documents\n");
}
