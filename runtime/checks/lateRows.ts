import { relayIn } from "../warehouse/sql/scope.ts";
import { suspectsSql } from "../warehouse/sql/suspects.ts";
import { numberIn, sumOf, textIn } from "../warehouse/sql/values.ts";
import type { Check, Finding } from "./check.ts";
import { many } from "./words.ts";

/** Relays write bids seconds late and answer from replicas; a read that comes too early lacks rows. */
export const lateRows: Check = {
  number: 1,
  name: "late-rows",
  title: "Rows that came late",
  looksFor: "slots in which a later read found other rows than the first, since the relay stored some late",
  advice:
    "Run `recheck` over the newest slots of this relay; when it goes on finding rows, read it later (slots are read 50 behind the head).",
  statements: (d, scope) => ({
    revised: `SELECT dataset, relay, sum(revision) AS revisions, count(*) AS chunks, max(first_slot) AS newest_chunk
FROM loads WHERE revision > 0 AND last_slot >= ${scope.range.first} AND first_slot <= ${scope.range.last}${relayIn(d, scope)}
GROUP BY dataset, relay`,
    suspects: suspectsSql(d, scope),
  }),
  judge({ revised = [], suspects = [] }) {
    const differing = suspects.filter((row) => textIn(row, "reason") === "differs");
    const findings = revised.map((row): Finding => {
      const chunks = numberIn(row, "chunks");
      return {
        severity: "warning",
        relay: textIn(row, "relay"),
        what:
          `${textIn(row, "dataset")}: a later read found more in ${many(chunks, "chunk")}, the newest from slot ` +
          `${numberIn(row, "newest_chunk")}`,
      };
    });
    const said = new Set(revised.map((row) => `${textIn(row, "dataset")} ${textIn(row, "relay")}`));
    for (const row of differing) {
      const [dataset, relay] = [textIn(row, "dataset"), textIn(row, "relay")];
      if (said.has(`${dataset} ${relay}`)) continue;
      const slots = many(numberIn(row, "slots"), "slot");
      const what = `${dataset}: two reads of ${slots} differ, and the one with more rows was kept`;
      findings.push({ severity: "warning", relay, what });
    }
    const revisions = sumOf(revised, (row) => numberIn(row, "revisions"));
    return {
      measured: `${many(revisions, "replacement")} of rows by a later read; ${many(
        sumOf(differing, (row) => numberIn(row, "slots")),
        "slot",
      )} with two reads that differ`,
      findings,
    };
  },
};
