import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";

const ROOT = join(import.meta.dirname, "../..");
/** A whole path in backticks: of a file by its ending, of a folder by the slash at its end. */
const PATH = /`((?:[\w.-]+\/)*[\w.-]+(?:\.(?:ts|mjs|js|json|sh|yaml|md)|\/))`/g;

/** The paths that a text names and that aren't there; those without a folder of the root lie below runtime. */
function missingPaths(text: string): string[] {
  const paths = Array.from(text.matchAll(PATH), ([, path = ""]) => path);
  return paths.filter((path) => !["", "runtime"].some((base) => existsSync(join(ROOT, base, path))));
}

for (const name of ["ARCHITECTURE.md", "CONTRIBUTING.md"]) {
  test(`every path that ${name} names is there`, (t) => {
    const text = readFileSync(join(ROOT, name), "utf8");
    t.true([...text.matchAll(PATH)].length > 20);
    t.deepEqual(missingPaths(text), []);
  });
}

test("a path that is gone is seen, a file's and a folder's, and a word that is no path isn't taken for one", (t) => {
  const text =
    "`lake/gone.ts`, `lake/lake.ts`, `lake/`, `nowhere/`, `package.json`, `ETL_RATE`, `npm run x`, `*.test.ts`";
  t.deepEqual(missingPaths(text), ["lake/gone.ts", "nowhere/"]);
});

test("ARCHITECTURE.md can be read in one go: at most 200 lines", (t) => {
  t.true(readFileSync(join(ROOT, "ARCHITECTURE.md"), "utf8").split("\n").length <= 201);
});
