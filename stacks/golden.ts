import { runtime } from "@pulumi/pulumi";
import type { Registered } from "../components/components.testing.ts";
import { registrations } from "../components/components.testing.ts";
import program from "./index.ts";
import { type CommittedStack, engineConfig } from "./stacks.testing.ts";

/** Runs the program with a committed stack's config, and `more` in place of some of it. */
export async function runStack(stack: CommittedStack, more: Readonly<Record<string, unknown>> = {}) {
  runtime.setAllConfig(engineConfig(stack, more));
  return registrations(program);
}

/** A back-load as a stack may have one, for a golden file of its own: no committed stack has one. */
export const EXAMPLE_BACKLOAD = { range: "4700567-14999999", shards: 1000, parallelism: 20 };

/** The golden files, and what each is made of. */
export const GOLDEN: Readonly<
  Record<string, { readonly stack: CommittedStack; readonly more?: Readonly<Record<string, unknown>> }>
> = {
  test: { stack: "test" },
  production: { stack: "production" },
  "production-publish": {
    stack: "production",
    more: { "mev-boost-etl:publish": { prefix: "mev-boost" }, "mev-boost-etl:publishReaders": ["allUsers"] },
  },
  "production-backload": { stack: "production", more: { "mev-boost-etl:backload": EXAMPLE_BACKLOAD } },
};

/** Where a golden file stands. */
export function goldenUrl(file: string): URL {
  return new URL(`golden/${file}.json`, import.meta.url);
}

/**
 * All that a stack registers, as text that a reviewer reads: sorted by place, keys sorted, JSON and long texts taken apart. The
 * outputs come last.
 */
export async function goldenText(file: string): Promise<string> {
  const golden = GOLDEN[file];
  if (!golden) throw new RangeError(`no golden file ${file}`);
  const { registered, outputs } = await runStack(golden.stack, golden.more);
  const byName = new Map(registered.map((resource) => [resource.name, resource]));
  const place = ({ name, parent }: Registered): string => {
    const above = parent === undefined ? undefined : byName.get(parent);
    return above ? `${place(above)}/${name}` : name;
  };
  const resources = registered
    .map((resource) => ({ resource, at: place(resource) }))
    .toSorted((a, b) => (a.at < b.at ? -1 : 1))
    .map(({ resource, at }) => ({ at, ...shown(resource) }));
  return `${JSON.stringify(readable({ resources, outputs }), null, 1)}\n`;
}

/** A registration without what is as usual. */
function shown({ type, inputs, protect, retainOnDelete, dependsOn, ignoreChanges, ...rest }: Registered) {
  return {
    type,
    ...(Object.keys(inputs).length === 0 ? {} : { inputs }),
    ...(protect ? { protect } : {}),
    ...(retainOnDelete ? { retainOnDelete } : {}),
    ...(dependsOn.length === 0 ? {} : { dependsOn }),
    ...(ignoreChanges.length === 0 ? {} : { ignoreChanges }),
    ...(rest.deletedWith === undefined ? {} : { deletedWith: rest.deletedWith }),
    ...(rest.aliases === 0 ? {} : { aliases: rest.aliases }),
    // All but one type belong to the stack's own provider of gcp.
    ...(rest.provider === "gcp" || rest.provider === undefined ? {} : { provider: rest.provider }),
  };
}

/** Texts that hold JSON as what they hold, texts of several lines as their lines; but for the first level, keys sorted. */
function readable(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(readable);
  if (typeof value === "string") {
    if (/^(?:\[\{|\{")/.test(value)) return { $json: readable(JSON.parse(value)) };
    return value.includes("\n") ? { $lines: value.split("\n") } : value;
  }
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(([key, inner]) => [key, readable(inner)] as const);
  return Object.fromEntries("at" in value || "resources" in value ? entries : entries.toSorted(byKey));
}

function byKey([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : 1;
}
