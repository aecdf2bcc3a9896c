import { agreesBadly } from "../lake/rereads.ts";
import { rereadsSql } from "../warehouse/sql/rereads.ts";
import { groupBy, numberIn, sumOf, textIn } from "../warehouse/sql/values.ts";
import type { Check, Finding } from "./check.ts";
import { many, manyOf } from "./words.ts";

export const rereadsDiffer: Check = {
  number: 26,
  name: "rereads-differ",
  title: "Answers that differ when they are asked for again",
  looksFor:
    "days of a relay of which, of the slots that ticks read again an hour or more later, more than 0.5 % were answered differently",
  advice:
    "Ticks and `run --follow` go on to read all slots of such a day again, within the relay's rate; `recheck` over its slots does it at once.",
  statements: (d, scope) => ({ rereads: rereadsSql(d, scope) }),
  judge({ rereads = [] }) {
    const findings: Finding[] = [];
    const bad = rereads.filter((row) => agreesBadly(numberIn(row, "slots"), numberIn(row, "differing")));
    for (const rows of groupBy(bad, (row) => `${textIn(row, "dataset")} ${textIn(row, "relay")}`).values()) {
      const share = (row: (typeof rows)[number]) => numberIn(row, "differing") / numberIn(row, "slots");
      const [worst] = rows.toSorted((a, b) => share(b) - share(a));
      if (!worst) continue;
      const [slots, differing] = [numberIn(worst, "slots"), numberIn(worst, "differing")];
      const others = rows.length === 1 ? "" : `, the worst of ${many(rows.length, "such day")}`;
      const what =
        `${textIn(worst, "dataset")}: on ${textIn(worst, "day")} ${manyOf(differing, slots, "slot")} differed when read again, ` +
        `by ${many(numberIn(worst, "rows_gained"), "row")} more${others}`;
      findings.push({ severity: "warning", relay: textIn(worst, "relay"), what });
    }
    const slots = sumOf(rereads, (row) => numberIn(row, "slots"));
    const differing = sumOf(rereads, (row) => numberIn(row, "differing"));
    return { measured: `${manyOf(differing, slots, "slot")} that were read again differed`, findings };
  },
};
