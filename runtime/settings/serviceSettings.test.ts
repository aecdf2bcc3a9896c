import { readFileSync } from "node:fs";
import test from "ava";
import * as E from "fp-ts/lib/Either.js";
import fc from "fast-check";
import { MAX_SEED } from "../chain/networks.ts";
import { UserError } from "../errors.ts";
import { directoryOf } from "../relays/directory.ts";
import { LOG_LINES } from "../services/logLines.ts";
import { overriddenRelays } from "./relayOverrides.ts";
import { REPORT_PAGES, readEnvironment, serviceEnvironment } from "./serviceSettings.ts";
import { LOG_LEVELS } from "./shared.ts";

const plain = {
  ETL_NETWORK: "mainnet",
  ETL_LAKE: "gs://etl-lake",
  ETL_WAREHOUSE: "bigquery://etl-project/etl",
  ETL_STAGING_DATASET: "etl_staging",
  ETL_LOCATION: "US",
  ETL_RATE_SHARE: "0.9",
};

const KEY = "projects/a-project/secrets/key/versions/1";

const faultsOf = (env: Record<string, string>): string => {
  try {
    readEnvironment(env);
  } catch (error) {
    if (error instanceof UserError && error.exitCode === 2) return error.message;
    throw error;
  }
  return "";
};

const names = directoryOf("mainnet").map(({ name }) => name);
const override = fc.record(
  {
    url: fc.webUrl({ validSchemes: ["https"] }).map((url) => url.replace(/[?#].*$/, "")),
    requests_per_second: fc.double({ min: 0.01, max: 1000, noNaN: true }),
    off: fc.boolean(),
    payload_limit: fc.integer({ min: 10, max: 1000 }),
    headers: fc.dictionary(
      fc.constantFrom("Authorization", "X-Api-Key"),
      fc.nat(9).map((n) => `projects/a-project/secrets/a_secret/versions/${n === 0 ? "latest" : n}`),
      { noNullPrototype: true },
    ),
  },
  { requiredKeys: [] },
);
const own = fc.record(
  { url: fc.constantFrom("https://a.example/x", "http://10.0.0.1:8080"), private: fc.constant(true) },
  { requiredKeys: ["url", "private"] },
);
const anySettings = fc.record(
  {
    network: fc.constant("mainnet"),
    lake: fc.constantFrom("gs://a-lake", "gs://a-lake/with/prefix"),
    warehouse: fc.constantFrom("bigquery://some-project/some_set"),
    stagingDataset: fc.stringMatching(/^[A-Za-z0-9_]{1,40}$/),
    location: fc.constantFrom("US", "EU", "europe-west1"),
    relays: fc
      .tuple(
        fc.dictionary(fc.constantFrom(...names), override, { noNullPrototype: true }),
        fc.dictionary(fc.constantFrom("mine"), own, { noNullPrototype: true }),
      )
      .map(([known, others]) => ({ ...known, ...others })),
    rateShare: fc.double({ min: 0.001, max: 1, noNaN: true }),
    tickSeconds: fc.integer({ min: 10, max: 60 }),
    intervalSeconds: fc.integer({ min: 60, max: 1800 }),
    maxBytesBilled: fc.integer({ min: 10 * 2 ** 20, max: 2 ** 50 }),
    canonical: fc.constant({
      table: "bigquery-public-data.crypto_ethereum.blocks",
      timestamp_column: "timestamp",
      hash_column: "hash",
    }),
    backload: fc
      .tuple(fc.nat(10 ** 9), fc.nat(10 ** 6))
      .map(([first, more]) => ({ first, last: first + more })),
    reportPages: fc.subarray([...REPORT_PAGES], { minLength: 1 }),
    logLevel: fc.constantFrom(...LOG_LEVELS),
  },
  {
    requiredKeys: [
      "network",
      "lake",
      "warehouse",
      "stagingDataset",
      "location",
      "relays",
      "rateShare",
      "tickSeconds",
      "intervalSeconds",
      "maxBytesBilled",
      "logLevel",
    ],
  },
);

test("settings that are rendered are read back the same, whatever they are", (t) => {
  fc.assert(
    fc.property(anySettings, (one) => {
      t.deepEqual(serviceEnvironment.faultsOf(one), []);
      t.true(serviceEnvironment.codec.is(one));
      const env = serviceEnvironment.codec.encode(one);
      t.true(Object.keys(env).every((name) => serviceEnvironment.names.includes(name)));
      t.deepEqual(serviceEnvironment.codec.decode(env), E.right(one));
      t.deepEqual(readEnvironment({ ...env, PORT: "9000", HOME: "/" }), { settings: one, port: 9000 });
    }),
  );
});

test("an environment with what must be given gets the rest by default", (t) => {
  const { settings, port } = readEnvironment(plain);
  t.is(port, 8080);
  const { tickSeconds, intervalSeconds, relays, logLevel, canonical, backload } = settings;
  t.deepEqual(
    { tickSeconds, intervalSeconds, relays, logLevel, canonical, backload },
    {
      tickSeconds: 240,
      intervalSeconds: 300,
      relays: {},
      logLevel: "info",
      canonical: undefined,
      backload: undefined,
    },
  );
});

test("all faults of an environment are named at once, each with what is allowed", (t) => {
  const message = faultsOf({
    ETL_NETWORK: "ropsten",
    ETL_LAKE: "s3://bucket",
    ETL_WAREHOUSE: "bigquery://only-a-project",
    ETL_STAGING_DATASET: "with-dash",
    ETL_LOCATION: "the moon",
    ETL_RELAYS: "{",
    ETL_RATE_SHARE: "1.5",
    ETL_TICK_SECONDS: "soon",
    ETL_INTERVAL_SECONDS: "0",
    ETL_MAX_BYTES_BILLED: "-1",
    ETL_CANONICAL: '{"table": "blocks"}',
    ETL_BACKLOAD: "20-10",
    ETL_REPORT_PAGES: "month",
    ETL_LOG_LEVEL: "loud",
    ETL_TIK_SECONDS: "1",
    PORT: "http",
  });
  for (const name of [...serviceEnvironment.names, "ETL_TIK_SECONDS", "PORT"])
    t.true(message.includes(`${name}: `), name);
  for (const allowed of [
    "mainnet, hoodi",
    "gs://BUCKET",
    "bigquery://PROJECT/DATASET",
    "FIRST-LAST",
    "at most 1",
  ]) {
    t.true(message.includes(allowed), allowed);
  }
  t.regex(faultsOf({}), /^6 settings are wrong: ETL_NETWORK: missing; give mainnet/);
});

test("what doesn't fit together is named beside what has another form", (t) => {
  const message = faultsOf({
    ...plain,
    ETL_RELAYS: JSON.stringify({ flashbots: { requests_per_second: 0 } }),
    ETL_LAKE: "/tmp/lake",
    ETL_TICK_SECONDS: "soon",
    PORT: "http",
  });
  for (const fault of [
    /requests_per_second must be/,
    /ETL_LAKE: a folder/,
    /ETL_TICK_SECONDS: "soon"/,
    /PORT: "http"/,
  ])
    t.regex(message, fault);
  t.regex(message, /^4 settings are wrong/);
  // Which relays there are depends on the network, so nothing is said of them where that is wrong.
  t.notRegex(faultsOf({ ...plain, ETL_NETWORK: "ropsten", ETL_RELAYS: '{"mine":{}}' }), /ETL_RELAYS/);
});

test("what doesn't fit together is refused, and no URL is repeated in a fault", (t) => {
  const relays = (value: object) => faultsOf({ ...plain, ETL_RELAYS: JSON.stringify(value) });
  for (const [value, fault] of [
    [{ flashbots: { url: "https://user:hunter2@relay.example" } }, /holds credentials/],
    [{ flashbots: { url: "http://relay.example" } }, /must be https/],
    [{ flashbots: { url: "https://169.254.169.254" } }, /private network/],
    [{ flashbots: { url: "https://localhost" } }, /this machine/],
    [{ flashbots: { url: "https://relay.example/relay/v1/data" } }, /before \/relay\/v1\//],
    [{ flashbots: { url: "https://relay.example?key=hunter2" } }, /before any/],
    [{ flashbots: { requests_per_second: 0 } }, /requests_per_second must be above 0/],
    [{ flashbot: { off: true } }, /no relay of mainnet; known are .*flashbots/],
    [{ flashbot: { off: true } }, /give another one its url/],
    [{ flashbots: { rate: "hunter2" } }, /ETL_RELAYS: this isn't a JSON object/],
    [{ "My relay": { url: "https://relay.example" } }, /My relay: a name is 1 to 40 of/],
    [{ mine: { url: "http://relay.example" } }, /mine: its url must be https/],
    [{ mine: { url: "https://10.0.0.1" } }, /where that is meant, say private: true/],
    [{ mine: { url: "ftp://relay.example", private: true } }, /must be http or https/],
    [{ flashbots: { private: true } }, /give the url, or leave private out/],
    [{ flashbots: { payload_limit: 9 } }, /payload_limit must be a whole number from 10 to 1000/],
    [{ flashbots: { payload_limit: 50.5 } }, /payload_limit must be a whole number/],
    [{ mine: { url: "https://titanrelay.xyz/" } }, /mine: its url is titan's too/],
    [
      { flashbots: { headers: { "X-Api-Key": "hunter2" } } },
      /X-Api-Key must be a secret's version, projects/,
    ],
    [{ flashbots: { headers: { "X-Api-Key": "projects/p/secrets/key" } } }, /must be a secret's version/],
    [{ flashbots: { headers: { Host: KEY } } }, /a header of it is set by the client itself/],
    [{ flashbots: { headers: { "a: hunter2": KEY } } }, /a header of it isn't the name of an HTTP header/],
    [{ flashbots: { headers: { cookie: KEY, Cookie: KEY } } }, /a header of it is given twice/],
  ] as const) {
    const message = relays(value);
    t.regex(message, fault);
    t.notRegex(message, /hunter2|example/);
  }
  t.regex(
    faultsOf({ ...plain, ETL_LAKE: "/tmp/lake" }),
    /ETL_LAKE: a folder is right on the simulated network only/,
  );
  t.regex(
    faultsOf({ ...plain, ETL_WAREHOUSE: "./w.duckdb" }),
    /ETL_WAREHOUSE: a file is right on the simulated/,
  );
  t.regex(faultsOf({ ...plain, ETL_TICK_SECONDS: "301" }), /a tick must end before the next/);
});

test("relays that the directory doesn't know stand behind it, with what is said of them", (t) => {
  const relays = {
    titan: { payload_limit: 50 },
    mine: { url: "http://10.0.0.1:8080/", private: true, requests_per_second: 5 },
    theirs: { url: "https://theirs.example", off: true },
  };
  t.is(faultsOf({ ...plain, ETL_RELAYS: JSON.stringify(relays) }), "");
  const all = overriddenRelays("mainnet", relays);
  t.deepEqual(all.slice(0, -2).length, directoryOf("mainnet").length);
  t.is(all.find(({ name }) => name === "titan")?.payloadLimit, 50);
  t.like(all.at(-2), {
    name: "mine",
    url: "http://10.0.0.1:8080",
    state: "active",
    requestsPerSecond: 5,
    payloadLimit: 100,
  });
  t.like(all.at(-1), { name: "theirs", state: "off" });
});

test("a service takes every simulated network that the command line does, and no other", (t) => {
  const of = (seed: number) => faultsOf({ ...plain, ETL_NETWORK: `simulated-${seed}` });
  fc.assert(fc.property(fc.integer({ min: 0, max: MAX_SEED }), (seed) => !of(seed).includes("ETL_NETWORK")));
  for (const seed of [0, 1e9, MAX_SEED]) t.notRegex(of(seed), /ETL_NETWORK/);
  for (const seed of [-1, 0.5, MAX_SEED + 1]) t.regex(of(seed), /ETL_NETWORK: .*simulated-SEED/);
});

test("simulated relays need an address on this machine, or to be off", (t) => {
  const local = {
    ...plain,
    ETL_NETWORK: "simulated-7",
    ETL_LAKE: "/tmp/lake",
    ETL_WAREHOUSE: "/tmp/w.duckdb",
  };
  t.regex(faultsOf(local), /give heron, kestrel, .*merlin a url, or off: true/);
  const active = overriddenRelays("simulated-7", {}).filter(({ state }) => state === "active");
  const relays = Object.fromEntries(active.map(({ name }) => [name, { off: true }]));
  const env = {
    ...local,
    ETL_RELAYS: JSON.stringify({ ...relays, heron: { url: "http://127.0.0.1:1/heron/" } }),
  };
  const { settings } = readEnvironment(env);
  const asked = overriddenRelays(settings.network, settings.relays).filter(({ state }) => state === "active");
  t.deepEqual(
    asked.map(({ name, url }) => [name, url]),
    [["heron", "http://127.0.0.1:1/heron"]],
  );
  t.regex(
    faultsOf({ ...env, ETL_RELAYS: JSON.stringify({ ...relays, heron: { url: "http://8.8.8.8" } }) }),
    /must be on this machine/,
  );
});

test("docs/configuration.md names every setting, and every line and field that metrics are made of", (t) => {
  const readme = readFileSync(new URL("../../docs/configuration.md", import.meta.url), "utf8");
  for (const name of [...serviceEnvironment.names, "PORT"]) t.true(readme.includes(`| \`${name}\` `), name);
  for (const { message, fields } of Object.values(LOG_LINES)) {
    const row = readme.split("\n").find((line) => line.startsWith(`| \`${message}\` `)) ?? "";
    for (const field of Object.keys(fields)) t.true(row.includes(`\`${field}\``), `${message} ${field}`);
  }
});
