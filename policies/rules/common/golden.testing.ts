import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Resource } from "./cases.ts";

const FOLDER = join(import.meta.dirname, "../../../stacks/golden");

/** A resource as `stacks/golden` writes it. */
interface Golden {
  readonly at: string;
  readonly type: string;
  readonly inputs?: Readonly<Record<string, unknown>>;
  readonly protect?: boolean;
  readonly dependsOn?: readonly string[];
}

/** A golden file, with the resources of its stack as the program registers them. */
export interface GoldenStack {
  readonly stack: string;
  readonly path: string;
  readonly resources: readonly Resource[];
}

/** Every golden file that shows a stack; others beside them hold something else. */
export function goldenStacks(): readonly GoldenStack[] {
  return readdirSync(FOLDER).flatMap((file) => {
    const path = join(FOLDER, file);
    const { resources } = JSON.parse(readFileSync(path, "utf8")) as { resources?: readonly Golden[] };
    return resources
      ? [{ stack: file.replace(/\.json$/, ""), path, resources: resources.map(registered) }]
      : [];
  });
}

function registered({ at, type, inputs = {}, protect = false, dependsOn = [] }: Golden): Resource {
  const props = whole(inputs) as Record<string, unknown>;
  // Which property a dependency comes from isn't written down: it may be any.
  const from = Object.fromEntries(Object.keys(props).map((property) => [property, dependsOn]));
  return { type, name: at.split("/").at(-1) ?? at, props, protect, from };
}

/** The texts that are shown taken apart, put together again. */
function whole(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(whole);
  if (typeof value !== "object" || value === null) return value;
  if ("$json" in value) return JSON.stringify(whole(value.$json));
  if ("$lines" in value) return (value.$lines as string[]).join("\n");
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, whole(inner)]));
}
