import { readFileSync } from "node:fs";
import { parse } from "yaml";

/** The stacks whose config is committed. */
export const STACKS = ["test", "production"] as const;
export type CommittedStack = (typeof STACKS)[number];

/** What no committed file says: whose project it is, and for production which image was promoted. */
const GIVEN: Readonly<Record<CommittedStack, Readonly<Record<string, unknown>>>> = {
  test: { "gcp:project": "example-project" },
  production: {
    "gcp:project": "example-project",
    "mev-boost-etl:image": {
      ref: `us-central1-docker.pkg.dev/example-project/mev-boost-etl-production/mev-boost-etl@sha256:${"0123456789abcdef".repeat(4)}`,
    },
  },
};

/** Pulumi.yaml, as far as the tests read it. */
export interface ProjectFile {
  readonly name: string;
  readonly config: Readonly<
    Record<string, { readonly type: string; readonly default: unknown; readonly description: string }>
  >;
}

/** A file of the repository's root, parsed. */
export function yamlFile(name: string): unknown {
  return parse(readFileSync(new URL(`../${name}`, import.meta.url), "utf8"));
}

export const projectFile = yamlFile("Pulumi.yaml") as ProjectFile;

/** A stack's config as the engine gives it to the program: the defaults of Pulumi.yaml, the stack's file, then `more`. */
export function engineConfig(
  stack: CommittedStack,
  more: Readonly<Record<string, unknown>> = {},
): Record<string, string> {
  const { config } = yamlFile(`Pulumi.${stack}.yaml`) as { config: Record<string, unknown> };
  const defaults = Object.entries(projectFile.config).map(([key, { default: value }]) => [
    `${projectFile.name}:${key}`,
    value,
  ]);
  const all = { ...Object.fromEntries(defaults), ...config, ...GIVEN[stack], ...more };
  return Object.fromEntries(
    Object.entries(all).map(([key, value]) => [
      key,
      typeof value === "string" ? value : JSON.stringify(value),
    ]),
  );
}
