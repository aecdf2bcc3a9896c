import type { CheckResult } from "../checks/check.ts";
import { slotStartMs, slotCount } from "../chain/slots.ts";
import type { Lake } from "../lake/lake.ts";
import type { SqlDialect } from "../warehouse/sql/dialect.ts";
import { builderColours, relayColours } from "./colours.ts";
import { drawing } from "./draw.ts";
import { moment, slotsAndTime } from "./format.ts";
import type { BuilderNames } from "./names.ts";
import { pageHtml } from "./page.ts";
import { readRefusals } from "./refusals.ts";
import type { Scope } from "../warehouse/sql/scope.ts";
import type { Results } from "./asking.ts";
import type { Showing } from "./section.ts";
import { sections } from "./sections/sections.ts";
import { mostLeftOf } from "./sections/valueNumbers.ts";
import { AUCTIONS, askAuctions, buildersOfAuctions } from "./auction/auction.ts";
import { auctionQueries } from "./auction/auctionView.ts";
import { verdictOf } from "./sections/coverage.ts";
import { coverageCounts } from "./sections/coverageCounts.ts";
import { buildersInColour } from "./sections/payloads.ts";
import { askAbout, pageStatements } from "./statements.ts";
import { type Queried, rowsOfEach } from "../warehouse/sql/rowsOfEach.ts";
import { textIn } from "../warehouse/sql/values.ts";

export interface ReportOptions {
  readonly scope: Scope;
  readonly names: BuilderNames;
  /** Where the reasons of quarantined rows are; without it the page has only their number. */
  readonly lake?: Lake;
  readonly checks: readonly CheckResult[];
}

export interface Report {
  /** The page. */
  readonly html: string;
  /** What `report --json` prints: the numbers that the page is drawn from. */
  readonly numbers: object;
}

/** Asks a warehouse for everything that the report shows, and makes the page and its numbers. */
export async function makeReport(warehouse: Queried, d: SqlDialect, options: ReportOptions): Promise<Report> {
  const { scope, names, lake, checks } = options;
  const ask = askAbout(scope);
  const statements = pageStatements(d, ask);
  const results = await rowsOfEach(warehouse, statements);
  const refused = lake && (await readRefusals(warehouse, d, lake, scope));
  const showing = await showingOf(warehouse, d, results, { ...ask, names, refused });
  const { auctions } = showing;
  const views = sections.map(({ id, title, view }) => ({ id, title, view: view(results, showing) }));
  const { relays } = coverageCounts(results, ask);
  const { range, network } = scope;
  const [from, to] = [slotStartMs(network, range.first), slotStartMs(network, range.last + 1)];
  const missing = relays.some((row) => row.state === "active" && row.missing > 0);
  const verdict = { text: verdictOf(relays), good: !missing };
  const html = pageHtml(
    {
      network: network.name,
      facts: [
        ["Slots", `${range.first}–${range.last}, ${slotsAndTime(slotCount(range))}`],
        ["Time", `${moment(from)} to ${moment(to)}`],
        ["Made", moment(scope.nowMs)],
        ["From", `${warehouse.url}${lake ? ` and lake ${lake.url}` : ""}`],
      ],
      verdict,
      sections: views,
      statements: { ...statements, ...auctionQueries(auctions) },
      checks,
      checkStatements: Object.fromEntries(
        checks.map(({ check }) => [check.name, Object.values(check.statements(d, scope))]),
      ),
    },
    await drawing(),
  );
  return {
    html,
    numbers: {
      network: network.name,
      first_slot: range.first,
      last_slot: range.last,
      made_at: new Date(scope.nowMs).toISOString(),
      verdict: verdict.text,
      ...Object.fromEntries(views.map(({ id, view }) => [id, view.numbers])),
      checks: checks.map(({ check, findings, measured }) => ({
        check: check.number,
        name: check.name,
        measured,
        findings,
      })),
    },
  };
}

/** What results are shown with: the auctions that they point at, and the colours of who is in them. */
async function showingOf(
  warehouse: Queried,
  d: SqlDialect,
  results: Results,
  given: Omit<Showing, "auctions" | "relayColour" | "builderColour">,
): Promise<Showing> {
  const { scope, names } = given;
  const most = mostLeftOf(results, names).slice(0, AUCTIONS);
  const auctions = await askAuctions(
    warehouse,
    d,
    scope,
    names,
    most.map(({ slot }) => slot),
  );
  const builders = [...buildersInColour(results, names), ...buildersOfAuctions(auctions)];
  return {
    ...given,
    auctions,
    relayColour: relayColours(relaysOn(results)),
    builderColour: builderColours(builders),
  };
}

/** The relays of which the page shows anything, and those that are asked. */
function relaysOn(results: Results): string[] {
  const held = (results["held"] ?? []).map((row) => textIn(row, "relay"));
  const asked = (results["relays"] ?? []).filter((row) => textIn(row, "state") === "active");
  return [...new Set([...held, ...asked.map((row) => textIn(row, "name"))])];
}
