import type { Section } from "../section.ts";
import { auctionsSection } from "./auctions.ts";
import { bidsSection } from "./bids.ts";
import { buildersSection } from "./builders.ts";
import { chainSection } from "./chain.ts";
import { coverageSection } from "./coverage.ts";
import { healthSection } from "./health.ts";
import { marketSection } from "./market.ts";
import { payloadsSection } from "./payloads.ts";
import { paymentsSection } from "./payments.ts";
import { timingSection } from "./timing.ts";
import { valueSection } from "./value.ts";

/** The parts of the report, in the order of the page. */
export const sections: readonly Section[] = [
  coverageSection,
  payloadsSection,
  bidsSection,
  timingSection,
  valueSection,
  auctionsSection,
  paymentsSection,
  marketSection,
  buildersSection,
  healthSection,
  chainSection,
];
