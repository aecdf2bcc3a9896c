import { IN_THE_MIDDLE, NARROW, namedRows } from "../axes.ts";
import { count, shortCount, slotsAndTime } from "../format.ts";
import { bucketSql, inScope, scopeSlots } from "../../warehouse/sql/scope.ts";
import type { Results } from "../asking.ts";
import type { Figure, PlotOptions, Plotting, Section, Showing, PageTable } from "../section.ts";
import { columnsOf, viewOf } from "../view.ts";
import { HATCHED_LEGEND, type Part, partsOf, stackedBars } from "../stackedBars.ts";
import { groupBy, numberIn, quantileOf, sumOf, textIn } from "../../warehouse/sql/values.ts";
import { SLOTS_A_DAY } from "./coverage.ts";
import { type DayCell, coverageCounts } from "./coverageCounts.ts";

interface RelayBids {
  readonly relay: string;
  readonly bids: number;
  readonly covered_slots: number;
  readonly slots_without_bids: number;
  readonly p10: number;
  readonly median: number;
  readonly p90: number;
  readonly bids_a_day: number;
}

export const bidsSection: Section = {
  id: "bids",
  title: "Bids",
  statements: (d, { scope, fine }) => ({
    bids_a_slot: `WITH slots AS (
  SELECT relay, slot, sum(copies) AS bids FROM bids WHERE ${inScope(d, scope)} GROUP BY relay, slot
)
SELECT relay, bids, count(*) AS slots FROM slots GROUP BY relay, bids`,
    bids_over_time: `SELECT relay, ${bucketSql(d, fine)} AS bucket, sum(copies) AS bids
FROM bids WHERE ${inScope(d, scope)} GROUP BY relay, bucket`,
  }),
  view: viewOf(bidsOf, bidFigures, bidTables),
};

function bidsOf(results: Results, showing: Showing) {
  const { relays: held, cells } = coverageCounts(results, showing);
  const covered = new Map(
    held.filter(({ dataset }) => dataset === "bids").map((row) => [row.relay, row.covered]),
  );
  const relays = relayBids(results, covered);
  const { rates, unknown } = ratesOf(partsOf(results["bids_over_time"], "relay", "bids"), cells);
  const over_time = rates.map(({ bucket, name, amount }) => ({
    relay: name,
    first_slot: scopeSlots(showing.fine, bucket, showing.scope.range).first,
    bids_a_slot: amount,
  }));
  return {
    numbers: { bids: sumOf(relays, ({ bids }) => bids), relays, over_time },
    rates,
    unknown,
  };
}

type Bids = ReturnType<typeof bidsOf>;

function bidFigures({ numbers: { relays }, rates, unknown }: Bids, showing: Showing): Figure[] {
  const { scope, fine, relayColour } = showing;
  const names = relays.map(({ relay }) => relay);
  const none = "No bids are loaded in this range.";
  return [
    {
      id: "bids-a-slot",
      title: "Bids a slot",
      units: "bids a covered slot, logarithmic; a row a relay",
      read: "The dot is the median slot, the bar reaches from the 10 % of slots with the fewest bids to the 10 % with the most; slots without bids count as 0 (drawn at 1).",
      from: ["bids_a_slot"],
      legend: [],
      plot:
        relays.length === 0 ? none : (plotting, width) => spreadPlot(plotting, width, relays, relayColour),
    },
    {
      id: "bids-over-time",
      title: "Bids over time",
      units: `bids a covered slot, copies counted, a bar ${slotsAndTime(fine.step)}`,
      read:
        "Each relay's bids are divided by its covered slots, so a slot that wasn't collected doesn't look like one without bids. " +
        "Hatched above a bar: at least one active relay has no covered slot there, and the bar would be higher with it.",
      from: ["bids_over_time", "held"],
      legend: [
        ...names.map((label) => ({ label, colour: relayColour(label) })),
        ...(unknown.length > 0 ? [{ label: "a relay isn't covered", colour: HATCHED_LEGEND }] : []),
      ],
      plot:
        rates.length === 0
          ? none
          : (plotting, width) =>
              stackedBars(plotting, width, {
                scope,
                buckets: fine,
                parts: rates,
                unknown,
                names,
                colour: relayColour,
                shares: false,
                label: "bids a slot",
              }),
    },
  ];
}

/** A row a relay, with a bar from few bids a slot to many and a dot at the median. */
function spreadPlot(
  plotting: Plotting,
  width: number,
  relays: readonly RelayBids[],
  relayColour: Showing["relayColour"],
): PlotOptions {
  const names = relays.map(({ relay }) => relay);
  const { frame, axis } = namedRows(plotting, width, names, { marginRight: 56, padding: 0.3 });
  const at = (value: number) => Math.max(1, value);
  const least = Math.min(...relays.map(({ p10 }) => at(p10)));
  return {
    ...frame,
    // Where no relay has bids in most slots, both ends of all bars are 1.
    x: { type: "log", domain: [least, Math.max(10 * least, ...relays.map(({ p90 }) => p90))], nice: true },
    marks: [
      plotting.axisX({
        ticks: width < NARROW ? 3 : 6,
        tickFormat: logTick,
        label: "bids a slot",
        ...IN_THE_MIDDLE,
      }),
      plotting.gridX({ ticks: 4, stroke: "var(--line)", strokeOpacity: 1 }),
      axis,
      plotting.ruleY(relays, {
        y: "relay",
        x1: ({ p10 }: RelayBids) => at(p10),
        x2: ({ p90 }: RelayBids) => at(p90),
        stroke: ({ relay }: RelayBids) => relayColour(relay),
        strokeWidth: 8,
        strokeOpacity: 0.45,
        strokeLinecap: "round",
      }),
      plotting.dot(relays, {
        y: "relay",
        x: ({ median }: RelayBids) => at(median),
        r: 5,
        fill: ({ relay }: RelayBids) => relayColour(relay),
        title: (row: RelayBids) =>
          `${row.relay}: median ${count(row.median)}, 10 % ${count(row.p10)}, 90 % ${count(row.p90)}`,
      }),
      plotting.text(relays, {
        y: "relay",
        x: ({ p90 }: RelayBids) => at(p90),
        text: ({ median }: RelayBids) => count(median),
        textAnchor: "start",
        dx: 10,
        fill: "currentColor",
      }),
    ],
  };
}

function bidTables({ numbers: { relays } }: Bids): PageTable[] {
  return [
    {
      title: "Bids by relay; a day's figure is that of the covered slots, times a day's slots",
      columns: columnsOf(
        ["relay"],
        ["bids", "covered slots", "without bids", "10 %", "median", "90 %", "bids a day"],
      ),
      rows: relays.map((row) => [
        row.relay,
        ...[row.bids, row.covered_slots, row.slots_without_bids, row.p10, row.median, row.p90].map(count),
        { shown: shortCount(row.bids_a_day), value: row.bids_a_day },
      ]),
    },
  ];
}

/** The bids of each bucket a covered slot, and the buckets in which some active relay has no covered slot, with its name. */
function ratesOf(parts: readonly Part[], cells: readonly DayCell[]): { rates: Part[]; unknown: Part[] } {
  const own = cells.filter(({ dataset }) => dataset === "bids");
  const covered = new Map(own.map((cell) => [`${cell.relay} ${cell.bucket}`, cell.covered]));
  return {
    rates: parts.map(({ bucket, name, amount }) => ({
      bucket,
      name,
      amount: amount / Math.max(1, covered.get(`${name} ${bucket}`) ?? 0),
    })),
    unknown: own
      .filter((cell) => cell.covered === 0)
      .map(({ bucket, relay, slots }) => ({ bucket, name: relay, amount: slots })),
  };
}

/** Relays by their median, those with most bids first. Covered slots without rows count as slots of 0 bids. */
function relayBids(results: Results, covered: ReadonlyMap<string, number>): RelayBids[] {
  const rows = groupBy(results["bids_a_slot"] ?? [], (row) => textIn(row, "relay"));
  return [...rows]
    .map(([relay, own]) => {
      const withBids = own.map((row) => ({ value: numberIn(row, "bids"), count: numberIn(row, "slots") }));
      const slots = sumOf(withBids, (one) => one.count);
      const coveredSlots = Math.max(covered.get(relay) ?? 0, slots);
      const counted = [...withBids, { value: 0, count: coveredSlots - slots }];
      const bids = sumOf(withBids, (one) => one.value * one.count);
      return {
        relay,
        bids,
        covered_slots: coveredSlots,
        slots_without_bids: coveredSlots - slots,
        p10: quantileOf(counted, 0.1) ?? 0,
        median: quantileOf(counted, 0.5) ?? 0,
        p90: quantileOf(counted, 0.9) ?? 0,
        bids_a_day: coveredSlots === 0 ? 0 : (bids / coveredSlots) * SLOTS_A_DAY,
      };
    })
    .toSorted((a, b) => b.median - a.median || (a.relay < b.relay ? -1 : 1));
}

/** Only the powers of ten and what halves the way between them. */
function logTick(value: number): string {
  const digit = Number(value.toExponential(0).slice(0, 1));
  return [1, 2, 5].includes(digit) ? shortCount(value) : "";
}
