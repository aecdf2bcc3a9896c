import {
  ComponentResource,
  type ComponentResourceOptions,
  type CustomResourceOptions,
  InputPropertiesError,
  InputPropertyError,
  type Inputs,
} from "@pulumi/pulumi";
import { type ProtectedKind, PROTECTION } from "./protection.ts";

/** Changes the arguments of one child before it is made: for what this project has no option for. */
export type Transform<Args> = (args: Args) => Args;

/** A component: its children are named `<name>-<noun>` and belong to it. */
export abstract class EtlComponent extends ComponentResource {
  readonly #name: string;
  readonly #protect: boolean;

  protected constructor(
    type: string,
    name: string,
    { protect }: { readonly protect: boolean },
    opts: ComponentResourceOptions | undefined,
  ) {
    super(`mev-boost-etl:index:${type}`, name, {}, opts);
    this.#name = name;
    this.#protect = protect;
  }

  /** A child's logical name. */
  protected child(noun: string): string {
    return `${this.#name}-${noun}`;
  }

  /** A child's options: its parent, and how its kind is guarded. */
  protected options(kind: ProtectedKind, opts: CustomResourceOptions = {}): CustomResourceOptions {
    const { protect, retainOnDelete } = PROTECTION[kind];
    return {
      parent: this,
      ...(this.#protect && protect ? { protect } : {}),
      ...(this.#protect && retainOnDelete ? { retainOnDelete } : {}),
      ...opts,
    };
  }
}

/** One condition on an argument: where it stands, whether it holds, and what is allowed. */
export type ArgumentRule = readonly [propertyPath: string, holds: boolean, reason: string];

/** Throws what names every argument that breaks its rule: an InputPropertyError for one, an InputPropertiesError for more. */
export function validate(component: string, rules: readonly ArgumentRule[]): void {
  const errors = rules
    .filter(([, holds]) => !holds)
    .map(([propertyPath, , reason]) => ({ propertyPath, reason: `${component}: ${reason}` }));
  const [first, ...more] = errors;
  if (!first) return;
  if (more.length === 0) throw new InputPropertyError(first);
  const message = errors.map(({ propertyPath, reason }) => `${propertyPath}: ${reason}`).join("; ");
  throw new InputPropertiesError({ message, errors });
}

/** A child's arguments, changed by what the component was given for it. */
export function transformed<Args extends Inputs>(args: Args, transform: Transform<Args> | undefined): Args {
  return transform ? transform(args) : args;
}
