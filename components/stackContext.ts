import type { Apis } from "./Apis.ts";
import type { ResourceNames } from "./names.ts";

/** What every component of a stack is told. */
export interface StackContext {
  readonly project: string;
  readonly region: string;
  readonly names: ResourceNames;
  /** On everything that takes labels. */
  readonly labels: Readonly<Record<string, string>>;
  /** Whether what holds data is guarded against deletion; kind by kind in `protection.ts`. */
  readonly protect: boolean;
  /** What has to be on before a resource of its service can be made. */
  readonly apis: Apis;
}
