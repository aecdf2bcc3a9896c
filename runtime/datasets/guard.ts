import type { Dataset } from "./dataset.ts";
import { fieldsOf, type RelayRow } from "./format.ts";

/** The row in canonical form when it is sound and has no unknown fields; undefined when the structural codec has to look. */
export type RowGuard = (u: unknown) => RelayRow | undefined;

/** A guard of the dataset's own fields. A row that is canonical as it came is returned as it is, not copied. */
export function rowGuard(dataset: Dataset): RowGuard {
  const fields = fieldsOf(dataset);
  return (u) => {
    if (typeof u !== "object" || u === null || Object.getPrototypeOf(u) !== Object.prototype)
      return undefined;
    const sent = u as Record<string, unknown>;
    let copy: Record<string, unknown> | undefined;
    let known = 0;
    for (const { name, canonical, required } of fields) {
      const value = sent[name];
      if (value === undefined) {
        if (required) return undefined;
        continue;
      }
      known++;
      const kept = canonical(value);
      if (kept === undefined) return undefined;
      if (kept !== value) (copy ??= { ...sent })[name] = kept;
    }
    for (const _ in sent) known--;
    return known === 0 ? ((copy ?? sent) as RelayRow) : undefined;
  };
}
