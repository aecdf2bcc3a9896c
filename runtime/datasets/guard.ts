import type { Dataset } from "./dataset.ts";
import { type Field, fieldsOf, isPlainInteger, type RelayRow } from "./format.ts";
import type { HashBatch } from "./hashBatch.ts";

/** Fields in which the rows of one slot mostly agree. */
export const STEADY_FIELDS: ReadonlySet<string> = new Set([
  "slot",
  "parent_hash",
  "proposer_pubkey",
  "proposer_fee_recipient",
  "gas_limit",
  "block_number",
]);

/** The row in canonical form when it is sound and has no unknown fields; undefined when the structural codec has to look. */
export type RowGuard = (u: unknown) => RelayRow | undefined;

/**
 * A guard generated from the dataset's own fields: a function with a line a field, which V8 runs much faster than a loop
 * over descriptions of fields. A row that is canonical as it came is returned as it is, not copied. With `hashes`, those
 * that differ from row to row are only put there: the rows count once the batch is found sound.
 */
export function rowGuard(dataset: Dataset, hashes?: HashBatch): RowGuard {
  const fields = fieldsOf(dataset);
  const source = [
    ...fields.flatMap((field, i) =>
      STEADY_FIELDS.has(field.name) ? [`let sent${i}, kept${i}, same${i};`] : [],
    ),
    "return (u) => {",
    "if (typeof u !== 'object' || u === null || Object.getPrototypeOf(u) !== Object.prototype) return undefined;",
    "let known = 0, v, kept, copy;",
    ...fields.map((field, i) => checkOf(field, i, hashes !== undefined)),
    "for (const name in u) known--;",
    "return known === 0 ? (copy ?? u) : undefined;",
    "};",
  ].join("\n");
  // Nothing from outside is in the text: names come from the dataset's definition, and values are arguments.
  // oxlint-disable-next-line typescript/no-implied-eval
  const make = new Function("fields", "isPlainInteger", "hashes", source) as (
    ...given: [readonly Field[], typeof isPlainInteger, HashBatch | undefined]
  ) => RowGuard;
  return make(fields, isPlainInteger, hashes);
}

/** The lines that check one field of row `u`, count it as known, and put what is to be rewritten into `copy`. */
function checkOf(field: Field, i: number, batched: boolean): string {
  const { name, required, format } = field;
  const put = (kept: string) => `(copy ??= { ...u }).${name} = ${kept};`;
  const check = STEADY_FIELDS.has(name)
    ? `if (v !== sent${i}) { sent${i} = v; kept${i} = fields[${i}].canonical(v); same${i} = kept${i} === v; }
       if (!same${i}) { if (kept${i} === undefined) return undefined; ${put(`kept${i}`)} }`
    : `if (!(${quickCheck(format, batched)})) {
         kept = fields[${i}].canonical(v);
         if (kept === undefined) return undefined;
         if (kept !== v) ${put("kept")}
       }`;
  return `v = u.${name};
    if (v !== undefined) { known++; ${check} } ${required ? "else return undefined;" : ""}`;
}

/** What says of nearly every value of a format that it is canonical as it came. */
function quickCheck(format: Field["format"], batched: boolean): string {
  if (format === "int64") return "isPlainInteger(v, 15)";
  if (format === "wei") return "isPlainInteger(v, 29)";
  if (format === "bool") return "typeof v === 'boolean'";
  return format === "hash" && batched ? "hashes.take(v)" : "false";
}
