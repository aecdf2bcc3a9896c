import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import ts from "typescript";

const ROOT = join(import.meta.dirname, "../..");
/** Exported by every policy's cases, by that name. */
const BY_CONVENTION = new Set(["cases"]);
/** Named after the rule that it is. */
const RULES = /^policies\/rules\/[^/]+\.ts$/;

/** Names that a file of this text declares and exports. */
function exportedNames(text: string): string[] {
  const { statements } = ts.createSourceFile("any.ts", text, ts.ScriptTarget.Latest);
  return statements.flatMap((statement) => {
    if (!ts.canHaveModifiers(statement)) return [];
    const modifiers = ts.getModifiers(statement) ?? [];
    if (!modifiers.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword)) return [];
    if (ts.isVariableStatement(statement))
      return statement.declarationList.declarations.flatMap(({ name }) =>
        ts.isIdentifier(name) ? [name.text] : [],
      );
    const { name } = statement as { readonly name?: ts.Node };
    return name && ts.isIdentifier(name) ? [name.text] : [];
  });
}

/** Names that more than one of the files exports, each with the files. */
function namesTwice(files: ReadonlyMap<string, string>): ReadonlyMap<string, readonly string[]> {
  const where = new Map<string, string[]>();
  for (const [file, text] of files)
    for (const name of new Set(exportedNames(text)))
      if (!BY_CONVENTION.has(name) && !RULES.test(file)) where.set(name, [...(where.get(name) ?? []), file]);
  return new Map([...where].filter(([, those]) => those.length > 1));
}

test("an exported name stands once: one word for one thing", (t) => {
  const rooms = ["runtime", "components", "stacks", "policies", "deploy", "integration", "bench"];
  const listed = execFileSync("git", ["ls-files", "--", ...rooms], { cwd: ROOT, encoding: "utf8" });
  const names = listed.split("\n").filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts"));
  const files = new Map(names.map((name) => [name, readFileSync(join(ROOT, name), "utf8")]));
  t.true(files.size > 300);
  t.deepEqual([...namesTwice(files)], []);
});

test("a name that is exported twice is seen, whatever it names", (t) => {
  const text = "export interface A {}\nexport function b() {}\nexport const c = 1, d = 2;\nconst e = 3;\n";
  const other = "export type A = 1;\nexport class b {}\nexport const d = 5;\nexport const e = 3;\n";
  const twice = namesTwice(
    new Map([
      ["one.ts", text],
      ["two.ts", other],
    ]),
  );
  t.deepEqual([...twice.keys()], ["A", "b", "d"]);
});
