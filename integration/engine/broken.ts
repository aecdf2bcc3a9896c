import { readdirSync } from "node:fs";
import { join } from "node:path";
import { changed, type Resource, type RuleCases } from "../../policies/rules/common/cases.ts";
import { declared } from "./standin/declared.ts";

/** A program that registers nothing but what breaks the policies: of each rule the first case, with names of its own. */
export interface BrokenProgram {
  /** Its files, as a stack runs them. */
  readonly files: Readonly<Record<string, string>>;
  /** By logical name, the rule that the resource's case breaks. */
  readonly rules: ReadonlyMap<string, RuleCases>;
}

const rulesFolder = join(import.meta.dirname, "../../policies/rules");

/** What each rule must refuse, as it stands beside the rules. */
export async function ruleCases(): Promise<readonly RuleCases[]> {
  const files = readdirSync(rulesFolder).filter((file) => file.endsWith(".cases.ts"));
  return Promise.all(
    files.map(async (file) => ((await import(join(rulesFolder, file))) as { cases: RuleCases }).cases),
  );
}

/** The program of the broken cases of some rules. */
export function brokenProgram(all: readonly RuleCases[]): BrokenProgram {
  const rules = new Map<string, RuleCases>();
  const resources = all.flatMap((cases) =>
    changed(cases.compliant, Object.values(cases.broken)[0] ?? []).map((resource): Resource => {
      const nameOf = (name: string) => `${cases.rule.name}-${name}`;
      rules.set(nameOf(resource.name), cases);
      const from = Object.entries(resource.from ?? {}).map(([property, names]) => [
        property,
        names.map(nameOf),
      ]);
      return {
        ...resource,
        name: nameOf(resource.name),
        from: Object.fromEntries(from) as Resource["from"] & object,
      };
    }),
  );
  return {
    rules,
    files: {
      "Pulumi.yaml": "name: broken\nruntime:\n  name: nodejs\n  options:\n    typescript: false\n",
      "package.json": JSON.stringify({
        name: "broken",
        version: "0.0.0",
        type: "commonjs",
        main: "index.js",
      }),
      "resources.json": JSON.stringify(resources),
      "index.js": PROGRAM.replace("VERSIONS", JSON.stringify(declared.versions)),
    },
  };
}

/** Registers what stands in resources.json. A property that was made from other resources depends on them. */
const PROGRAM = `
const pulumi = require("@pulumi/pulumi");
const versions = VERSIONS;
const made = new Map();
const waiting = require("./resources.json");
while (waiting.length > 0) {
  const one = waiting.shift();
  const sources = Object.values(one.from).flat();
  if (sources.some((name) => waiting.some((other) => other.name === name))) {
    waiting.push(one);
    continue;
  }
  const props = { ...one.props };
  for (const [property, names] of Object.entries(one.from)) {
    const urns = names.filter((name) => made.has(name)).map((name) => made.get(name).urn);
    const value = props[property];
    if (value !== undefined) props[property] = pulumi.all(urns).apply(() => value);
  }
  const options = { protect: one.protect, version: versions[one.type.split(":")[0]] };
  made.set(one.name, new pulumi.CustomResource(one.type, one.name, props, options));
}
`;
