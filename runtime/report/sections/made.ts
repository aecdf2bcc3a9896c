import { loadTables } from "../../datasets/tables.ts";
import { type SqlDialect, countWhere } from "../../warehouse/sql/dialect.ts";
import { type Scope, bucketSql, inScope } from "../../warehouse/sql/scope.ts";
import { groupBy, numberIn, sumOf, textIn } from "../../warehouse/sql/values.ts";
import { NARROW, timeAxis, timesOf } from "../axes.ts";
import type { Ask, Results } from "../asking.ts";
import { count, eth, percent, slotsAndTime } from "../format.ts";
import type { Figure, PageTable, PlotOptions, Plotting, Section, Showing } from "../section.ts";
import { columnsOf, viewOf } from "../view.ts";
import { MADE_KINDS, type MadeKind, madeBlocksSql } from "./madeBlocks.ts";

/** Blocks that relays made by kind, relay and bucket; `landed` where that relay says it delivered the block. */
function madeSql(d: SqlDialect, { scope, coarse }: Ask): string {
  return `WITH delivered_hashes AS (
  SELECT DISTINCT relay, slot, block_hash FROM payloads WHERE ${inScope(d, scope)}
), made AS (
  ${madeBlocksSql(d, scope)}
)
SELECT kind, made.relay AS relay, ${bucketSql(d, coarse, "made.slot")} AS bucket,
  CASE WHEN delivered_hashes.slot IS NULL THEN 0 ELSE 1 END AS landed, count(*) AS blocks, sum(eth) AS eth
FROM made LEFT JOIN delivered_hashes ON delivered_hashes.relay = made.relay AND delivered_hashes.slot = made.slot
  AND delivered_hashes.block_hash = made.block_hash
GROUP BY kind, made.relay, bucket, landed`;
}

/** Delivered payloads of each relay, and those of slots of which it is known whether it made their block. */
function knownSql(d: SqlDialect, scope: Scope): string {
  const known = ({ key, dataset: { name } }: MadeKind) =>
    `${countWhere(`substr(${loadTables[name].name}.covered, payload.slot - ${loadTables[name].name}.first_slot + 1, 1) = '1'`)} AS ${key}`;
  const ledger = ({ dataset: { name, chunkSlots } }: MadeKind) => {
    const table = loadTables[name].name;
    return `LEFT JOIN ${table} ON ${table}.relay = payload.relay AND ${table}.first_slot = payload.slot - mod(payload.slot, ${chunkSlots})`;
  };
  return `SELECT payload.relay AS relay, ${MADE_KINDS.map(known).join(", ")}
FROM (SELECT DISTINCT relay, slot, block_hash FROM payloads WHERE ${inScope(d, scope)}) AS payload
${MADE_KINDS.map(ledger).join("\n")}
GROUP BY payload.relay`;
}

export const madeSection: Section = {
  id: "made",
  title: "Adjusted and merged blocks",
  statements: (d, ask) => ({ made: madeSql(d, ask), made_known: knownSql(d, ask.scope) }),
  view: viewOf(madeFound, madeFigures, madeTables),
};

function madeFound(results: Results) {
  const rows = (results["made"] ?? []).map((row) => ({
    kind: textIn(row, "kind"),
    relay: textIn(row, "relay"),
    bucket: numberIn(row, "bucket"),
    landed: numberIn(row, "landed") === 1,
    blocks: numberIn(row, "blocks"),
    eth: numberIn(row, "eth") * (MADE_KINDS.find(({ key }) => key === row["kind"])?.sign ?? 1),
  }));
  const relays = MADE_KINDS.flatMap(({ key }) =>
    (results["made_known"] ?? [])
      .map((known) => {
        const relay = textIn(known, "relay");
        const own = rows.filter((row) => row.kind === key && row.relay === relay);
        const landed = own.filter((row) => row.landed);
        return {
          kind: key,
          relay,
          payloads_known: numberIn(known, key),
          made: sumOf(own, ({ blocks }) => blocks),
          landed: sumOf(landed, ({ blocks }) => blocks),
          landed_eth: sumOf(landed, (row) => row.eth),
        };
      })
      .filter(({ made, payloads_known }) => made + payloads_known > 0)
      .toSorted((a, b) => (a.relay < b.relay ? -1 : 1)),
  );
  const nothing =
    relays.length === 0
      ? "No relay's adjustments or merged blocks are loaded for this range; few relays tell of them."
      : undefined;
  return { numbers: { relays }, landed: rows.filter(({ landed }) => landed), nothing };
}

type Made = ReturnType<typeof madeFound>;

function madeFigures({ numbers: { relays }, landed }: Made, { scope, coarse }: Showing): Figure[] {
  const of = (key: string) => {
    const own = relays.filter(({ kind }) => kind === key);
    const known = sumOf(own, (row) => row.payloads_known);
    return `${count(sumOf(own, (row) => row.landed))} ${key} of ${count(known)} payloads of which that is known`;
  };
  const bars = MADE_KINDS.flatMap(({ key, label, colour }) =>
    [...groupBy(landed, ({ kind, bucket }) => `${kind} ${bucket}`).values()].flatMap((own) => {
      const [{ kind, bucket } = { kind: "", bucket: 0 }] = own;
      if (kind !== key) return [];
      const amount = sumOf(own, (row) => row.eth);
      const blocks = sumOf(own, (row) => row.blocks);
      const title = `${eth(Math.abs(amount))} ETH ${label}, in ${count(blocks)} blocks`;
      return [{ ...timesOf(coarse, bucket, scope), eth: amount, colour, title }];
    }),
  );
  return [
    {
      id: "made-eth",
      title: "What adjustments took off and merging added",
      units: `ETH of landed blocks, a bar ${slotsAndTime(coarse.step)}; n = ${MADE_KINDS.map(({ key }) => of(key)).join(", ")}`,
      read:
        "Landed: the relay says it delivered the block that it made. An adjustment pays the proposer less than the winning bid offered, so its bars " +
        "point down; merging appends others' orders and pays more. Relays that don't tell of it may do the same.",
      from: ["made"],
      legend: MADE_KINDS.map(({ label, colour }) => ({ label, colour })),
      plot:
        bars.length === 0
          ? "No adjusted or merged block of this range landed."
          : (plotting, width) => madePlot(plotting, width, bars, scope),
    },
  ];
}

interface Bar {
  readonly x1: Date;
  readonly x2: Date;
  readonly eth: number;
  readonly colour: string;
  readonly title: string;
}

function madePlot(
  plotting: Plotting,
  width: number,
  bars: readonly Bar[],
  scope: Showing["scope"],
): PlotOptions {
  const time = timeAxis(plotting, scope, width);
  return {
    height: width < NARROW ? 220 : 260,
    marginLeft: 58,
    marginBottom: 40,
    marginTop: 24,
    x: time.scale,
    y: { nice: true, label: "ETH" },
    marks: [
      plotting.rect(bars, {
        x1: "x1",
        x2: "x2",
        y1: () => 0,
        y2: "eth",
        fill: "colour",
        title: "title",
        insetRight: 1,
      }),
      plotting.ruleY([0], { stroke: "currentColor" }),
      time.mark,
    ],
  };
}

function madeTables({ numbers: { relays } }: Made): PageTable[] {
  return [
    {
      title: "Blocks that relays made of bids, by relay; most of them lose the auction",
      columns: columnsOf(["relay", "kind"], ["made", "landed", "of its payloads", "ETH for the proposer"]),
      rows: relays.map((row) => [
        row.relay,
        row.kind,
        count(row.made),
        count(row.landed),
        row.payloads_known === 0
          ? { shown: "unknown", value: -1 }
          : {
              shown: `${percent(row.landed / row.payloads_known)} of ${count(row.payloads_known)}`,
              value: row.landed / row.payloads_known,
            },
        {
          shown:
            row.landed_eth === 0 ? "0" : `${row.landed_eth < 0 ? "−" : "+"}${eth(Math.abs(row.landed_eth))}`,
          value: row.landed_eth,
        },
      ]),
      from: ["made_known"],
    },
  ];
}
