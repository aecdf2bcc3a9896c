import { countWhere } from "../warehouse/sql/dialect.ts";
import { inScope } from "../warehouse/sql/scope.ts";
import { numberIn, sumOf, textIn } from "../warehouse/sql/values.ts";
import { isBeyondChance } from "./chance.ts";
import type { Check, Finding } from "./check.ts";
import { countFormat, manyOf } from "./words.ts";

/** A bid is for a slot that begins within so long of it, ms. */
const WINDOW_MS = 12_000;
/** Share of a relay's bids that may be dated oddly. */
const USUAL = 0.02;

export const timestamps: Check = {
  number: 17,
  name: "timestamps",
  title: "Times that can't be",
  looksFor:
    "relays whose bids are undated, dated more than 12 s before or after their slot's start, in units other than the field's, or to another second than their milliseconds say",
  advice:
    "Don't compare this relay's times with others'. Relays date different moments (received, inserted, first seen); a constant shift is a clock that is wrong; undated bids have no order.",
  statements: (d, scope) => {
    const time = d.column("timestamp");
    return {
      times: `SELECT relay, count(*) AS bids, ${countWhere(`${time} IS NOT NULL`)} AS dated,
  ${countWhere(`${d.msBetween("block_timestamp", time)} NOT BETWEEN -${WINDOW_MS} AND ${WINDOW_MS}`)} AS outside,
  ${countWhere(`${time} IS NULL AND (timestamp_s > 0 OR timestamp_ms > 0)`)} AS other_units,
  ${countWhere(`${d.floorDiv("timestamp_ms", 1000)} <> timestamp_s`)} AS disagreeing,
  ${countWhere("timestamp_ms IS NULL AND timestamp_s > 0")} AS seconds_only,
  min(${d.msBetween("block_timestamp", time)}) AS earliest, max(${d.msBetween("block_timestamp", time)}) AS latest
FROM bids WHERE ${inScope(d, scope)} GROUP BY relay`,
    };
  },
  judge({ times = [] }) {
    const kinds = [
      ["outside", `dated over ${WINDOW_MS / 1000} s from their slot's start`],
      ["other_units", "dated in other units than the field's"],
      ["disagreeing", "whose seconds and milliseconds disagree"],
    ] as const;
    const undated = times
      .filter((row) => numberIn(row, "dated") + numberIn(row, "other_units") === 0)
      .map((row): Finding => ({
        severity: "warning",
        relay: textIn(row, "relay"),
        what: `${manyOf(0, numberIn(row, "bids"), "bid")} dated: it sends no times, or 0 for them`,
      }));
    const odd = times.flatMap((row) =>
      kinds.flatMap(([column, words]): Finding[] => {
        const [hits, bids] = [numberIn(row, column), numberIn(row, "bids")];
        if (!isBeyondChance(hits, bids, USUAL)) return [];
        const seconds = (name: string) => (Number(row[name]) / 1000).toFixed(1);
        const span =
          column === "outside" ? `, from ${seconds("earliest")} s to ${seconds("latest")} s in all` : "";
        const what = `${manyOf(hits, bids, "bid")} ${words}${span}`;
        return [{ severity: "warning", relay: textIn(row, "relay"), what }];
      }),
    );
    const total = (column: string) => sumOf(times, (row) => numberIn(row, column));
    return {
      measured:
        `${manyOf(total("dated"), total("bids"), "bid")} dated, ${countFormat.format(total("seconds_only"))} of them to the second; ` +
        `${countFormat.format(total("outside"))} outside of ±12 s`,
      findings: [...undated, ...odd],
    };
  },
};
