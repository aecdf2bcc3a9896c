import { DATASET_NAMES, type DatasetName, datasets } from "../datasets/dataset.ts";
import { loadTables } from "../datasets/tables.ts";
import type { SqlDialect } from "../warehouse/sql/dialect.ts";
import { type Scope, inScope, relayIn } from "../warehouse/sql/scope.ts";
import { numberIn, textIn } from "../warehouse/sql/values.ts";
import type { Check, Finding } from "./check.ts";
import { manyOf } from "./words.ts";

/** What tells of the chain has a row for every slot. */
const ASKED_OF_RELAYS = DATASET_NAMES.filter((name) => datasets[name].asked !== "range");

/** A relay answers `[]` also for what it has forgotten or can't see yet; earlier versions took every such answer for the truth. */
export const unprovenEmpty: Check = {
  number: 25,
  name: "unproven-empty",
  title: "Empty slots without proof",
  looksFor:
    "slots that are covered and have no row in the tables, in chunks written before an empty answer needed witnesses; one whose rows are all in quarantine counts too",
  advice:
    "Run `recheck --empty` over these slots: it asks each of them again between slots that show rows, and brings in what they have.",
  statements: (d, scope) =>
    Object.fromEntries(ASKED_OF_RELAYS.map((dataset) => [dataset, emptiesSql(d, scope, dataset)])),
  judge(results) {
    const findings: Finding[] = [];
    let [empties, among] = [0, 0];
    for (const dataset of ASKED_OF_RELAYS) {
      for (const row of results[dataset] ?? []) {
        const [covered, empty] = [numberIn(row, "covered_slots"), numberIn(row, "empty_slots")];
        among += covered;
        empties += empty;
        if (empty === 0) continue;
        const between = `between ${numberIn(row, "first_slot")} and ${numberIn(row, "last_slot")}`;
        const what = `${dataset}: ${manyOf(empty, covered, "covered slot")} of older chunks are empty without proof, ${between}`;
        findings.push({ severity: "warning", relay: textIn(row, "relay"), what });
      }
    }
    const measured = `${manyOf(empties, among, "covered slot")} of older chunks are empty without proof`;
    return { measured, findings };
  },
};

/** Slots are counted in the text of a chunk's bits, and those with rows by chunk: never one by one. */
function emptiesSql(d: SqlDialect, scope: Scope, dataset: DatasetName): string {
  const { first, last } = scope.range;
  const { chunkSlots } = datasets[dataset];
  const chunk = `slot - mod(slot, ${chunkSlots})`;
  const inside = `substr(covered, greatest(${first} - first_slot, 0) + 1, least(${last}, last_slot) - greatest(${first}, first_slot) + 1)`;
  return `WITH chunks AS (
  SELECT relay, first_slot, last_slot, length(replace(${inside}, '0', '')) AS covered_slots
  FROM ${loadTables[dataset].name}
  WHERE unproven IS NULL AND last_slot >= ${first} AND first_slot <= ${last}${relayIn(d, scope)}
), held AS (
  SELECT relay, ${chunk} AS chunk_slot, count(DISTINCT slot) AS full_slots
  FROM ${dataset} WHERE ${inScope(d, scope)} GROUP BY relay, ${chunk}
)
SELECT chunks.relay AS relay, sum(covered_slots) AS covered_slots, sum(greatest(covered_slots - coalesce(full_slots, 0), 0)) AS empty_slots,
  min(CASE WHEN covered_slots > coalesce(full_slots, 0) THEN chunks.first_slot END) AS first_slot,
  max(CASE WHEN covered_slots > coalesce(full_slots, 0) THEN last_slot END) AS last_slot
FROM chunks LEFT JOIN held ON held.relay = chunks.relay AND held.chunk_slot = chunks.first_slot
GROUP BY chunks.relay`;
}
