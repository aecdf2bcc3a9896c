import type {
  Policies,
  PolicyResource,
  ResourceValidationArgs,
  ResourceValidationPolicy,
  StackValidationArgs,
  StackValidationPolicy,
} from "@pulumi/policy";
import { UnknownValueError, unknownCheckingProxy } from "@pulumi/policy/proxy.js";
import type { Resource } from "./cases.ts";

/** What a rule said of resources. */
export interface RuleVerdict {
  readonly violations: readonly { readonly name: string | undefined; readonly message: string }[];
  /** What it couldn't tell because a preview doesn't know a value; the engine shows these as warnings. */
  readonly unknowns: readonly string[];
}

interface Judging {
  /** The stack's name, as its URNs carry it. */
  readonly stack?: string;
  /** The rule's configuration. */
  readonly config?: Readonly<Record<string, unknown>>;
}

/** Asks a rule about resources in the way in which the engine does: one by one, or for a rule of the stack all together. */
export async function judgeRule(
  rule: Policies[number],
  resources: readonly Resource[],
  { stack = "production", config = {} }: Judging = {},
): Promise<RuleVerdict> {
  const violations: { name: string | undefined; message: string }[] = [];
  const unknowns: string[] = [];
  const report = (of: string | undefined) => (message: string, urn?: string) =>
    violations.push({ name: urn?.split("::").at(-1) ?? of, message });
  const given = resources.map((resource) => policyArgs(resource, stack, config));
  const asked = "validateStack" in rule ? [undefined] : given;
  for (const one of asked) {
    try {
      if (one) await validateResource(rule as ResourceValidationPolicy, one, report(one.name));
      else
        await (rule as StackValidationPolicy).validateStack(stackArgs(resources, given), report(undefined));
    } catch (error) {
      if (!(error instanceof UnknownValueError)) throw error;
      unknowns.push(error.message);
    }
  }
  return { violations, unknowns };
}

async function validateResource(
  { validateResource: validations = [] }: ResourceValidationPolicy,
  args: ResourceValidationArgs,
  report: (message: string) => void,
): Promise<void> {
  for (const validation of [validations].flat()) await validation(args, report);
}

function policyArgs(
  resource: Resource,
  stack: string,
  config: Readonly<Record<string, unknown>>,
): ResourceValidationArgs {
  const { type, name, props, protect = false } = resource;
  const isType = (of: object) => "__pulumiType" in of && of.__pulumiType === type;
  const args = unknownCheckingProxy(props) as Record<string, never>;
  return {
    type,
    name,
    urn: `urn:pulumi:${stack}::mev-boost-etl::${type}::${name}`,
    props: args,
    opts: {
      protect,
      ignoreChanges: [],
      aliases: [],
      customTimeouts: { createSeconds: 0, updateSeconds: 0, deleteSeconds: 0 },
      additionalSecretOutputs: [],
    },
    stackTags: new Map(),
    isType,
    asType: ((of: object) => (isType(of) ? args : undefined)) as ResourceValidationArgs["asType"],
    getConfig: <T extends object>() => config as T,
    notApplicable: notApplicable,
  };
}

function stackArgs(
  resources: readonly Resource[],
  given: readonly ResourceValidationArgs[],
): StackValidationArgs {
  const all: PolicyResource[] = given.map((args) => ({
    ...args,
    dependencies: [],
    propertyDependencies: {},
  }));
  for (const [index, { from = {} }] of resources.entries()) {
    const made = Object.entries(from).map(([property, names]) => [
      property,
      all.filter(({ name }) => names.includes(name)),
    ]);
    Object.assign(all[index] as PolicyResource, { propertyDependencies: Object.fromEntries(made) });
  }
  const config = given[0]?.getConfig() ?? {};
  return {
    resources: all,
    stackTags: new Map(),
    getConfig: <T extends object>() => config as T,
    notApplicable,
  };
}

function notApplicable(reason?: string): never {
  throw new Error(`rules don't use notApplicable: ${reason}`);
}
