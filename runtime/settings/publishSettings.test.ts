import test from "ava";
import * as E from "fp-ts/lib/Either.js";
import fc from "fast-check";
import { DATASET_NAMES } from "../datasets/dataset.ts";
import { publishEnvironment, type PublishSettings } from "./publishSettings.ts";

const env = { ETL_NETWORK: "mainnet", ETL_LAKE: "gs://etl-lake/lake", ETL_OUT: "gs://etl-public/mev-boost" };

const settings: fc.Arbitrary<PublishSettings> = fc.record(
  {
    network: fc.constantFrom("mainnet"),
    lake: fc.constantFrom("gs://bucket", "gs://bucket/a/b"),
    out: fc.constantFrom("gs://other", "gs://other/a/b"),
    days: fc.integer({ min: 1, max: 4000 }),
    relays: fc.constantFrom({}, { flashbots: { requests_per_second: 0.5 }, titan: { off: true } }),
    dataset: fc.subarray([...DATASET_NAMES], { minLength: 1 }),
    logLevel: fc.constantFrom("debug", "info", "warn", "error"),
  },
  { requiredKeys: ["network", "lake", "out", "days", "relays", "logLevel"] },
);

test("what the stack renders is what the job that publishes reads", (t) => {
  fc.assert(
    fc.property(settings, (given) => {
      t.deepEqual(publishEnvironment.faultsOf(given), []);
      const rendered = publishEnvironment.codec.encode(given);
      t.deepEqual(publishEnvironment.codec.decode(rendered), E.right(given));
      t.deepEqual(publishEnvironment.readAlone(rendered), given);
    }),
  );
});

test("what isn't given has its default, or is off", (t) => {
  const { days, dataset, relays, logLevel } = publishEnvironment.readAlone(env);
  t.deepEqual(
    { days, dataset, relays, logLevel },
    { days: 10, dataset: undefined, relays: {}, logLevel: "info" },
  );
});

test("all faults are named at once; a place in the lake, or around it, is one", (t) => {
  const faultsOf = (more: Record<string, string>) => publishEnvironment.read({ ...env, ...more }).faults;
  t.deepEqual(faultsOf({}), []);
  t.deepEqual(faultsOf({ ETL_LAKE: "", ETL_DAYS: "0", ETL_OTHER: "1" }), [
    "ETL_LAKE: missing; give gs://BUCKET[/PREFIX]",
    'ETL_DAYS: "0" isn\'t days from 1 to 4000',
    "ETL_OTHER: no such setting",
  ]);
  const inside = "ETL_OUT: it lies in the lake, or the lake in it; give a place of its own";
  t.deepEqual(faultsOf({ ETL_OUT: "gs://etl-lake/lake" }), [inside]);
  t.deepEqual(faultsOf({ ETL_OUT: "gs://etl-lake/lake/public" }), [inside]);
  t.deepEqual(faultsOf({ ETL_OUT: "gs://etl-lake" }), [inside]);
  t.deepEqual(faultsOf({ ETL_OUT: "gs://etl-lake/lake2" }), []);
  t.deepEqual(faultsOf({ ETL_OUT: "/somewhere" }), [
    "ETL_OUT: a folder is right on the simulated network only; give gs://BUCKET[/PREFIX]",
  ]);
});
