import { DATASET_NAMES } from "../datasets/dataset.ts";
import test from "ava";
import * as E from "fp-ts/lib/Either.js";
import fc from "fast-check";
import { ORDERS } from "../chain/slots.ts";
import { type BackloadSettings, backloadEnvironment, readBackloadEnvironment } from "./backloadSettings.ts";

const env = {
  ETL_NETWORK: "mainnet",
  ETL_LAKE: "gs://etl-lake/lake",
  ETL_RANGE: "4700567-15030000",
  ETL_SHARDS: "1000",
};

function messageOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  return "";
}

const settings: fc.Arbitrary<BackloadSettings> = fc.record(
  {
    network: fc.constantFrom("mainnet"),
    lake: fc.constantFrom("gs://bucket", "gs://bucket/a/b"),
    relays: fc.constantFrom({}, { flashbots: { requests_per_second: 0.5 }, titan: { off: true } }),
    relay: fc.constantFrom([], ["flashbots"], ["flashbots", "aestus"]),
    dataset: fc.subarray([...DATASET_NAMES], { minLength: 1 }),
    range: fc
      .tuple(fc.integer({ min: 4_700_567, max: 20_000_000 }), fc.nat(10_000_000))
      .map(([first, more]) => ({ first, last: first + more })),
    shards: fc.integer({ min: 1, max: 100_000 }),
    order: fc.constantFrom(...ORDERS),
    rate: fc.constantFrom(0.5, 2, 10, 0.125),
    timeLimitSeconds: fc.integer({ min: 60, max: 31_622_400 }),
    logLevel: fc.constantFrom("debug", "info", "warn", "error"),
  },
  { requiredKeys: ["network", "lake", "relays", "relay", "range", "shards", "order", "logLevel"] },
);

test("what the stack renders is what the worker reads", (t) => {
  fc.assert(
    fc.property(settings, fc.nat(), (given, at) => {
      t.true(backloadEnvironment.codec.is(given));
      t.deepEqual(backloadEnvironment.faultsOf(given), []);
      const rendered = backloadEnvironment.codec.encode(given);
      t.deepEqual(backloadEnvironment.codec.decode(rendered), E.right(given));
      t.true(Object.keys(rendered).every((name) => backloadEnvironment.names.includes(name)));
      const index = at % given.shards;
      t.deepEqual(readBackloadEnvironment({ ...rendered, JOB_COMPLETION_INDEX: String(index) }), {
        settings: given,
        index,
      });
    }),
  );
});

test("what isn't given has its default, or is off", (t) => {
  const { settings: read, index } = readBackloadEnvironment({
    ...env,
    JOB_COMPLETION_INDEX: "999",
    PATH: "/bin",
  });
  t.is(index, 999);
  t.deepEqual(read, {
    network: "mainnet",
    lake: "gs://etl-lake/lake",
    range: { first: 4_700_567, last: 15_030_000 },
    shards: 1000,
    relays: {},
    relay: [],
    order: "newest",
    logLevel: "info",
  });
});

test("all faults are named at once, none of a relay's address", (t) => {
  const wrong = {
    ETL_NETWORK: "ropsten",
    ETL_LAKE: "s3://bucket",
    ETL_RELAYS: '{"flashbots": {"url": "https://key:hunter2@relay"}',
    ETL_RELAY: "Flashbots",
    ETL_DATASET: "blobs",
    ETL_RANGE: "9-1",
    ETL_SHARDS: "0",
    ETL_ORDER: "middle",
    ETL_RATE: "0",
    ETL_TIME_LIMIT_SECONDS: "soon",
    ETL_LOG_LEVEL: "loud",
    ETL_SHARD: "1",
    JOB_COMPLETION_INDEX: "x",
  };
  const message = messageOf(() => readBackloadEnvironment(wrong));
  for (const name of Object.keys(wrong)) t.regex(message, new RegExp(`${name}: `), name);
  t.regex(message, /^13 settings are wrong/);
  t.false(message.includes("hunter2"));
});

test("settings that don't go together are refused", (t) => {
  const refused = (more: Record<string, string>) =>
    messageOf(() => readBackloadEnvironment({ ...env, JOB_COMPLETION_INDEX: "0", ...more }));
  t.is(refused({}), "");
  t.regex(
    refused({ JOB_COMPLETION_INDEX: "1000" }),
    /JOB_COMPLETION_INDEX: "1000" isn't a shard from 0 to 999/,
  );
  t.regex(refused({ ETL_LAKE: "/tmp/lake" }), /ETL_LAKE: a folder is right on the simulated network only/);
  t.regex(refused({ ETL_RANGE: "1-4700566" }), /ETL_RANGE: .* lies before mainnet's first MEV-Boost slot/);
  t.regex(refused({ ETL_RELAY: "nobody" }), /ETL_RELAY: nobody is no relay of mainnet/);
  t.regex(refused({ ETL_RELAY: "manifold" }), /ETL_RELAY: manifold is ended/);
  t.regex(refused({ ETL_RELAY: "titan,titan" }), /ETL_RELAY/);
  t.regex(refused({ ETL_RELAYS: '{"titan":{"off":true}}', ETL_RELAY: "titan" }), /ETL_RELAY: titan is off/);
});
