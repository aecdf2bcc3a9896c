import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { given } from "./expected.ts";
import { EngineStack } from "./stack.ts";

/** Every file of the backend with what is in it and when it was last written. */
function backend(stack: EngineStack): string[] {
  const folder = join(stack.folder, "state");
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .toSorted()
    .map((path) => [path, statSync(join(folder, path))] as const)
    .filter(([, stat]) => stat.isFile())
    .map(([path, stat]) => `${path} ${stat.mtimeMs} ${readFileSync(join(folder, path), "utf8")}`);
}

// The account that previews pull requests may read the state and not write it.
test.serial("a preview writes nothing into the state, not even one that refreshes", async (t) => {
  const stack = await EngineStack.create({ stack: "test", config: given("test") });
  t.teardown(() => stack.remove());
  (await stack.up()).ok();
  const before = backend(stack);
  t.true(before.length > 0);
  (await stack.preview()).ok();
  (await stack.preview({ args: ["--refresh", "--expect-no-changes"] })).ok();
  t.deepEqual(backend(stack), before);
});
