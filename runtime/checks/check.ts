import type { Relay } from "../relays/relay.ts";
import type { SqlDialect } from "../warehouse/sql/dialect.ts";
import type { Scope } from "../warehouse/sql/scope.ts";
import type { ResultRow } from "../warehouse/sql/values.ts";

/** `error`: what is in the tables is wrong or lost. `warning`: it may mislead whoever doesn't know of it. */
export type Severity = "warning" | "error";

/** Something that a detector found. */
export interface Finding {
  readonly severity: Severity;
  /** Null where it isn't about one relay. */
  readonly relay: string | null;
  /** One line: what, how much, an example. */
  readonly what: string;
}

/** What a check knows besides its statements' results. */
export interface Checking {
  readonly scope: Scope;
  /** The directory, and what only the lake knows. */
  readonly relays: readonly Relay[];
}

/** The rows of each of a check's statements, by name. */
export type CheckRows = Readonly<Record<string, readonly ResultRow[]>>;

/** One detector (facts: relay-data-api §5). */
export interface Check {
  /** Its number in that table. */
  readonly number: number;
  /** For machines: words joined by hyphens. */
  readonly name: string;
  readonly title: string;
  /** What it looks for, one sentence. */
  readonly looksFor: string;
  /** What to do when it finds something. */
  readonly advice: string;
  statements(d: SqlDialect, scope: Scope): Readonly<Record<string, string>>;
  /** Finds nothing in sound data, whatever its oddities. `measured` says what it saw either way, one line. */
  judge(rows: CheckRows, checking: Checking): { measured: string; findings: Finding[] };
}

export interface CheckResult {
  readonly check: Check;
  readonly measured: string;
  readonly findings: readonly Finding[];
}
