import { auctionsView } from "../auction/auctionView.ts";
import type { Section } from "../section.ts";

/** The auctions of the slots with most left behind, which are asked for when it is known which these are. */
export const auctionsSection: Section = {
  id: "auctions",
  title: "Auctions",
  statements: () => ({}),
  view: (_, showing) => auctionsView(showing.auctions, showing),
};
