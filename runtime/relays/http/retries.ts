import { codeOf } from "../../errors.ts";
import type { RelayError } from "./errors.ts";

/** How often a question is asked, and how its retries are spread. */
export interface RetryLimits {
  /** Times that one question is asked before it is given up. */
  readonly attempts: number;
  /** The wait before the n-th retry is random below this · 2^(n−1), ms … */
  readonly backOffMs: number;
  /** … and below this. */
  readonly longestBackOffMs: number;
}

export const DEFAULT_RETRIES: RetryLimits = { attempts: 5, backOffMs: 500, longestBackOffMs: 30_000 };

/** A name that doesn't resolve rarely does a minute later: such a request is sent this often only. */
const DNS_ATTEMPTS = 3;
/** So often a relay is waited for that hasn't been of use yet. */
const SILENT_ATTEMPTS = 2;

/** Times that a question is asked which fails so; `proven`: the relay has been of use. */
export function attemptsFor(error: RelayError, { attempts }: RetryLimits, proven: boolean): number {
  if (isDnsFault(error)) return Math.min(attempts, DNS_ATTEMPTS);
  return error.kind === "timeout" && !proven ? Math.min(attempts, SILENT_ATTEMPTS) : attempts;
}

/** The longest wait before the next attempt, ms; the attempts so far are counted from 1. */
export function backOffCeiling(error: RelayError, attempt: number, limits: RetryLimits): number {
  const { backOffMs, longestBackOffMs } = limits;
  return isDnsFault(error) ? backOffMs : Math.min(longestBackOffMs, backOffMs * 2 ** (attempt - 1));
}

function isDnsFault(error: RelayError): boolean {
  const code = codeOf(error.cause);
  return code === "ENOTFOUND" || code === "EAI_AGAIN";
}
