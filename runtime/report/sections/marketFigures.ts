import { slotStartMs } from "../../chain/slots.ts";
import { NARROW, timeAxis } from "../axes.ts";
import { count, percent, slotsAndTime } from "../format.ts";
import { SHARE_LEGEND, matrixPlot } from "../matrix.ts";
import type { Figure, PlotOptions, Plotting, Showing } from "../section.ts";
import type { Market, Pair } from "./marketNumbers.ts";

const KINDS = [
  { key: "builders", colour: "var(--b7)" },
  { key: "relays", colour: "var(--r1)" },
] as const;

export function marketFigures({ numbers }: Market, showing: Showing): Figure[] {
  const n = `n = ${count(numbers.blocks)} delivered blocks`;
  return [
    matrixFigure(numbers.builder_relay, {
      id: "market-builders",
      title: "Which relays delivered whose blocks",
      units: `% of a row's builder's delivered blocks that a column's relay delivered; ${n}`,
      read: "A block on several relays counts for each, so a row may add up to more than 100 %. An empty cell: none of the builder's blocks.",
      from: ["shared_blocks"],
    }),
    matrixFigure(numbers.relay_relay, {
      id: "market-relays",
      title: "Delivered blocks that relays share",
      units: `% of a row's relay's delivered blocks that a column's relay says it delivered too; ${n}`,
      read: "A row without cells is a relay that delivered alone. Two that fill each other's cells may be one relay under two names.",
      from: ["shared_blocks"],
    }),
    matrixFigure(numbers.bids_relay_relay, {
      id: "market-bids",
      title: "Bids that relays share",
      units: `% of the blocks bid at a row's relay that were bid at a column's too; n = ${count(numbers.compared_bids)} blocks of the newest ${count(numbers.compared_slots)} slots`,
      read: "Builders send the same block to several relays. The figure is of block hashes, so a bid that was sent twice to a relay counts once.",
      from: ["shared_bids"],
    }),
    concentrationFigure(numbers.concentration, showing),
  ];
}

function matrixFigure(pairs: readonly Pair[], of: Omit<Figure, "legend" | "plot">): Figure {
  const cells = pairs
    .filter(({ shown }) => shown > 0)
    .map((pair) => ({
      row: pair.of,
      column: pair.relay,
      share: pair.shown / pair.blocks,
      title: `${pair.of}, ${pair.relay}: ${count(pair.shown)} of ${count(pair.blocks)} blocks (${percent(pair.shown / pair.blocks)})`,
    }));
  const rows = [...new Set(pairs.map((pair) => pair.of))];
  const relays = [...new Set(pairs.map(({ relay }) => relay))];
  const columns = relays.every((relay) => rows.includes(relay)) ? rows : relays;
  return {
    ...of,
    legend: SHARE_LEGEND,
    plot:
      cells.length === 0
        ? "Nothing of this range is on more than one relay, or nothing is loaded."
        : (plotting, width) => matrixPlot(plotting, width, { rows, columns, cells }),
  };
}

function concentrationFigure(
  concentration: Market["numbers"]["concentration"],
  { scope, coarse }: Showing,
): Figure {
  const { builders, relays } = concentration;
  const shown = KINDS.flatMap(({ key, colour }) =>
    concentration[key].over_time.map((one) => ({ ...one, key, colour })),
  );
  const [first] = shown;
  const long = first ? first.last_slot - first.first_slot + 1 : coarse.step;
  return {
    id: "market-concentration",
    title: "Concentration",
    units: `Herfindahl–Hirschman index of shares of delivered blocks, a step ${slotsAndTime(long)}; n = ${count(builders.blocks)} blocks`,
    read:
      "The sum of squared shares in %: 10,000 is one alone, 2,500 as concentrated as four equal ones. A block that several relays " +
      "delivered is divided among them. A step has at least 50 slots, since few blocks look concentrated by chance.",
    from: ["payloads_by_builder", "payloads_by_relay"],
    legend: KINDS.map(({ key, colour }) => ({ label: key, colour })),
    plot:
      shown.length === 0 || builders.hhi === null || relays.hhi === null
        ? "Fewer than 50 slots, or no delivered block: too few to say anything of concentration."
        : (plotting, width) => stepsPlot(plotting, width, shown, scope),
  };
}

type Step = Market["numbers"]["concentration"]["builders"]["over_time"][number] & {
  readonly key: string;
  readonly colour: string;
};

/** A level line from the start to the end of each step. */
function stepsPlot(
  plotting: Plotting,
  width: number,
  shown: readonly Step[],
  scope: Showing["scope"],
): PlotOptions {
  const time = timeAxis(plotting, scope, width);
  return {
    height: width < NARROW ? 220 : 260,
    marginLeft: 52,
    marginBottom: 40,
    marginTop: 24,
    x: time.scale,
    y: { domain: [0, Math.max(1000, ...shown.map(({ hhi }) => hhi * 1.1))], nice: true, label: "index" },
    marks: [
      plotting.ruleY([0], { stroke: "var(--line)" }),
      plotting.rect(shown, {
        x1: ({ first_slot }: Step) => new Date(slotStartMs(scope.network, first_slot)),
        x2: ({ last_slot }: Step) => new Date(slotStartMs(scope.network, last_slot + 1)),
        y1: "hhi",
        y2: "hhi",
        insetTop: -1.5,
        insetBottom: -1.5,
        insetRight: 1,
        fill: "colour",
        title: ({ key, hhi, blocks, first_slot, last_slot }: Step) =>
          `${key}, slots ${first_slot}–${last_slot}: ${count(hhi)} of ${count(blocks)} blocks`,
      }),
      time.mark,
    ],
  };
}
