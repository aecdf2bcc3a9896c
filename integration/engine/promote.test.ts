import { execFile } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import test from "ava";
import { parse } from "yaml";
import { EngineStack } from "./stack.ts";

const PROJECT = "engine-check-project";
const REPOSITORY = `us-central1-docker.pkg.dev/${PROJECT}/mev-boost-etl-production`;
const SOURCE = "us-central1-docker.pkg.dev/test-project/mev-boost-etl-test/mev-boost-etl";
const digest = (hex: string) => `sha256:${hex.repeat(32)}`;
const REGISTRY_TYPE = "gcp:artifactregistry/repository:Repository";

/** gcloud and skopeo as far as promote.sh uses them: repositories are the pretended cloud's, copies are written down. */
const TOOLS = {
  gcloud: `ls "$ETL_STANDIN_CLOUD" | grep -q . || exit 1
grep -rhoE '"repositoryId": *"[^"]+"' "$ETL_STANDIN_CLOUD" | sed -E 's/.*"([^"]+)"$/projects\\/p\\/locations\\/l\\/repositories\\/\\1/'`,
  skopeo: `case $1 in
  copy) echo "$4 $5" >>"$HOME/copies" ;;
  inspect) echo "\${4##*@}" ;;
esac`,
};

async function promote(stack: EngineStack, source: string): Promise<{ code: number; text: string }> {
  const bin = join(stack.folder, "bin");
  mkdirSync(bin, { recursive: true });
  stack.write(
    Object.fromEntries(
      Object.entries(TOOLS).map(([name, body]) => [`../bin/${name}`, `#!/bin/sh\n${body}\n`]),
    ),
  );
  for (const name of Object.keys(TOOLS)) chmodSync(join(bin, name), 0o755);
  const script = join(import.meta.dirname, "../../deploy/promote.sh");
  return new Promise((resolve) => {
    execFile(
      "bash",
      [script, source, REPOSITORY],
      { cwd: stack.tree, env: { ...stack.env, PATH: [bin, stack.env["PATH"]].join(delimiter) } },
      (error, out, err) => resolve({ code: error ? Number(error.code) : 0, text: `${out}${err}` }),
    );
  });
}

test.serial(
  "production is deployed from nothing with the very image that test runs, and then with the next one",
  async (t) => {
    const stack = await EngineStack.create({ stack: "production", config: { "gcp:project": PROJECT } });
    t.teardown(() => stack.remove());
    const copies = () => readFileSync(join(stack.folder, "home/copies"), "utf8").trim().split("\n");
    const file = join(stack.tree, "Pulumi.production.yaml");
    const image = () =>
      (parse(readFileSync(file, "utf8")) as { config: Record<string, { ref?: string }> }).config[
        "mev-boost-etl:image"
      ];

    const first = await promote(stack, `${SOURCE}@${digest("ab")}`);
    t.is(first.code, 0, first.text);
    // The repository and the API that it needs, and nothing else yet.
    t.deepEqual(
      stack.cloud
        .all()
        .map(({ type }) => type)
        .toSorted(),
      [REGISTRY_TYPE, "gcp:projects/service:Service"],
    );
    t.deepEqual(copies(), [
      `docker://${SOURCE}@${digest("ab")} docker://${REPOSITORY}/mev-boost-etl:deployed-production`,
    ]);
    t.deepEqual(image(), { ref: `${REPOSITORY}/mev-boost-etl@${digest("ab")}` });
    (await stack.up()).ok();
    t.is((await stack.outputs())["image"], `${REPOSITORY}/mev-boost-etl@${digest("ab")}`);

    const next = await promote(stack, `${SOURCE}@${digest("cd")}`);
    t.is(next.code, 0, next.text);
    t.is(copies().length, 2);
    const up = (await stack.up()).ok();
    t.deepEqual(up.steps.map(({ op, name }) => `${op} ${name}`).toSorted(), [
      "update bids-service-run",
      "update payloads-service-run",
    ]);
    t.is((await stack.outputs())["image"], `${REPOSITORY}/mev-boost-etl@${digest("cd")}`);
  },
);

test.serial("what is no image by digest is refused before anything is changed", async (t) => {
  const stack = await EngineStack.create({ stack: "production", config: { "gcp:project": PROJECT } });
  t.teardown(() => stack.remove());
  const { code, text } = await promote(stack, `${SOURCE}:latest`);
  t.is(code, 2);
  t.regex(text, /is no image by digest/);
  t.deepEqual(stack.cloud.all(), []);
  t.false(existsSync(join(stack.folder, "home/copies")));
});
