import type { Buckets, Scope } from "../warehouse/sql/scope.ts";
import type { ResultRow } from "../warehouse/sql/values.ts";

/** What statements are written from. */
export interface Ask {
  readonly scope: Scope;
  /** Many narrow buckets, for what is shown as cells. */
  readonly fine: Buckets;
  /** Few wide ones, for shares. */
  readonly coarse: Buckets;
}

/** The rows of each statement of a section. */
export type Results = Readonly<Record<string, readonly ResultRow[]>>;
