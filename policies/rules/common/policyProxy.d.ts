import "@pulumi/policy/proxy.js";

// The package exports these and leaves them out of its type declarations.
declare module "@pulumi/policy/proxy.js" {
  /** Thrown on reading a property that a preview can't know. */
  export class UnknownValueError extends Error {}
  /** What a rule is given as `props`: reading an unknown property throws. */
  export function unknownCheckingProxy<T>(inputs: T): T;
  /** How the engine writes an unknown text. */
  export const unknownStringValue: string;
}
