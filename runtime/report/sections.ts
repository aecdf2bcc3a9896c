import type { Section } from "./section.ts";
import { bidsSection } from "./sections/bids.ts";
import { buildersSection } from "./sections/builders.ts";
import { chainSection } from "./sections/chain.ts";
import { coverageSection } from "./sections/coverage.ts";
import { healthSection } from "./sections/health.ts";
import { payloadsSection } from "./sections/payloads.ts";
import { timingSection } from "./sections/timing.ts";
import { valueSection } from "./sections/value.ts";

/** The parts of the report, in the order of the page. */
export const sections: readonly Section[] = [
  coverageSection,
  payloadsSection,
  bidsSection,
  timingSection,
  valueSection,
  buildersSection,
  healthSection,
  chainSection,
];
