import type { DatasetName } from "../../datasets/dataset.ts";
import { NARROW, rowNames, leftMargin, timeAxis, timesOf } from "../axes.ts";
import { percent, slotsAndTime } from "../format.ts";
import { type Scope, scopeSlots } from "../../warehouse/sql/scope.ts";
import type { Ask } from "../asking.ts";
import type { Figure, Showing } from "../section.ts";
import { sumOf } from "../../warehouse/sql/values.ts";
import type { DayCell, RelayCoverage } from "./coverageCounts.ts";

const STATES = [
  { key: "clean", label: "covered", colour: "var(--covered)" },
  { key: "suspect", label: "covered, but suspect", colour: "var(--suspect)" },
  { key: "missing", label: "missing", colour: "var(--missing)" },
  { key: "unavailable", label: "unavailable: the relay has forgotten it", colour: "var(--unavailable)" },
] as const;

/** What doesn't fill this much of a cell is drawn as large all the same, so that it is seen. */
const LEAST_SEEN = 0.2;

/** The figure of a dataset's coverage: what state the slots of each relay are in, bucket by bucket. */
export function heatMap(
  dataset: DatasetName,
  relays: readonly RelayCoverage[],
  cells: readonly DayCell[],
  { scope, fine }: Showing,
): Figure {
  const names = relays.filter((row) => row.dataset === dataset).map(({ relay }) => relay);
  const own = cells.filter((cell) => cell.dataset === dataset);
  return {
    id: `coverage-${dataset}`,
    title: `Coverage of ${dataset}`,
    units: `a row a relay, a column ${slotsAndTime(fine.step)}`,
    read:
      "A cell is filled from below in proportion to its slots' states; a state that few slots have is drawn large enough to " +
      "be seen. A row in one colour without a gap is a relay of which every slot is held.",
    from: ["relays", "held"],
    legend: STATES.map(({ label, colour }) => ({ label, colour })),
    plot:
      names.length === 0
        ? "No relay of this network is known to the warehouse yet."
        : (plotting, width) => {
            const marginLeft = leftMargin(names, width);
            const time = timeAxis(plotting, scope, width);
            const row = new Map(names.map((name, index) => [name, names.length - 1 - index]));
            const rectangles = own.flatMap((cell) => rectanglesOf(cell, row.get(cell.relay) ?? 0));
            return {
              height: names.length * (width < NARROW ? 20 : 22) + 50,
              marginLeft,
              marginTop: 8,
              marginBottom: 40,
              x: time.scale,
              y: { domain: [0, names.length], label: null },
              color: { domain: STATES.map(({ key }) => key), range: STATES.map(({ colour }) => colour) },
              marks: [
                time.mark,
                rowNames(plotting, names, marginLeft),
                plotting.rect(joined(rectangles), {
                  x1: (rectangle: Rectangle) => timesOf(fine, rectangle.from, scope).x1,
                  x2: (rectangle: Rectangle) => timesOf(fine, rectangle.to, scope).x2,
                  y1: "y1",
                  y2: "y2",
                  fill: "state",
                  inset: 0,
                  title: (rectangle: Rectangle) => titleOf(rectangle, scope, fine),
                }),
              ],
            };
          },
  };
}

interface Rectangle {
  readonly relay: string;
  readonly from: number;
  readonly to: number;
  readonly y1: number;
  readonly y2: number;
  readonly state: string;
  readonly share: number;
}

/** A cell's states one above the other, each large enough to be seen. */
function rectanglesOf(cell: DayCell, row: number): Rectangle[] {
  const { covered, suspect, missing, unavailable, slots, relay, bucket } = cell;
  const counts = { clean: covered - suspect, suspect, missing, unavailable };
  const present = STATES.map(({ key }) => ({ key, share: counts[key] / slots })).filter(
    ({ share }) => share > 0,
  );
  const drawn = present.map((one) => ({ ...one, height: Math.max(one.share, LEAST_SEEN) }));
  const total = sumOf(drawn, ({ height }) => height);
  const MARGIN = 0.06;
  let y = row + MARGIN;
  return drawn.map(({ key, share, height }) => {
    const y1 = y;
    y += (height / total) * (1 - 2 * MARGIN);
    return { relay, from: bucket, to: bucket, y1, y2: y, state: key, share };
  });
}

/** Neighbours in one state alone are one rectangle: a page of a long range stays small. */
function joined(rectangles: readonly Rectangle[]): Rectangle[] {
  const result: Rectangle[] = [];
  for (const rectangle of rectangles) {
    const before = result.at(-1);
    const goesOn =
      before?.relay === rectangle.relay &&
      before.to + 1 === rectangle.from &&
      before.state === rectangle.state &&
      before.share === 1 &&
      rectangle.share === 1;
    if (goesOn) result[result.length - 1] = { ...before, to: rectangle.to };
    else result.push(rectangle);
  }
  return result;
}

function titleOf({ relay, from, to, state, share }: Rectangle, scope: Scope, fine: Ask["fine"]): string {
  const { first } = scopeSlots(fine, from, scope.range);
  const { last } = scopeSlots(fine, to, scope.range);
  const label = STATES.find(({ key }) => key === state)?.label ?? state;
  return `${relay}, slots ${first}–${last}: ${percent(share)} ${label}`;
}
