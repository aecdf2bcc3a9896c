import { bigqueryTables } from "../runtime/warehouse/bigquery/bigqueryTables.ts";
import { readFileSync } from "node:fs";
import test from "ava";
import * as E from "fp-ts/lib/Either.js";
import { API_HOSTS } from "../components/Apis.ts";
import { PROTECTION } from "../components/protection.ts";
import type { Registered } from "../components/components.testing.ts";
import { overriddenRelays } from "../runtime/settings/relayOverrides.ts";
import { serviceEnvironment } from "../runtime/settings/serviceSettings.ts";
import { GOLDEN, goldenText, goldenUrl, runStack } from "./golden.ts";
import { committedSchemas, schemaFaults, schemasOf } from "./schemas.ts";

// Programs run one after the other: Pulumi's runtime is one for the process.
const stacks = {
  test: await runStack("test"),
  production: await runStack("production"),
};
const everything = Object.entries(stacks);
const production = stacks.production.registered;

const ofType = (registered: readonly Registered[], type: string) =>
  registered.filter((resource) => resource.type.endsWith(`:${type}`));

function named(registered: readonly Registered[], name: string): Registered {
  const found = registered.find((resource) => resource.name === name);
  if (!found) throw new Error(`nothing is named ${name}`);
  return found;
}

/** What a resource waits for, directly or by way of others. */
function waitsFor(registered: readonly Registered[], name: string): Set<string> {
  const seen = new Set<string>();
  const visit = (at: string) => {
    for (const next of named(registered, at).dependsOn) {
      if (seen.has(next)) continue;
      seen.add(next);
      visit(next);
    }
  };
  visit(name);
  return seen;
}

test.serial("each stack registers what its golden file says (npm run golden writes it anew)", async (t) => {
  for (const file of Object.keys(GOLDEN))
    t.is(await goldenText(file), readFileSync(goldenUrl(file), "utf8"), `stacks/golden/${file}.json`);
});

/** What few relays serve beside the auction, and the chain, which the payloads service brings too. */
const EXTRAS = ["adjustments", "merged_blocks", "headers", "chain_blocks"];
const IMPORT_TABLES = ["imports", "imported_bids", "imported_payloads", "seen_bids"];
const PAYLOAD_TABLES = ["payloads", "payloads_loads", "canonical_blocks", "payments", "builders"];

test("docs/configuration.md names every output", (t) => {
  const text = readFileSync(new URL("../docs/configuration.md", import.meta.url), "utf8");
  for (const output of OUTPUTS.split(/\s+/)) t.true(text.includes(`\`${output}\``), output);
});

/** Names that are relied on from outside. */
const OUTPUTS = `network project region lakeUrl warehouseUrl bucket dataset publicDataset stagingDataset
  bidsTable payloadsTable loadsView relaysTable coverageView deliveredView slotsView publicBidsView publicPayloadsView
  bidsServiceUrl payloadsServiceUrl image dashboardUrl reportUrl`;

test("the outputs have their fixed names, and none is secret or empty", (t) => {
  for (const [, { outputs, secret }] of everything) {
    t.false(secret);
    t.deepEqual(Object.keys(outputs), OUTPUTS.split(/\s+/));
    for (const [name, value] of Object.entries(outputs)) t.regex(String(value), /^[^\s[\]]{2,}$/, name);
    t.is(outputs.lakeUrl, `gs://${outputs.bucket}`);
    t.is(outputs.reportUrl, `https://storage.cloud.google.com/${outputs.bucket}/reports/day.html`);
    t.is(outputs.warehouseUrl, `bigquery://${outputs.project}/${outputs.dataset}`);
    for (const [output, table] of [
      [outputs.bidsTable, "bids"],
      [outputs.payloadsTable, "payloads"],
      [outputs.loadsView, "loads"],
      [outputs.relaysTable, "relays"],
      [outputs.coverageView, "coverage"],
      [outputs.deliveredView, "delivered"],
      [outputs.slotsView, "slots"],
    ])
      t.is(output, `${outputs.project}.${outputs.dataset}.${table}`);
    t.is(outputs.publicBidsView, `${outputs.project}.${outputs.publicDataset}.bids`);
    t.is(outputs.publicPayloadsView, `${outputs.project}.${outputs.publicDataset}.payloads`);
  }
});

test("everything has its place: children carry their parent's name, and only components stand at the top", (t) => {
  for (const [, { registered }] of everything) {
    for (const { name, parent, custom, type, provider, aliases } of registered) {
      if (parent === undefined) t.true(!custom || type === "pulumi:providers:gcp", name);
      else t.true(name.startsWith(`${parent}-`), `${name} in ${parent}`);
      if (custom && type.startsWith("gcp:")) t.is(provider, "gcp", name);
      t.is(aliases, 0, name);
    }
  }
});

/** Which API makes a type, by the word after gcp:. */
const APIS: Record<string, keyof typeof API_HOSTS> = {
  artifactregistry: "artifactRegistry",
  bigquery: "bigquery",
  billing: "budgets",
  cloudrunv2: "run",
  cloudscheduler: "scheduler",
  compute: "compute",
  logging: "logging",
  monitoring: "monitoring",
  secretmanager: "secretManager",
  serviceaccount: "iam",
  storage: "storage",
};

test("whatever an API makes waits until it is on, and no API is ever switched off", (t) => {
  for (const [, { registered }] of everything) {
    const hosts = new Map<unknown, string>(
      ofType(registered, "Service")
        .filter(({ type }) => type.startsWith("gcp:projects/"))
        .map(({ name, inputs }) => [inputs["service"], name]),
    );
    for (const name of hosts.values()) t.false(named(registered, name).inputs["disableOnDestroy"]);
    const used = new Set<string>();
    for (const { name, type } of registered) {
      const word = /^gcp:(\w+)\//.exec(type)?.[1];
      if (word === undefined || type === "gcp:projects/service:Service") continue;
      const host = API_HOSTS[word === "projects" ? "resourceManager" : (APIS[word] ?? "run")];
      t.true(word === "projects" || word in APIS, type);
      used.add(host);
      const api = hosts.get(host);
      t.true(api !== undefined && waitsFor(registered, name).has(api), `${name} waits for ${host}`);
    }
    t.deepEqual([...hosts.keys()].map(String).toSorted(), [...used].toSorted(), "no API without a use");
  }
});

test("each identity has the grants of its table, and nothing else has any", (t) => {
  for (const [stack, { registered }] of everything) {
    const account = (service: string, purpose: string) =>
      `serviceAccount:etl-${service}-${purpose}-${stack}@example-project.iam.gserviceaccount.com`;
    const dataset = `mev_boost_private_${stack}`;
    const bucket = `example-project-mev-boost-etl-${stack}`;
    const expected = [
      ["bids", ["bids", "bids_loads", "relays", "horizons", "rereads", ...IMPORT_TABLES]],
      ["payloads", [...EXTRAS.flatMap((name) => [name, `${name}_loads`]), ...PAYLOAD_TABLES]],
    ].flatMap(([service, tables]) => {
      const run = account(String(service), "run");
      return [
        `${run} roles/bigquery.jobUser example-project`,
        ...(tables as string[]).map((table) => `${run} roles/bigquery.dataEditor ${dataset}.${table}`),
        `${run} roles/storage.objectUser ${bucket}`,
        `${run} roles/storage.legacyBucketReader ${bucket}`,
        `${account(String(service), "call")} roles/run.invoker mev-boost-etl-${String(service)}-${stack}`,
      ];
    });
    const granted = registered
      .filter(({ type }) => /i?am/i.test(type) && type.endsWith("Member"))
      .map(({ inputs }) => {
        const {
          member,
          role,
          tableId,
          datasetId,
          bucket: bucketName,
          name,
          project,
        } = inputs as Record<string, string | undefined>;
        const on = tableId ? `${datasetId}.${tableId}` : (bucketName ?? name ?? project);
        return `${member} ${role} ${on}`;
      });
    t.deepEqual(granted.toSorted(), expected.toSorted());
    t.is(ofType(registered, "Key").length, 0);
  }
});

test("who may do what with a dataset stands in its accesses, and only the public one has readers", (t) => {
  for (const [stack, { registered }] of everything) {
    const accesses = (kind: string) => {
      const { inputs } = named(registered, `datasets-${kind}`);
      return (inputs["accesses"] as Record<string, unknown>[]).map((access) => JSON.stringify(access));
    };
    const owners = [
      { role: "OWNER", specialGroup: "projectOwners" },
      { role: "OWNER", userByEmail: "mev-boost-etl-deployer@example-project.iam.gserviceaccount.com" },
    ];
    const runtimes = (role: string) =>
      ["bids", "payloads"].map((service) => ({
        role,
        userByEmail: `etl-${service}-run-${stack}@example-project.iam.gserviceaccount.com`,
      }));
    const views = {
      dataset: {
        dataset: { projectId: "example-project", datasetId: `mev_boost_public_${stack}` },
        targetTypes: ["VIEWS"],
      },
    };
    const sorted = (list: unknown[]) => list.map((one) => canonical(one)).toSorted();
    const held = (kind: string) => sorted(accesses(kind).map((text) => JSON.parse(text) as unknown));
    t.deepEqual(held("private"), sorted([...owners, ...runtimes("READER"), views]));
    t.deepEqual(held("staging"), sorted([...owners, ...runtimes("WRITER")]));
    // Everybody is a reader only where someone says so: many organisations refuse such a grant.
    t.deepEqual(held("public"), sorted(owners));
  }
});

test("a service by static egress has started when connections get out; whether it lives asks for nothing outside", (t) => {
  for (const [stack, { registered }] of everything) {
    for (const service of ["bids", "payloads"]) {
      const { template } = named(registered, `${service}-service-run`).inputs as {
        template: {
          containers: Record<
            "startupProbe" | "livenessProbe",
            { httpGet: { path: string }; periodSeconds: number; failureThreshold: number }
          >[];
        };
      };
      const [container] = template.containers;
      t.is(container?.startupProbe.httpGet.path, stack === "production" ? "/started" : "/health");
      t.is(container?.livenessProbe.httpGet.path, "/health");
      const { periodSeconds = 0, failureThreshold = 0 } = container?.startupProbe ?? {};
      // Longer than the service waits, and no longer than Cloud Run takes.
      t.true(periodSeconds * failureThreshold > 120 && periodSeconds * failureThreshold <= 240);
    }
  }
});

test.serial("one key opens the public dataset to everybody, and no other", async (t) => {
  const everybody = { role: "READER", specialGroup: "allAuthenticatedUsers" };
  const { registered } = await runStack("production", {
    "mev-boost-etl:publicReaders": ["allAuthenticatedUsers"],
  });
  const open = registered.filter(({ inputs }) => JSON.stringify(inputs).includes("allAuthenticatedUsers"));
  t.deepEqual(
    open.map(({ name }) => name),
    ["datasets-public"],
  );
  t.deepEqual((open[0]?.inputs["accesses"] as unknown[] | undefined)?.at(-1), everybody);
});

test.serial(
  "pages are for those who may read the lake; one key opens their folder to readers, and to everybody where it says so, and nothing else of the bucket",
  async (t) => {
    const opened = async (reportReaders: readonly string[]) => {
      const { registered, outputs } = await runStack("production", {
        "mev-boost-etl:reportReaders": reportReaders,
      });
      const before = new Set(production.map(({ name }) => name));
      const { publicAccessPrevention, labels } = named(registered, "lake-bucket").inputs;
      return {
        more: registered
          .filter(({ name }) => !before.has(name))
          .map(({ name, inputs }) => [name, inputs["member"] ?? inputs["name"]]),
        folders: new Set(
          ofType(registered, "ManagedFolderIamMember").map(({ inputs }) => inputs["managedFolder"]),
        ),
        publicAccessPrevention,
        declared: (labels as Record<string, string>)["public_folder"],
        url: outputs.reportUrl?.replace(outputs.bucket, "BUCKET"),
      };
    };
    t.is(named(production, "lake-bucket").inputs["publicAccessPrevention"], "enforced");
    t.deepEqual(await opened(["group:research@example.org"]), {
      more: [
        ["lake-reports", "reports/"],
        ["lake-reports-reader-0", "group:research@example.org"],
      ],
      folders: new Set(["reports/"]),
      publicAccessPrevention: "enforced",
      declared: undefined,
      url: "https://storage.cloud.google.com/BUCKET/reports/day.html",
    });
    t.like(await opened(["allAuthenticatedUsers"]), {
      publicAccessPrevention: "inherited",
      declared: "reports",
      url: "https://storage.cloud.google.com/BUCKET/reports/day.html",
    });
    t.like(await opened(["domain:example.org", "allUsers"]), {
      folders: new Set(["reports/"]),
      publicAccessPrevention: "inherited",
      declared: "reports",
      url: "https://storage.googleapis.com/BUCKET/reports/day.html",
    });
  },
);

test.serial("a stack without pages says nothing of them", async (t) => {
  const { registered, outputs } = await runStack("production", { "mev-boost-etl:reportPages": [] });
  t.false("reportUrl" in outputs);
  t.false(JSON.stringify(registered).includes("ETL_REPORT_PAGES"));
});

function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === "object" && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}

test("a dataset names no account before a grant of it holds: the provider tries a grant again, and a dataset never", (t) => {
  for (const [, { registered }] of everything) {
    const accounts = ofType(registered, "Account");
    t.true(accounts.length >= 4);
    for (const { name, inputs } of ofType(registered, "Dataset")) {
      const named = accounts.filter(({ inputs: { accountId } }) =>
        JSON.stringify(inputs["accesses"]).includes(`${String(accountId)}@`),
      );
      t.is(named.length, name === "datasets-public" ? 0 : 2, name);
      for (const { inputs: account } of named) {
        const grant = ofType(registered, "IAMMember").find(({ inputs: { member } }) =>
          String(member).startsWith(`serviceAccount:${String(account["accountId"])}@`),
        );
        t.true(
          waitsFor(registered, name).has(grant?.name ?? "none"),
          `${name}: ${String(account["accountId"])}`,
        );
      }
    }
  }
});

test("what is granted stands before the service that needs it, and the invoker's grant before the first call", (t) => {
  for (const [, { registered }] of everything) {
    for (const service of ["bids", "payloads"]) {
      const run = waitsFor(registered, `${service}-service-run`);
      const needed = registered.filter(
        ({ name, inputs }) =>
          JSON.stringify(inputs["member"])?.includes(`etl-${service}-run-`) && name.startsWith(service),
      );
      // The service's tables, and the lake twice, and the right to run jobs.
      t.is(
        needed.length,
        service === "bids" ? 5 + IMPORT_TABLES.length + 3 : PAYLOAD_TABLES.length + 2 * EXTRAS.length + 3,
      );
      for (const { name } of needed) t.true(run.has(name), name);
      for (const table of ofType(registered, "Table"))
        if (table.name.startsWith(`${service}-${service}`)) t.true(run.has(table.name), table.name);
      t.true(waitsFor(registered, `${service}-service-schedule`).has(`${service}-service-invoker`));
    }
    // A view is refused over tables that aren't there.
    for (const { name, inputs } of ofType(registered, "Table")) {
      const query = (inputs["view"] as { query?: string } | undefined)?.query;
      if (query === undefined) continue;
      t.false((inputs["view"] as { useLegacySql: boolean }).useLegacySql);
      t.is(inputs["schema"], undefined);
      for (const other of ofType(registered, "Table")) {
        const id = `${String(other.inputs["datasetId"])}.${String(other.inputs["tableId"])}`;
        if (query.includes(`\`example-project.${id}\``))
          t.true(waitsFor(registered, name).has(other.name), `${name} reads ${other.name}`);
      }
    }
  }
});

test.serial(
  "both services may read exactly the secrets that the relays they ask take headers from",
  async (t) => {
    const secret = (name: string, version = 1) => `projects/keys-project/secrets/${name}/versions/${version}`;
    const relays = {
      mine: {
        url: "https://mine.example",
        headers: { "X-Api-Key": secret("key"), Cookie: secret("cookie") },
      },
      theirs: { url: "https://theirs.example", headers: { "X-Api-Key": secret("key", 2) } },
      titan: { off: true, headers: { "X-Api-Key": secret("unread") } },
    };
    const { registered } = await runStack("production", { "mev-boost-etl:relays": relays });
    const grants = ofType(registered, "SecretIamMember");
    t.deepEqual(
      grants.map(({ inputs: { project, secretId, role, member } }) => [project, secretId, role, member]),
      ["bids", "payloads"].flatMap((service) =>
        ["key", "cookie"].map((name) => [
          "keys-project",
          name,
          "roles/secretmanager.secretAccessor",
          `serviceAccount:etl-${service}-run-production@example-project.iam.gserviceaccount.com`,
        ]),
      ),
    );
    for (const { name } of grants) {
      t.true(waitsFor(registered, `${name.split("-")[0]}-service-run`).has(name), name);
      t.true(waitsFor(registered, name).has("apis-secretmanager"), name);
    }
    t.is(ofType(production, "SecretIamMember").length, 0);
    t.false(production.some(({ name }) => name === "apis-secretmanager"));
  },
);

test.serial(
  "a service is told what it decodes: where, whom, and its share of each relay's rate",
  async (t) => {
    const changedRelays = { titan: { off: true }, flashbots: { requests_per_second: 0.5 } };
    const changed = await runStack("production", {
      "mev-boost-etl:relays": changedRelays,
      "mev-boost-etl:payloadsRatePercent": 25,
    });
    for (const [stack, { registered, outputs }] of [...everything, ["production", changed] as const]) {
      const relays = registered === changed.registered ? changedRelays : {};
      const shares: number[] = [];
      for (const service of ["bids", "payloads"] as const) {
        const { inputs } = named(registered, `${service}-service-run`);
        const { template } = inputs as { template: { containers: { envs: Env[]; args: string[] }[] } };
        const [container] = template.containers;
        t.deepEqual(container?.args, ["serve", service]);
        const env = Object.fromEntries((container?.envs ?? []).map(({ name, value }) => [name, value]));
        const decoded = serviceEnvironment.codec.decode(env);
        if (E.isLeft(decoded)) return t.fail(JSON.stringify(decoded.left.map(({ message }) => message)));
        const { network, lake, warehouse, stagingDataset, rateShare, canonical: blocks } = decoded.right;
        t.deepEqual(
          { network, lake, warehouse, stagingDataset },
          {
            network: outputs.network,
            lake: outputs.lakeUrl,
            warehouse: outputs.warehouseUrl,
            stagingDataset: outputs.stagingDataset,
          },
        );
        t.is(blocks !== undefined, service === "payloads" && stack === "production");
        t.deepEqual(decoded.right.relays, relays);
        shares.push(rateShare);
      }
      for (const relay of overriddenRelays(outputs.network, relays)) {
        const sum = shares.reduce((total, share) => total + share * relay.requestsPerSecond, 0);
        t.true(Math.abs(sum - relay.requestsPerSecond) < 1e-9, `${relay.name} is asked at its own rate`);
      }
      t.deepEqual(shares, registered === changed.registered ? [0.75, 0.25] : [0.9, 0.1]);
    }
  },
);

interface Env {
  readonly name: string;
  readonly value: string;
}

test("a service is called with a token for itself alone, and each deadline ends after the one inside it", (t) => {
  for (const [stack, { registered }] of everything) {
    for (const service of ["bids", "payloads"]) {
      const run = named(registered, `${service}-service-run`).inputs as {
        template: { timeout: string; containers: { envs: Env[]; image: string }[] } & Record<string, unknown>;
      };
      const job = named(registered, `${service}-service-schedule`).inputs as Record<string, unknown>;
      const uri = `https://mev-boost-etl-${service}-${stack}-1.a.run.app`;
      t.deepEqual(job["httpTarget"], {
        httpMethod: "POST",
        uri: `${uri}/tick`,
        oidcToken: {
          audience: uri,
          serviceAccountEmail: `etl-${service}-call-${stack}@example-project.iam.gserviceaccount.com`,
        },
      });
      t.is(job["paused"], stack === "test");
      const seconds = (text: unknown) => Number(/^(\d+)s$/.exec(String(text))?.[1]);
      const [container] = run.template.containers;
      const tick = Number(container?.envs.find(({ name }) => name === "ETL_TICK_SECONDS")?.value);
      const [timeout, attempt] = [seconds(run.template.timeout), seconds(job["attemptDeadline"])];
      t.true(tick < timeout && timeout <= attempt && attempt <= 1800, `${tick} ${timeout} ${attempt}`);
      t.regex(container?.image ?? "", /@sha256:[0-9a-f]{64}$/);
      t.deepEqual(run.template["scaling"], { minInstanceCount: 0, maxInstanceCount: 1 });
    }
  }
});

test("everything that takes labels has them", (t) => {
  const labelled = /:(?:Bucket|Dataset|Table|Repository|Address|Service|AlertPolicy)$/;
  for (const [stack, { registered, outputs }] of everything) {
    const all = registered.filter(({ type }) => labelled.test(type) && !type.startsWith("gcp:projects/"));
    t.true(all.length > 20);
    for (const { name, inputs } of all)
      t.deepEqual(
        inputs["labels"] ?? inputs["userLabels"],
        { app: "mev-boost-etl", stack, network: outputs.network },
        name,
      );
  }
});

test("production guards what the table of protection says, kind by kind, and test guards nothing", (t) => {
  const kindOf = ({ name, type, inputs }: Registered): keyof typeof PROTECTION => {
    if (type.endsWith(":Table")) return inputs["view"] === undefined ? "table" : "view";
    if (type.endsWith(":Routine")) return "view";
    const kinds: Record<string, keyof typeof PROTECTION> = {
      "lake-bucket": "lake",
      "datasets-private": "data",
      "datasets-public": "public",
      "datasets-staging": "staging",
      "registry-repository": "registry",
      "egress-address": "address",
      "bids-service-run": "service",
      "payloads-service-run": "service",
    };
    return kinds[name] ?? "free";
  };
  const flagNames = ["forceDestroy", "deleteContentsOnDestroy", "deletionProtection"];
  for (const [stack, { registered }] of everything) {
    const isProtected = stack === "production";
    for (const resource of registered.filter(({ custom }) => custom)) {
      const row = PROTECTION[kindOf(resource)];
      t.is(resource.protect, isProtected && row.protect, `protect of ${resource.name}`);
      t.is(resource.retainOnDelete, isProtected && row.retainOnDelete, `retainOnDelete of ${resource.name}`);
      const flags = Object.fromEntries(
        Object.entries(resource.inputs).filter(([key]) => flagNames.includes(key)),
      );
      const expected = "flags" in row && !resource.type.endsWith(":Routine") ? row.flags(isProtected) : {};
      t.deepEqual(flags, { ...expected }, `flags of ${resource.name}`);
    }
  }
  const guarded = production.filter(({ protect }) => protect).map(({ name }) => name);
  t.is(guarded.length, 5 + bigqueryTables().length, guarded.join(" "));
  t.is(
    production.filter(({ retainOnDelete }) => retainOnDelete).length,
    2 + bigqueryTables().length,
    "the bucket, the private dataset and its tables",
  );
});

test("chunks and quarantine never expire, and the bucket is nobody's but ours", (t) => {
  for (const [, { registered }] of everything) {
    const { inputs } = named(registered, "lake-bucket");
    t.true(inputs["uniformBucketLevelAccess"]);
    t.is(inputs["publicAccessPrevention"], "enforced");
    for (const { action } of inputs["lifecycleRules"] as { action: { type: string } }[])
      t.is(action.type, "AbortIncompleteMultipartUpload");
  }
});

test("columns are only appended to what was deployed before", (t) => {
  const before = committedSchemas();
  const now = schemasOf(production);
  t.deepEqual(schemaFaults(before, now), []);
  t.deepEqual(now, before, "npm run golden writes down what was appended");
  t.deepEqual(schemasOf(stacks.test.registered), now);
  const bids = before["bids"] ?? [];
  const changed = (columns: typeof bids) => schemaFaults(before, { ...now, bids: columns });
  t.deepEqual(changed([...bids, { name: "new", type: "STRING", mode: "NULLABLE" }]), []);
  t.regex(changed(bids.slice(0, -1)).join(), /bids\.copies is gone/);
  t.regex(changed([...bids, { name: "new", type: "STRING", mode: "REQUIRED" }]).join(), /must be nullable/);
  t.regex(changed([...bids.slice(1), ...bids.slice(0, 1)]).join(), /bids\.relay has moved/);
  t.regex(
    changed(bids.map((column) => (column.name === "value" ? { ...column, type: "STRING" } : column))).join(),
    /bids\.value was NUMERIC and is STRING/,
  );
  t.deepEqual(
    schemaFaults(before, Object.fromEntries(Object.entries(now).filter(([table]) => table !== "relays"))),
    ["table relays is gone"],
  );
});

/** Limits by type, from the documentation of each API and not from the code under test. */
const LIMITS: readonly (readonly [type: string, property: string, form: RegExp])[] = [
  ["Bucket", "name", /^(?=.{3,63}$)[a-z0-9][a-z0-9_-]*[a-z0-9]$/],
  ["Dataset", "datasetId", /^[A-Za-z0-9_]{1,1024}$/],
  ["Table", "tableId", /^[A-Za-z0-9_]{1,1024}$/],
  ["Routine", "routineId", /^[A-Za-z0-9_]{1,256}$/],
  ["Account", "accountId", /^[a-z][a-z0-9-]{4,28}[a-z0-9]$/],
  ["Account", "displayName", /^.{1,100}$/],
  ["Account", "description", /^.{1,256}$/],
  ["Repository", "repositoryId", /^(?=.{1,63}$)[a-z](?:[a-z0-9-]*[a-z0-9])?$/],
  ["Job", "name", /^[A-Za-z0-9_-]{1,500}$/],
  ["Job", "description", /^.{1,500}$/],
  ["Metric", "name", /^[A-Za-z0-9_.,+!*',()%/-]{1,100}$/],
  ["Network", "name", /^[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?$/],
  ["Subnetwork", "name", /^[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?$/],
  ["Router", "name", /^[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?$/],
  ["RouterNat", "name", /^[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?$/],
  ["Address", "name", /^[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?$/],
  ["Budget", "displayName", /^.{1,60}$/],
];

test.serial("every physical name fits for the longest stack in the longest project", async (t) => {
  const project = `p${"-a".repeat(14)}z`;
  const { registered } = await runStack("production", {
    "mev-boost-etl:stack": "abcdefghi-kl",
    "gcp:project": project,
    "mev-boost-etl:budget": 100,
    "mev-boost-etl:billingAccount": "012345-6789AB-CDEF01",
  });
  for (const [type, property, form] of LIMITS) {
    const all = registered.filter((resource) => resource.type.endsWith(`:${type}`));
    t.true(all.length > 0, type);
    for (const { name, inputs } of all) t.regex(String(inputs[property]), form, `${name}.${property}`);
  }
  const services = ofType(registered, "Service").filter(({ type }) => type.includes("cloudrunv2"));
  for (const { inputs } of services) t.regex(String(inputs["name"]), /^[a-z](?:[a-z0-9-]{0,47}[a-z0-9])?$/);
  const covered = new Set([...LIMITS.map(([type]) => type), "Service", "AlertPolicy", "Dashboard"]);
  const unnamed = /Member$|^gcp$/;
  for (const { custom, type } of registered) {
    const word = type.split(":").at(-1) ?? "";
    if (custom) t.true(covered.has(word) || unnamed.test(word), `${type} has a limit in this test`);
  }
});

test.serial(
  "shared egress has no network, static egress one address that both services leave by",
  async (t) => {
    t.is(ofType(stacks.test.registered, "Network").length, 0);
    const access = (registered: readonly Registered[]) =>
      ["bids", "payloads"].map(
        (service) =>
          (named(registered, `${service}-service-run`).inputs["template"] as Record<string, unknown>)[
            "vpcAccess"
          ],
      );
    t.deepEqual(access(stacks.test.registered), [undefined, undefined]);
    const [one, other] = access(production);
    t.deepEqual(one, other);
    t.like(one, { egress: "ALL_TRAFFIC" });
    const nat = named(production, "egress-nat").inputs;
    t.is(nat["natIpAllocateOption"], "MANUAL_ONLY");
    t.is((nat["natIps"] as unknown[]).length, 1);
    // More than a service opens to one relay, while the ports of ended connections wait.
    t.is(nat["minPortsPerVm"], 256);
    t.true(waitsFor(production, "bids-service-run").has("egress-nat"));
  },
);

test.serial("a budget is made where it is wanted, of this project alone", async (t) => {
  t.is(ofType(production, "Budget").length, 0);
  const { registered } = await runStack("test", {
    "mev-boost-etl:budget": 50,
    "mev-boost-etl:billingAccount": "012345-6789AB-CDEF01",
    "mev-boost-etl:notificationChannels": ["projects/example-project/notificationChannels/1"],
  });
  const { inputs } = named(registered, "monitoring-budget");
  t.like(inputs, {
    billingAccount: "012345-6789AB-CDEF01",
    amount: { specifiedAmount: { units: "50" } },
    budgetFilter: { projects: ["projects/123456789012"] },
  });
  for (const policy of ofType(registered, "AlertPolicy"))
    t.deepEqual(policy.inputs["notificationChannels"], ["projects/example-project/notificationChannels/1"]);
});

test("an image that is built is pushed to the stack's own registry and named by its digest", (t) => {
  const image = named(stacks.test.registered, "image-build");
  t.like(image.inputs, { push: true, context: { location: "." }, dockerfile: { location: "Dockerfile" } });
  const [tag] = image.inputs["tags"] as string[];
  t.is(tag, "us-central1-docker.pkg.dev/example-project/mev-boost-etl-test/mev-boost-etl:deployed-test");
  t.is(image.inputs["registries"], undefined, "no token in the state");
  t.true(waitsFor(stacks.test.registered, "image-build").has("registry-repository"));
  const policies = named(stacks.test.registered, "registry-repository").inputs["cleanupPolicies"];
  t.true(
    (policies as { action: string; condition?: { tagPrefixes?: string[] } }[]).some(
      ({ action, condition }) =>
        action === "KEEP" &&
        condition?.tagPrefixes?.some((prefix) => tag?.split(":").at(-1)?.startsWith(prefix)),
    ),
    "the clean-up keeps what runs",
  );
});
