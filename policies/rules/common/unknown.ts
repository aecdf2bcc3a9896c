import { UnknownValueError } from "@pulumi/policy/proxy.js";

/** What a check found: a violation in words, or a value that a preview can't know. */
export type RuleFinding = string | UnknownValueError;

/**
 * Runs one check by itself, so that a value that is unknown in a preview silences this check and no other. The unknown
 * is kept among the findings: the engine is told of it after all violations.
 */
export function findings(check: () => Found): RuleFinding[] {
  try {
    const found = check();
    if (found === undefined || found === false) return [];
    return typeof found === "string" ? [found] : found.filter((one) => one !== undefined);
  } catch (error) {
    if (error instanceof UnknownValueError) return [error];
    throw error;
  }
}

/** What a check may return: nothing (or false) when all is well, one violation, or several findings. */
export type Found = string | undefined | false | readonly (RuleFinding | undefined)[];

/** A check for each item of a list, each by itself. */
export function each<T>(
  items: readonly T[] | undefined,
  check: (item: T, index: number) => Found,
): RuleFinding[] {
  return Array.from(items ?? [], (_, index) => index).flatMap((index) =>
    findings(() => check((items as readonly T[])[index] as T, index)),
  );
}

/**
 * The value if it is known, undefined if it isn't set or a preview can't know it. For what only narrows a rule down: a value that
 * a violation depends on is read directly.
 */
export function known<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof UnknownValueError) return undefined;
    throw error;
  }
}

/** Whether something is set, be it known yet or not. What is computed is set. */
export function isSet(read: () => unknown): boolean {
  try {
    const value = read();
    return value !== undefined && value !== null && value !== "";
  } catch (error) {
    if (error instanceof UnknownValueError) return true;
    throw error;
  }
}

/** Whether something is set but can't be known in this preview. */
export function isUnknown(read: () => unknown): boolean {
  try {
    read();
    return false;
  } catch (error) {
    if (error instanceof UnknownValueError) return true;
    throw error;
  }
}

/** Every text in a value with its path; one that a preview can't know is there as undefined. */
export function* texts(value: unknown, path = ""): Generator<[path: string, text: string | undefined]> {
  if (typeof value === "string") yield [path, value];
  else if (typeof value === "object" && value !== null) {
    for (const key of Object.keys(value)) {
      const read = () => (value as Record<string, unknown>)[key];
      const inner = path === "" ? key : `${path}.${key}`;
      if (isUnknown(read)) yield [inner, undefined];
      else yield* texts(read(), inner);
    }
  }
}
