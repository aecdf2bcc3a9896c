import fc from "fast-check";

/** Whether this is `npm run test:long`: more examples, by a seed that is drawn. */
export const LONG = process.env["ETL_TEST_LONG"] === "1";

/**
 * The seed of everything that tests draw: fixed in `npm test`, so that it gives the same every time; drawn and printed by
 * `npm run test:long`, and repeated by ETL_TEST_SEED.
 */
export const SEED = seedOf(process.env["ETL_TEST_SEED"] ?? "1");

/** How many examples a test takes: few in `npm test`, many in `npm run test:long`. */
export function examples(few: number, many = 10 * few): number {
  return LONG ? many : few;
}

function seedOf(text: string): number {
  if (!/^\d{1,9}$/.test(text))
    throw new Error(`ETL_TEST_SEED is ${JSON.stringify(text)}; give a whole number below a billion`);
  return Number(text);
}

// Every test file's process loads this module first, so that no property draws a seed of its own.
fc.configureGlobal({ seed: SEED, numRuns: examples(100) });
