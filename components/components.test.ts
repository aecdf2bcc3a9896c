import { InputPropertyError, type Resource } from "@pulumi/pulumi";
import test from "ava";
import type { StackContext } from "./stackContext.ts";
import { API_HOSTS, type ApiName, Apis } from "./Apis.ts";
import { BidsEtl } from "./BidsEtl.ts";
import { ContainerImage } from "./ContainerImage.ts";
import { Datasets } from "./Datasets.ts";
import type { DatasetEtlArgs } from "./DatasetEtl.ts";
import { DatasetTable } from "./DatasetTable.ts";
import { LakeBucket } from "./LakeBucket.ts";
import { LogMetrics } from "./LogMetrics.ts";
import { Monitoring } from "./Monitoring.ts";
import { ResourceNames } from "./names.ts";
import { PayloadsEtl } from "./PayloadsEtl.ts";
import { environment, ScheduledService, type ScheduledServiceArgs } from "./ScheduledService.ts";
import { ServiceIdentity } from "./ServiceIdentity.ts";
import { type Registered, registrations } from "./components.testing.ts";

const ALL_APIS = Object.keys(API_HOSTS) as ApiName[];

function stackContext(isProtected = false): StackContext {
  return {
    project: "example-project",
    region: "europe-west1",
    names: new ResourceNames({ project: "example-project", stack: "unit" }),
    labels: { stack: "unit" },
    protect: isProtected,
    apis: new Apis("apis", { apis: ALL_APIS }),
  };
}

/** What a program with a stack of its own registers, without what the stack itself brings. */
async function made(build: (stack: StackContext) => unknown, isProtected = false): Promise<Registered[]> {
  const { registered } = await registrations(() => {
    build(stackContext(isProtected));
    return {};
  });
  return registered.filter(({ name }) => !name.startsWith("apis"));
}

function one(registered: readonly Registered[], name: string): Registered {
  const found = registered.filter((resource) => resource.name === name);
  if (found.length !== 1) throw new Error(`${found.length} are named ${name}`);
  return found[0] as Registered;
}

const settings: DatasetEtlArgs["settings"] = {
  network: "hoodi",
  location: "EU",
  relays: {},
  rateShare: 0.5,
  tickSeconds: 100,
  intervalSeconds: 300,
  maxBytesBilled: 1e9,
  logLevel: "warn",
};

const sizing: ScheduledServiceArgs["sizing"] = {
  cpu: 1,
  memory: "1Gi",
  concurrency: 4,
  minInstances: 1,
  timeoutSeconds: 120,
  attemptSeconds: 150,
  startupSeconds: 31,
  livenessPeriodSeconds: 20,
  livenessTimeoutSeconds: 7,
  livenessFailures: 2,
  schedule: "*/5 * * * *",
  timeZone: "Etc/UTC",
  enabled: true,
};

const image = `example.dev/a/b@sha256:${"0".repeat(64)}`;

/** A dataset's ETL with all that it needs, some of it changed. */
function etl(
  stack: StackContext,
  Etl: typeof BidsEtl | typeof PayloadsEtl,
  changed: Partial<DatasetEtlArgs> = {},
) {
  const service = Etl === BidsEtl ? "bids" : "payloads";
  const identity = new ServiceIdentity("identity", { stack, service });
  const lake = new LakeBucket("lake", { stack, location: "EU", softDeleteDays: 7 });
  const datasets = new Datasets("datasets", {
    stack,
    location: "EU",
    deployer: "deployer@example.com",
    runtimes: [identity.runtime.email],
    after: identity.grants,
    publicReaders: [],
  });
  const limits = { noTickMinutes: 30, lagSlots: 600, relaySilentHours: 6, quarantinePercent: 1, errors: 3 };
  return new Etl("etl", {
    stack,
    lake,
    datasets,
    identity,
    image,
    settings,
    sizing,
    publicDays: 7,
    metrics: new LogMetrics("metrics", { stack }),
    alerts: limits,
    notificationChannels: [],
    ...changed,
  });
}

interface Wrong {
  readonly what: string;
  readonly build: (stack: StackContext) => Resource;
  readonly path: string;
  readonly reason: RegExp;
}

const scheduled = (stack: StackContext, changed: Partial<typeof sizing>) =>
  new ScheduledService("service", {
    stack,
    service: "bids",
    identity: new ServiceIdentity("identity", { stack, service: "bids" }),
    image,
    settings: {
      ...settings,
      lake: "gs://a-lake",
      warehouse: "bigquery://example-project/a",
      stagingDataset: "b",
    },
    sizing: { ...sizing, ...changed },
    after: [],
  });

const readers = (stack: StackContext, publicReaders: string[]) =>
  new Datasets("datasets", {
    stack,
    location: "EU",
    deployer: "d@example.com",
    runtimes: [],
    after: [],
    publicReaders,
  });

const wrong: readonly Wrong[] = [
  {
    what: "a lake nowhere",
    build: (stack) => new LakeBucket("lake", { stack, location: "", softDeleteDays: 7 }),
    path: "location",
    reason: /give a location of Cloud Storage/,
  },
  {
    what: "soft delete shorter than there is",
    build: (stack) => new LakeBucket("lake", { stack, location: "EU", softDeleteDays: 1 }),
    path: "softDeleteDays",
    reason: /give 0, or 7 to 90 days/,
  },
  {
    what: "everyone as a reader",
    build: (stack) => readers(stack, ["allUsers"]),
    path: "publicReaders",
    reason: /allAuthenticatedUsers/,
  },
  {
    what: "a table that there is no definition of",
    build: (stack) => new DatasetTable("table", { stack, dataset: "d", table: "blocks" }),
    path: "table",
    reason:
      /no such table; there are relays, horizons, rereads, canonical_blocks, payments, builders, bids, payloads, adjustments, merged_blocks, headers, chain_blocks, bids_loads, payloads_loads, adjustments_loads, merged_blocks_loads, headers_loads, chain_blocks_loads, imports, imported_bids, imported_payloads, seen_bids$/,
  },
  {
    what: "an image by tag",
    build: (stack) => new ContainerImage("image", { stack, source: { ref: "a/b:latest" }, image: "c" }),
    path: "source.ref",
    reason: /give NAME@sha256:DIGEST/,
  },
  {
    what: "an instance that takes one request at a time",
    build: (stack) => scheduled(stack, { concurrency: 1 }),
    path: "sizing.concurrency",
    reason: /2 or more/,
  },
  {
    what: "a scheduler that gives up first",
    build: (stack) => scheduled(stack, { attemptSeconds: 119 }),
    path: "sizing.attemptSeconds",
    reason: /timeoutSeconds \(120\) to 1800/,
  },
  {
    what: "a budget without a billing account",
    build: (stack) =>
      new Monitoring("monitoring", {
        stack,
        metrics: new LogMetrics("metrics", { stack }),
        budget: 5,
        billingAccount: "",
        notificationChannels: [],
      }),
    path: "billingAccount",
    reason: /needs a billing account/,
  },
  {
    what: "a network that isn't deployed",
    build: (stack) => etl(stack, BidsEtl, { settings: { ...settings, network: "nowhere" } }),
    path: "settings.network",
    reason: /no such network/,
  },
];

for (const { what, build, path, reason } of wrong) {
  test.serial(`wrong arguments: ${what}`, async (t) => {
    const error = await t.throwsAsync(made(build), { name: "Error" });
    t.like(error, { propertyPath: path });
    t.regex(error.message, reason);
  });
}

test.serial("several wrong arguments are all named", async (t) => {
  const error = await t.throwsAsync(
    made((stack) => new LakeBucket("lake", { stack, location: "", softDeleteDays: 99 })),
  );
  t.like(error, { errors: [{ propertyPath: "location" }, { propertyPath: "softDeleteDays" }] });
  t.regex(error.message, /location: .*; softDeleteDays: /);
});

test("settings that the service would refuse aren't deployed", (t) => {
  const whole = {
    ...settings,
    lake: "gs://a-lake",
    warehouse: "bigquery://example-project/a",
    stagingDataset: "b",
  };
  t.deepEqual(environment(whole, sizing)[0], { name: "ETL_NETWORK", value: "hoodi" });
  const error = t.throws(() => environment({ ...whole, rateShare: 2, tickSeconds: 120 }, sizing), {
    instanceOf: InputPropertyError,
  });
  t.is(error.propertyPath, "settings");
  t.regex(error.reason, /ETL_RATE_SHARE: "2" isn't a number above 0, at most 1/);
  t.regex(error.reason, /ETL_TICK_SECONDS: give less than sizing.timeoutSeconds, 120/);
});

test.serial("each child can be changed before it is made, and no other with it", async (t) => {
  const registered = await made((stack) =>
    etl(stack, PayloadsEtl, {
      transform: {
        tables: { table: (args) => ({ ...args, friendlyName: "mine" }) },
        publicView: { view: (args) => ({ ...args, description: "mine too" }) },
        service: {
          service: (args) => ({ ...args, customAudiences: ["https://etl.example.com"] }),
          schedule: (args) => ({ ...args, description: "a tick" }),
        },
      },
    }),
  );
  for (const table of ["payloads", "payloads-loads", "canonical-blocks"])
    t.is(one(registered, `etl-${table}-table`).inputs["friendlyName"], "mine");
  t.like(one(registered, "etl-public-view").inputs, { description: "mine too", tableId: "payloads" });
  t.is(one(registered, "etl-public-view").inputs["friendlyName"], undefined);
  t.like(one(registered, "etl-service-run").inputs, { customAudiences: ["https://etl.example.com"] });
  t.like(one(registered, "etl-service-schedule").inputs, { description: "a tick", paused: false });
});

test.serial("type tokens are fixed: a changed one needs an alias, or everything is made anew", async (t) => {
  const registered = await made((stack) => [etl(stack, BidsEtl)]);
  t.deepEqual(
    registered.filter(({ custom }) => !custom).map(({ name, type }) => `${name} ${type}`),
    [
      "identity mev-boost-etl:index:ServiceIdentity",
      "lake mev-boost-etl:index:LakeBucket",
      "datasets mev-boost-etl:index:Datasets",
      "metrics mev-boost-etl:index:LogMetrics",
      "etl mev-boost-etl:index:BidsEtl",
      "etl-bids mev-boost-etl:index:DatasetTable",
      "etl-bids-loads mev-boost-etl:index:DatasetTable",
      "etl-relays mev-boost-etl:index:DatasetTable",
      "etl-horizons mev-boost-etl:index:DatasetTable",
      "etl-rereads mev-boost-etl:index:DatasetTable",
      "etl-imports mev-boost-etl:index:DatasetTable",
      "etl-imported-bids mev-boost-etl:index:DatasetTable",
      "etl-imported-payloads mev-boost-etl:index:DatasetTable",
      "etl-seen-bids mev-boost-etl:index:DatasetTable",
      "etl-public mev-boost-etl:index:DatasetView",
      "etl-service mev-boost-etl:index:ScheduledService",
      "etl-alerts mev-boost-etl:index:ServiceAlerts",
    ],
  );
});

test.serial("what a protected stack guards, a disposable one doesn't", async (t) => {
  for (const isProtected of [true, false]) {
    const registered = await made((stack) => etl(stack, BidsEtl), isProtected);
    const guarded = registered.filter(({ protect }) => protect).map(({ name }) => name);
    const names = ["datasets-private", "datasets-public", "lake-bucket"];
    const imported = ["imports", "imported-bids", "imported-payloads", "seen-bids"];
    const held = ["bids-loads", "bids", "relays", "horizons", "rereads", ...imported];
    const tables = held.map((table) => `etl-${table}-table`);
    t.deepEqual(guarded.toSorted(), isProtected ? [...names, ...tables].toSorted() : []);
    t.is(one(registered, "etl-bids-table").inputs["deletionProtection"], isProtected);
    t.is(one(registered, "lake-bucket").inputs["forceDestroy"], !isProtected);
    t.false(one(registered, "etl-service-run").inputs["deletionProtection"]);
  }
});

test.serial("probes, limits and time-outs are what the sizing says", async (t) => {
  const registered = await made((stack) => etl(stack, BidsEtl));
  const { template } = one(registered, "etl-service-run").inputs as {
    template: { containers: Record<string, unknown>[] } & Record<string, unknown>;
  };
  t.like(template, {
    timeout: "120s",
    maxInstanceRequestConcurrency: 4,
    scaling: { minInstanceCount: 1, maxInstanceCount: 1 },
  });
  t.like(template.containers[0], {
    startupProbe: { failureThreshold: 7, periodSeconds: 5 },
    livenessProbe: { periodSeconds: 20, timeoutSeconds: 7, failureThreshold: 2 },
    resources: { limits: { cpu: "1", memory: "1Gi" } },
  });
});

test.serial(
  "what is pushed is one image and no index, whose untagged parts the registry would clean up",
  async (t) => {
    const registered = await made(
      (stack) => new ContainerImage("image", { stack, source: { build: true }, image: "example.dev/a/b" }),
    );
    const { platforms, exec, exports } = one(registered, "image-build").inputs;
    t.deepEqual(platforms, ["linux/amd64"]);
    // `docker buildx` would add attestations, and so an index.
    t.is(exec, false);
    t.is(exports, undefined);
  },
);

test.serial("readers of the public dataset are written as the API names each kind", async (t) => {
  const registered = await made((stack) =>
    readers(stack, [
      "user:a@example.com",
      "group:b@example.com",
      "domain:example.com",
      "allAuthenticatedUsers",
    ]),
  );
  const accesses = one(registered, "datasets-public").inputs["accesses"] as object[];
  t.deepEqual(accesses.slice(2), [
    { role: "READER", userByEmail: "a@example.com" },
    { role: "READER", groupByEmail: "b@example.com" },
    { role: "READER", domain: "example.com" },
    { role: "READER", specialGroup: "allAuthenticatedUsers" },
  ]);
});

test.serial("what isn't known fails: a type, a function, a name that stands twice", async (t) => {
  await t.throwsAsync(
    made((stack) => [
      new LakeBucket("lake", { stack, location: "EU", softDeleteDays: 0 }),
      new ServiceIdentity("lake", { stack, service: "bids" }),
    ]),
    { message: /a second lake/ },
  );
  const { BucketObject } = await import("@pulumi/gcp/storage/bucketObject.js");
  await t.throwsAsync(
    made(() => new BucketObject("object", { bucket: "a", content: "b" })),
    { message: /type gcp:storage\/bucketObject:BucketObject/ },
  );
});
