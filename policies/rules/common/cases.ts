import type { Policies } from "@pulumi/policy";
import type { ResourceKind } from "./rule.ts";

/** A resource as a program registers it, for the tests of the rules. */
export interface Resource {
  readonly type: string;
  /** Logical name, by which other resources of a case refer to it. */
  readonly name: string;
  readonly props: Readonly<Record<string, unknown>>;
  readonly protect?: boolean;
  /** By property, the names of the resources that it was made from. */
  readonly from?: Readonly<Record<string, readonly string[]>>;
}

/** One field set to another value, or taken away by undefined. */
export interface CaseChange {
  /** Such as `template.containers.0.image`; `protect` is the option, and an empty path the whole resource. */
  readonly path: string;
  readonly value: unknown;
  /** Which resource, by its name; the first one where it isn't said. */
  readonly of: string | undefined;
}

/** What a rule must take and refuse. */
export interface RuleCases {
  readonly rule: Policies[number];
  /** Resources that break no rule at all, of which the rule looks at the first or at all. */
  readonly compliant: readonly Resource[];
  /** What makes them break this rule, and no other: title to changes. */
  readonly broken: Readonly<Record<string, readonly CaseChange[]>>;
  /** What may be changed without breaking it. */
  readonly fine?: Readonly<Record<string, readonly CaseChange[]>>;
  /** Rules that the same faults break too. */
  readonly also?: readonly string[];
}

/** A resource of a kind, with its arguments held to the provider's types. */
export function resource<Args>(
  { type }: ResourceKind<Args>,
  name: string,
  args: NoInfer<Args>,
  more: Pick<Resource, "protect" | "from"> = {},
): Resource {
  return { type, name, props: args as Record<string, unknown>, ...more };
}

export function change(path: string, value: unknown, of?: string): CaseChange {
  return { path, value, of };
}

/** The resources with the changes made. Throws RangeError where a change has nothing to change. */
export function changed(resources: readonly Resource[], changes: readonly CaseChange[]): Resource[] {
  const made = structuredClone(resources) as Resource[];
  for (const { path, value, of } of changes) {
    const index = of === undefined ? 0 : made.findIndex(({ name }) => name === of);
    const target = made[index];
    if (!target) throw new RangeError(`no resource ${of} to change`);
    if (path === "") made[index] = value as Resource;
    else if (path === "protect") made[index] = { ...target, protect: value === true };
    else set(target.props as Record<string, unknown>, path.split("."), value);
  }
  return made;
}

function set(object: Record<string, unknown>, [key = "", ...rest]: string[], value: unknown): void {
  if (rest.length > 0) {
    const inner = object[key];
    if (typeof inner !== "object" || inner === null) throw new RangeError(`nothing at ${key} to change`);
    set(inner as Record<string, unknown>, rest, value);
  } else if (value === undefined) {
    if (!(key in object)) throw new RangeError(`nothing at ${key} to take away`);
    delete object[key];
  } else object[key] = value;
}
