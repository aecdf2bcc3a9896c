import { slotStartMs } from "../../chain/slots.ts";
import type { Scope } from "../../warehouse/sql/scope.ts";
import type { SqlDialect } from "../../warehouse/sql/dialect.ts";
import type { Queried } from "../../warehouse/sql/rowsOfEach.ts";
import { builderColours, relayColours } from "../colours.ts";
import { drawing } from "../draw.ts";
import { moment } from "../format.ts";
import type { BuilderNames } from "../names.ts";
import { pageHtml } from "../page.ts";
import type { Report } from "../report.ts";
import type { Showing } from "../section.ts";
import { askAbout } from "../statements.ts";
import { askAuctions, buildersOfAuctions } from "./auction.ts";
import { chainText } from "./auctionTables.ts";
import { auctionQueries, auctionsView } from "./auctionView.ts";

/** The page of one slot's auction, the only slot of the scope. */
export async function makeSlotReport(
  warehouse: Queried,
  d: SqlDialect,
  { scope, names }: { readonly scope: Scope; readonly names: BuilderNames },
): Promise<Report> {
  const { network, range, nowMs } = scope;
  const slot = range.first;
  const auctions = await askAuctions(warehouse, d, scope, names, [slot]);
  const relays = auctions.flatMap(({ found }) => found.numbers.relays);
  const showing: Showing = {
    ...askAbout(scope),
    names,
    auctions,
    refused: undefined,
    relayColour: relayColours(relays.map(({ relay }) => relay)),
    builderColour: builderColours(buildersOfAuctions(auctions)),
  };
  const view = auctionsView(auctions, showing);
  const missing = relays.filter(({ covered }) => !covered).length;
  const text =
    missing === 0
      ? `The bids of all ${relays.length} relays are covered.`
      : `Incomplete: of ${missing} of ${relays.length} relays the bids of this slot aren't covered.`;
  const html = pageHtml(
    {
      network: network.name,
      facts: [
        ["Slot", String(slot)],
        ["Began", moment(slotStartMs(network, slot), true)],
        ...auctions.map((auction) => ["On the chain", chainText(auction)] as const),
        ["Made", moment(nowMs)],
        ["From", warehouse.url],
      ],
      verdict: { text, good: missing === 0 && relays.length > 0 },
      sections: [{ id: "auctions", title: "Auction", view }],
      statements: auctionQueries(auctions),
      checks: [],
      checkStatements: {},
    },
    await drawing(),
  );
  const made_at = new Date(nowMs).toISOString();
  return { html, numbers: { network: network.name, slot, made_at, auctions: view.numbers } };
}
