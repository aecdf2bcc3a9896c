import type { Section } from "../section.ts";
import { auctionsSection } from "./auctions.ts";
import { bidsSection } from "./bids.ts";
import { buildersSection } from "./builders.ts";
import { chainSection } from "./chain.ts";
import { coverageSection } from "./coverage.ts";
import { headersSection } from "./headers.ts";
import { healthSection } from "./health.ts";
import { madeSection } from "./made.ts";
import { marketSection } from "./market.ts";
import { mevBoostSection } from "./mevBoost.ts";
import { payloadsSection } from "./payloads.ts";
import { paymentsSection } from "./payments.ts";
import { timingSection } from "./timing.ts";
import { valueSection } from "./value.ts";

/** The parts of the report, in the order of the page. */
export const sections: readonly Section[] = [
  coverageSection,
  payloadsSection,
  mevBoostSection,
  bidsSection,
  timingSection,
  headersSection,
  valueSection,
  auctionsSection,
  paymentsSection,
  madeSection,
  marketSection,
  buildersSection,
  healthSection,
  chainSection,
];
