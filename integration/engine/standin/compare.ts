import { declared } from "./declared.ts";
import { canonical, type StandinKind, type Values } from "./kind.ts";

export interface Difference {
  readonly path: string;
  readonly kind: "add" | "delete" | "update";
  /** Another object is needed. */
  readonly replaces: boolean;
}

/**
 * What is to be done so that what stands in the cloud is what is wanted. As the provider does, it looks at what is asked for
 * now and what was asked for before, and not at what else the server has filled in.
 */
export function differences(
  type: string,
  kind: StandinKind,
  before: Values,
  stands: Values,
  wanted: Values,
): Difference[] {
  const found: Difference[] = [];
  const add = (path: string, how: Difference["kind"], now: unknown, then: unknown) => {
    const form = path.replaceAll(/\[\d+\]/g, "[]");
    const covers = (one: string) =>
      form === one || form.startsWith(`${one}.`) || form.startsWith(`${one}[`) || one.startsWith(`${form}.`);
    const when = kind.replacesWhen?.[form];
    const replaces = when
      ? when(now, then)
      : Boolean(kind.replaces?.some(covers)) || byDeclaration(type, form);
    found.push({ path, kind: how, replaces });
  };
  const compare = (path: string, was: unknown, now: unknown, then: unknown): void => {
    const form = path.replaceAll(/\[\d+\]/g, "[]");
    if (then === undefined) {
      // What the server or the provider fills by itself is no difference when it isn't asked for any more.
      if (was !== undefined && now !== undefined && !filled(type, kind, form)) add(path, "delete", now, then);
      return;
    }
    const same = kind.same?.[form];
    if (same && now !== undefined ? same(now, then) : canonical(now) === canonical(then)) return;
    if (Array.isArray(now) && Array.isArray(then) && now.length === then.length) {
      const order = kind.sets?.includes(form) ? paired(form, kind, now, then) : now;
      if (order) {
        for (const [i, one] of then.entries())
          compare(`${path}[${i}]`, Array.isArray(was) ? was[i] : undefined, order[i], one);
        return;
      }
    }
    if (isMap(now) && isMap(then)) {
      const old = isMap(was) ? was : {};
      for (const key of new Set([...Object.keys(then), ...Object.keys(old)]))
        compare(`${path}.${key}`, old[key], now[key], then[key]);
      return;
    }
    if (empty(now) && empty(then)) return;
    add(path, now === undefined ? "add" : "update", now, then);
  };
  for (const key of new Set([...Object.keys(wanted), ...Object.keys(before)]))
    if (!key.startsWith("__")) compare(key, before[key], stands[key], wanted[key]);
  for (const path of kind.looks?.(stands, wanted) ?? [])
    found.push({ path, kind: "update", replaces: false });
  return found;
}

/** The members of a set in the order of another one, when each has its like there. */
function paired(
  form: string,
  kind: StandinKind,
  now: readonly unknown[],
  then: readonly unknown[],
): unknown[] | undefined {
  const left = [...now];
  const order: unknown[] = [];
  for (const one of then) {
    const at = left.findIndex((other) => alike(`${form}[]`, kind, other, one));
    if (at < 0) return undefined;
    order.push(...left.splice(at, 1));
  }
  return order;
}

/** Whether what is wanted of a member stands in another one, whatever else the server has filled in there. */
function alike(form: string, kind: StandinKind, now: unknown, then: unknown): boolean {
  const same = kind.same?.[form];
  if (same) return same(now, then);
  if (Array.isArray(now) && Array.isArray(then))
    return now.length === then.length && then.every((one, i) => alike(`${form}[]`, kind, now[i], one));
  if (isMap(now) && isMap(then))
    return Object.keys(then).every((key) => alike(`${form}.${key}`, kind, now[key], then[key]));
  return canonical(now) === canonical(then) || (empty(now) && empty(then));
}

function byDeclaration(type: string, form: string): boolean {
  const [top = ""] = form.split(/[.[]/);
  return declared.types[type]?.inputs[top]?.replaces === true;
}

/** Whether a property that nothing is given for is filled in by others. */
function filled(type: string, kind: StandinKind, form: string): boolean {
  if (form.includes(".") || form.includes("[")) return false;
  return kind.defaults?.[form] !== undefined || declared.types[type]?.outputs[form]?.always === true;
}

const isMap = (value: unknown): value is Values =>
  value !== null && typeof value === "object" && !Array.isArray(value);

/** To the provider nothing, an empty list and an empty map are the same; so are false and nothing. */
function empty(value: unknown): boolean {
  if (value === undefined || value === null || value === "" || value === false || value === 0) return true;
  return typeof value === "object" && Object.keys(value).length === 0;
}
