import { runtime } from "@pulumi/pulumi";
import test from "ava";
import { publishFormat } from "./publishConfig.ts";
import { decodeConfig, readConfig } from "./config.ts";
import { KEYS } from "./configKeys.ts";
import { engineConfig, projectFile, STACKS, yamlFile } from "./stacks.testing.ts";

/** What is said about a stack's config with some keys changed. */
function mistakesOf(more: Record<string, unknown>, stack: (typeof STACKS)[number] = "production"): string[] {
  const named = Object.entries(more).map(([key, value]) => [
    key.includes(":") ? key : `mev-boost-etl:${key}`,
    value,
  ]);
  return decodeConfig(engineConfig(stack, Object.fromEntries(named))).mistakes;
}

test("Pulumi.yaml says of the keys what the program does: `npm run golden` writes it", (t) => {
  const said = Object.entries(projectFile.config).map(([key, { type, default: value, description }]) => [
    key,
    { type, default: value, description },
  ]);
  const known = Object.entries(KEYS).map(([key, { type, default: value, description }]) => [
    key,
    { type, default: value, description },
  ]);
  t.deepEqual(said, known);
});

test("every key has a type, a default and one line of description in Pulumi.yaml, and no other key is read", (t) => {
  for (const [key, { type, description, ...rest }] of Object.entries(projectFile.config)) {
    t.regex(key, /^[a-z][A-Za-z]+$/);
    t.true(["string", "integer", "boolean", "array", "object"].includes(type), key);
    t.true("default" in rest, key);
    t.regex(description, /^[^\n]{10,140}$/, key);
    const { default: value } = rest;
    const kind = Array.isArray(value) ? "array" : Number.isInteger(value) ? "integer" : typeof value;
    t.is(kind, type, `${key}: the default is of the type`);
    // Each key is read: without it the config isn't whole.
    const texts = engineConfig("test");
    delete texts[`mev-boost-etl:${key}`];
    const said = decodeConfig(texts).mistakes;
    const emptyIsRight = key === "billingAccount" || key === "bucketLocation";
    t.is(said.length, emptyIsRight ? 0 : 1, said.join("\n"));
    if (!emptyIsRight) t.true(said[0]?.startsWith(`mev-boost-etl:${key}: is not set; give `), said[0]);
  }
});

test("the committed stacks are right, differ by their files alone, and name no project", (t) => {
  for (const stack of STACKS) {
    const { config } = yamlFile(`Pulumi.${stack}.yaml`) as { config: Record<string, unknown> };
    t.is(config["mev-boost-etl:stack"], stack);
    t.deepEqual(
      Object.keys(config).filter((key) => !key.startsWith("mev-boost-etl:")),
      [],
    );
    const { config: decoded, mistakes } = decodeConfig(engineConfig(stack));
    t.deepEqual(mistakes, []);
    t.is(decoded?.project, "example-project");
    t.is(decoded?.deployer, "mev-boost-etl-deployer@example-project.iam.gserviceaccount.com");
  }
  const [small, whole] = STACKS.map((stack) => decodeConfig(engineConfig(stack)).config);
  t.deepEqual(
    [small?.network, small?.protect, small?.schedulerEnabled, small?.publicReaders, small?.image],
    ["hoodi", false, false, [], { build: true }],
  );
  t.deepEqual(
    [whole?.network, whole?.protect, whole?.schedulerEnabled, whole?.egress],
    ["mainnet", true, true, "static"],
  );
});

const wrong: readonly (readonly [string, Record<string, unknown>, readonly string[]])[] = [
  [
    "no project",
    { "gcp:project": "" },
    ["gcp:project: is not set; give a project's id of 6 to 30 characters"],
  ],
  [
    "a key of gcp that nothing reads",
    { "gcp:region": "europe-west1" },
    ["gcp:region: isn't read; of gcp only gcp:project is, the rest stands under mev-boost-etl:"],
  ],
  [
    "a stack's name that accounts have no room for",
    { stack: "production-eu" },
    [
      'mev-boost-etl:stack: "production-eu" is wrong; give 1 to 12 of a-z, 0-9 and "-", the first a letter, the last no "-"',
    ],
  ],
  [
    "a network that isn't deployed",
    { network: "simulated" },
    ['mev-boost-etl:network: "simulated" is wrong; give one of mainnet, hoodi, sepolia'],
  ],
  [
    "a zone for a region",
    { region: "us-central1-a" },
    ['mev-boost-etl:region: "us-central1-a" is wrong; give a region such as us-central1'],
  ],
  [
    "a bucket apart from its dataset",
    { bigqueryLocation: "europe-west1", canonicalBlocks: {} },
    [
      "mev-boost-etl:bucketLocation: a dataset in europe-west1 can't load from a bucket in us-central1; give europe-west1, or set bigqueryLocation to US or us-central1",
    ],
  ],
  [
    "public chain data that can't be joined",
    { bigqueryLocation: "EU", bucketLocation: "EU" },
    [
      "mev-boost-etl:canonicalBlocks: bigquery-public-data.crypto_ethereum.blocks is in US and can't be joined from EU; give {}, or a table in EU",
    ],
  ],
  [
    "half a source of blocks",
    { canonicalBlocks: { table: "a-project.b.c" } },
    [
      'mev-boost-etl:canonicalBlocks: "{"table":"a-project.b.c"}" is wrong; give {} or {table: project.dataset.table, timestamp_column, hash_column}',
    ],
  ],
  [
    "a tick longer than its service's time",
    { tickSeconds: 300 },
    ["mev-boost-etl:timeoutSeconds: 300 cuts a tick off; give more than tickSeconds, 300"],
  ],
  [
    "a scheduler that doesn't wait for the service",
    { timeoutSeconds: 331 },
    ["mev-boost-etl:attemptSeconds: 330 ends before the service's answer; give at least timeoutSeconds, 331"],
  ],
  [
    "a scheduler that waits longer than it can",
    { attemptSeconds: 1801 },
    ['mev-boost-etl:attemptSeconds: "1801" is wrong; give seconds from 15 to 1800'],
  ],
  [
    "ticks that overlap",
    { bidsSchedule: "*/3 * * * *" },
    [
      "mev-boost-etl:tickSeconds: 240 is longer than the 180 s between two ticks of bidsSchedule; give at most 180",
    ],
  ],
  [
    "an alert for want of ticks sooner than ticks come",
    { bidsSchedule: "*/10 * * * *", alertNoTickMinutes: 9 },
    [
      "mev-boost-etl:alertNoTickMinutes: 9 is shorter than the 10 minutes between two ticks of bidsSchedule; give at least 10",
    ],
  ],
  [
    "a schedule with hours",
    { payloadsSchedule: "*/5 8-18 * * *" },
    [
      'mev-boost-etl:payloadsSchedule: "*/5 8-18 * * *" is wrong; give minutes and nothing else, such as */5 * * * *',
    ],
  ],
  [
    "a schedule with a gap at the hour's end",
    { payloadsSchedule: "*/7 * * * *" },
    [
      'mev-boost-etl:payloadsSchedule: "*/7 * * * *" is wrong; give minutes that lie evenly, 1 to 30 apart, such as */5 or 2-59/5',
    ],
  ],
  [
    "an image by tag",
    { image: { ref: "us-central1-docker.pkg.dev/p/r/i:latest" } },
    [
      'mev-boost-etl:image: "{"ref":"us-central1-docker.pkg.dev/p/r/i:latest"}" is wrong; give {build: true} or {ref: NAME@sha256:DIGEST}',
    ],
  ],
  [
    "both kinds of image",
    { image: { build: true, ref: `a/b@sha256:${"0".repeat(64)}` } },
    [
      `mev-boost-etl:image: "${JSON.stringify({ build: true, ref: `a/b@sha256:${"0".repeat(64)}` })}" is wrong; give {build: true} or {ref: NAME@sha256:DIGEST}`,
    ],
  ],
  [
    "credentials in a relay's URL, which aren't repeated",
    { relays: { flashbots: { url: "https://user:hunter2@boost-relay.flashbots.net" } } },
    ["mev-boost-etl:relays: flashbots: its url holds credentials; give them as a header"],
  ],
  [
    "a relay's private address",
    { relays: { titan: { url: "https://10.0.0.7" } } },
    [
      "mev-boost-etl:relays: titan: its url is an address of this machine or a private network; where that is meant, say private: true",
    ],
  ],
  [
    "a new relay without its address",
    { relays: { mine: { payload_limit: 50 } }, network: "sepolia" },
    ["mev-boost-etl:relays: mine: no relay of sepolia; known are flashbots; give another one its url"],
  ],
  [
    "a new relay's plain http",
    { relays: { mine: { url: "http://relay.example" } } },
    ["mev-boost-etl:relays: mine: its url must be https"],
  ],
  [
    "a private address where no network leads to it",
    { relays: { mine: { url: "http://10.0.0.7:8080", private: true } }, egress: "shared" },
    [
      "mev-boost-etl:egress: shared leads to no private address, as mine has; give static, and connect its network",
    ],
  ],
  [
    "a start that ends before connections get out",
    { egress: "static", startupSeconds: 120 },
    ["mev-boost-etl:startupSeconds: 120 may end a start by static egress; give more than 120"],
  ],
  [
    "a private address that isn't given",
    { relays: { titan: { private: true } } },
    [
      "mev-boost-etl:relays: titan: private is said of a url that is given here; give the url, or leave private out",
    ],
  ],
  [
    "one endpoint under two names",
    { relays: { mine: { url: "https://titanrelay.xyz" } } },
    ["mev-boost-etl:relays: mine: its url is titan's too; ask one endpoint under one name"],
  ],
  [
    "a page of payloads of one row",
    { relays: { titan: { payload_limit: 1 } } },
    ["mev-boost-etl:relays: titan: payload_limit must be a whole number from 10 to 1000"],
  ],
  [
    "a header's value, which isn't repeated",
    { relays: { titan: { headers: { "X-Api-Key": "hunter2" } } } },
    [
      "mev-boost-etl:relays: titan: its header X-Api-Key must be a secret's version, projects/PROJECT/secrets/SECRET/versions/NUMBER, and never the value itself",
    ],
  ],
  [
    "a header of the client's own",
    { relays: { titan: { headers: { Host: "projects/a-project/secrets/host/versions/1" } } } },
    ["mev-boost-etl:relays: titan: a header of it is set by the client itself; leave it out"],
  ],
  [
    "a header twice",
    {
      relays: {
        titan: {
          headers: {
            cookie: "projects/a-project/secrets/one/versions/1",
            Cookie: "projects/a-project/secrets/two/versions/1",
          },
        },
      },
    },
    ["mev-boost-etl:relays: titan: a header of it is given twice; leave one out"],
  ],
  [
    "a back-load of a relay that nobody knows",
    {
      backload: { range: "5000000-5000009", shards: 1, parallelism: 1, relays: ["mine"] },
      network: "sepolia",
    },
    ['mev-boost-etl:backload: relays: no relay "mine"; there are flashbots'],
  ],
  [
    "a relay's rate of nothing",
    { relays: { titan: { requests_per_second: 0 } } },
    ["mev-boost-etl:relays: titan: requests_per_second must be above 0, at most 1000"],
  ],
  [
    "a misspelled field of a relay",
    { relays: { titan: { rate: 2 } } },
    [
      "mev-boost-etl:relays: has another form; give a JSON object, relay's name to {url, requests_per_second, payload_limit, off, private, headers}, or some of these",
    ],
  ],
  [
    "soft delete shorter than there is",
    { softDeleteDays: 3 },
    ["mev-boost-etl:softDeleteDays: 3 is less than Cloud Storage takes; give 0, or 7 to 90"],
  ],
  [
    "everyone as a reader",
    { publicReaders: ["allUsers"] },
    [
      'mev-boost-etl:publicReaders: "["allUsers"]" is wrong; give a list of user:…, group:…, domain:… or allAuthenticatedUsers',
    ],
  ],
  [
    "a page that there isn't, and a reader without a kind",
    { reportPages: ["day", "month"], reportReaders: ["someone@example.org"] },
    [
      'mev-boost-etl:reportPages: "["day","month"]" is wrong; give a list of day and week',
      'mev-boost-etl:reportReaders: "["someone@example.org"]" is wrong; give a list of user:…, group:…, domain:…, allAuthenticatedUsers or allUsers',
    ],
  ],
  [
    "publishing without a prefix",
    { publish: { days: 10 } },
    [`mev-boost-etl:publish: "{"days":10}" is wrong; give ${publishFormat.name}`],
  ],
  [
    "publishing that runs every hour, and looks back less than a week",
    { publish: { prefix: "a", schedule: "0 * * * *", days: 7 } },
    [
      `mev-boost-etl:publish: "{"prefix":"a","schedule":"0 * * * *","days":7}" is wrong; give ${publishFormat.name}`,
    ],
  ],
  [
    "more memory than the job that publishes can have",
    { publish: { prefix: "mev-boost", memory: "16Gi" } },
    ["mev-boost-etl:publish: memory: 16Gi is wrong for 2 CPU; give 512Mi to 8192Mi"],
  ],
  [
    "readers of what isn't published",
    { publishReaders: ["allUsers"] },
    ["mev-boost-etl:publishReaders: there is nothing to read; give publish too, or []"],
  ],
  [
    "more memory than one CPU has",
    { bidsCpu: 1, bidsMemory: "8Gi" },
    ["mev-boost-etl:bidsMemory: 8Gi is wrong for 1 CPU; give 512Mi to 4096Mi"],
  ],
  [
    "less memory than Cloud Run gives",
    { payloadsMemory: "256Mi" },
    ["mev-boost-etl:payloadsMemory: 256Mi is wrong for 1 CPU; give 512Mi to 4096Mi"],
  ],
  ["three CPUs", { bidsCpu: 3 }, ['mev-boost-etl:bidsCpu: "3" is wrong; give 1, 2, 4, 6 or 8']],
  [
    "one request at a time, so that the service never sees a second tick",
    { concurrency: 1 },
    ['mev-boost-etl:concurrency: "1" is wrong; give requests from 2 to 1000'],
  ],
  [
    "two instances",
    { minInstances: 2 },
    ['mev-boost-etl:minInstances: "2" is wrong; give instances from 0 to 1'],
  ],
  [
    "a probe that outlasts its period",
    { livenessTimeoutSeconds: 60 },
    ["mev-boost-etl:livenessTimeoutSeconds: 60 is longer than livenessPeriodSeconds; give at most 30"],
  ],
  [
    "a budget of nobody's",
    { budget: 50 },
    ["mev-boost-etl:billingAccount: is not set; a budget needs one, XXXXXX-XXXXXX-XXXXXX"],
  ],
  [
    "a label that is taken",
    { labels: { app: "mine" } },
    [
      'mev-boost-etl:labels: "{"app":"mine"}" is wrong; give an object of labels: lower-case letters, digits, _ and -, at most 63; app, stack and network are taken',
    ],
  ],
  [
    "a share that leaves the bids nothing",
    { payloadsRatePercent: 100 },
    ['mev-boost-etl:payloadsRatePercent: "100" is wrong; give a whole number from 1 to 99'],
  ],
  [
    "a channel by its name alone",
    { notificationChannels: ["mail"] },
    [
      'mev-boost-etl:notificationChannels: "["mail"]" is wrong; give a list of projects/PROJECT/notificationChannels/NUMBER',
    ],
  ],
];

for (const [what, more, messages] of wrong) {
  test(`wrong config: ${what}`, (t) => t.deepEqual(mistakesOf(more), messages));
}

test("a stack takes relays of its own, private ones by declaration, and page limits and headers of all", (t) => {
  const relays = {
    mine: { url: "http://10.0.0.7:8080", private: true, requests_per_second: 20 },
    theirs: { url: "https://theirs.example", payload_limit: 50 },
    titan: { payload_limit: 100, headers: { "X-Api-Key": "projects/a-project/secrets/key/versions/latest" } },
  };
  const backload = { range: "5000000-5000009", shards: 1, parallelism: 1, relays: ["mine", "titan"] };
  t.deepEqual(mistakesOf({ relays, backload }), []);
});

test("a misspelled key is named, with those that there are", (t) => {
  const [said, ...others] = mistakesOf({ tickSecond: 10 });
  t.deepEqual(others, []);
  t.regex(said ?? "", /^mev-boost-etl:tickSecond: no such key; there are stack, network, .*tickSeconds/);
});

test("all mistakes are said at once, each on its line, and nothing is deployed", (t) => {
  runtime.setAllConfig(
    engineConfig("production", {
      "gcp:project": "x",
      "mev-boost-etl:network": "main",
      "mev-boost-etl:tickSeconds": 299,
      "mev-boost-etl:timeoutSeconds": 299,
      "mev-boost-etl:bidsMemory": "lots",
    }),
  );
  const error = t.throws(() => readConfig());
  const lines = error.message.split("\n");
  t.is(lines[0], "4 mistakes in the stack's config:");
  t.deepEqual(
    lines.slice(1).map((line) => line.trim().split(": ")[0]),
    ["gcp:project", "mev-boost-etl:network", "mev-boost-etl:bidsMemory", "mev-boost-etl:timeoutSeconds"],
  );
});

test("a schedule's interval is what its minutes say", (t) => {
  const intervals: [string, number][] = [
    ["*/5 * * * *", 300],
    ["2-59/5 * * * *", 300],
    ["0,30 * * * *", 1800],
    ["7/10 * * * *", 600],
    ["0,20,40 * * * *", 1200],
  ];
  for (const [schedule, seconds] of intervals) {
    const { config, mistakes } = decodeConfig(
      engineConfig("test", { "mev-boost-etl:bidsSchedule": schedule }),
    );
    t.deepEqual(mistakes, []);
    t.is(config?.bidsInterval, seconds, schedule);
  }
  for (const schedule of [
    "0 * * * *",
    "*/40 * * * *",
    "5-1 * * * *",
    "0,1 * * * *",
    "*/0 * * * *",
    "a * * * *",
  ])
    t.is(mistakesOf({ bidsSchedule: schedule }).length, 1, schedule);
});
