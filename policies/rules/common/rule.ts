import type { Unwrap } from "@pulumi/pulumi";
import type {
  PolicyConfigSchema,
  PolicyResource,
  ReportViolation,
  ResourceValidationArgs,
  ResourceValidationPolicy,
  Severity,
  StackValidationArgs,
  StackValidationPolicy,
} from "@pulumi/policy";
import { UnknownValueError } from "@pulumi/policy/proxy.js";
import { findings, type RuleFinding, type Found } from "./unknown.ts";

/** A resource type and, for the compiler only, the arguments that it takes. */
export interface ResourceKind<Args> {
  readonly type: string;
  readonly args?: Args;
}

/** One setting of a rule, with the value that it has unless the pack's configuration says otherwise. */
export interface RuleSetting<T> {
  readonly schema: PolicyConfigSchema["properties"][string];
  readonly default: T;
}

type Settings = Readonly<Record<string, RuleSetting<unknown>>>;
type Config<S extends Settings> = { readonly [K in keyof S]: S[K]["default"] };

/** A list of texts as a setting. */
export function textsSetting(description: string, values: readonly string[]): RuleSetting<readonly string[]> {
  const schema = {
    type: "array" as const,
    items: { type: "string" as const },
    description,
    default: [...values],
  };
  return { schema, default: values };
}

/** A whole number as a setting. */
export function numberSetting(description: string, value: number): RuleSetting<number> {
  return { schema: { type: "integer", minimum: 0, description, default: value }, default: value };
}

/** What every rule says of itself. */
interface Text<S extends Settings> {
  readonly name: string;
  readonly severity: Severity;
  /** What must be so, and why. */
  readonly description: string;
  /** What to do when it isn't. */
  readonly remedy: string;
  readonly settings?: S;
}

/** The resource that a check looks at, besides its properties. */
export interface RuleContext<C> {
  readonly type: string;
  readonly name: string;
  readonly urn: string;
  readonly protect: boolean;
  readonly config: C;
}

type Check<Props, C> = (props: Props, context: RuleContext<C>) => Found;

/** Checks for the resources of one type, or of every type that a pattern takes. */
export interface Checks<C> {
  readonly takes: (type: string) => boolean;
  readonly checks: readonly Check<never, C>[];
}

/** Checks for resources of one kind, with their arguments typed. */
export function on<Args, C>(
  kind: ResourceKind<Args>,
  ...checks: Check<Unwrap<NonNullable<Args>>, C>[]
): Checks<C> {
  return { takes: (type) => type === kind.type, checks };
}

/** Checks for resources of every type that `takes` takes. */
export function onTypes<C>(
  takes: (type: string) => boolean,
  ...checks: Check<Readonly<Record<string, unknown>>, C>[]
): Checks<C> {
  return { takes, checks };
}

/** A rule over one resource at a time. Its checks run one by one, and what a preview can't know silences only its own check. */
export function resourceRule<S extends Settings = Record<never, never>>(
  text: Text<S>,
  ...all: Checks<Config<S>>[]
): ResourceValidationPolicy {
  return {
    ...policyText(text),
    validateResource(args: ResourceValidationArgs, report: ReportViolation) {
      const config = configOf(text, args);
      const { type, name, urn, opts } = args;
      const context = { type, name, urn, protect: opts.protect, config };
      conclude(
        text,
        all
          .filter(({ takes }) => takes(type))
          .flatMap(({ checks }) => checks)
          .flatMap((check) => findings(() => check(args.props as never, context)))
          .map((finding) => ({ finding })),
        report,
      );
    },
  };
}

/** What a rule over the whole stack found, and of which resource it speaks. */
export interface StackFinding {
  readonly finding: RuleFinding;
  readonly urn?: string;
}

/** A rule over all resources of a stack together, for what can't be seen in one alone. */
export function stackRule<S extends Settings = Record<never, never>>(
  text: Text<S>,
  check: (resources: readonly PolicyResource[], config: Config<S>) => readonly StackFinding[],
): StackValidationPolicy {
  return {
    ...policyText(text),
    validateStack(args: StackValidationArgs, report: ReportViolation) {
      conclude(text, check(args.resources, configOf(text, args)), report);
    },
  };
}

function policyText({ name, severity, description, remedy, settings }: Text<Settings>) {
  const schema = Object.entries(settings ?? {}).map(([key, setting]) => [key, setting.schema] as const);
  return {
    name,
    severity,
    description,
    remediationSteps: remedy,
    enforcementLevel: "mandatory" as const,
    ...(schema.length > 0 && { configSchema: { properties: Object.fromEntries(schema) } }),
  };
}

function configOf<S extends Settings>(
  { settings }: Text<S>,
  args: { getConfig<T extends object>(): T },
): Config<S> {
  const defaults = Object.entries(settings ?? {}).map(([key, setting]) => [key, setting.default] as const);
  return { ...Object.fromEntries(defaults), ...args.getConfig<Partial<Config<S>>>() } as Config<S>;
}

/** Reports every violation with the remedy, and then tells the engine of the first value that it couldn't know. */
function conclude({ remedy }: Text<Settings>, found: readonly StackFinding[], report: ReportViolation): void {
  for (const { finding, urn } of found) {
    if (typeof finding === "string") report(`${finding}. ${remedy}`, urn);
  }
  const unknown = found.find(({ finding }) => finding instanceof UnknownValueError);
  if (unknown) throw unknown.finding;
}
