import test from "ava";
import * as E from "fp-ts/lib/Either.js";
import type { Registered } from "../components/components.testing.ts";
import { PROTECTION } from "../components/protection.ts";
import { publishEnvironment } from "../runtime/settings/publishSettings.ts";
import { runStack } from "./golden.ts";

// What a stack that publishes has beside the others' parts: stacks/golden/production-publish.json.
const KEY = "mev-boost-etl:publish";
const READERS = "mev-boost-etl:publishReaders";
const publishing = { prefix: "mev-boost" };

/** What the key adds to a committed stack. */
async function added(more: Readonly<Record<string, unknown>>, stack: "test" | "production" = "production") {
  const before = new Set((await runStack(stack)).registered.map(({ name }) => name));
  const { registered, outputs } = await runStack(stack, more);
  const parts = registered.filter(({ name }) => !before.has(name));
  const named = (name: string): Registered => {
    const found = parts.find((part) => part.name === name);
    if (!found) throw new Error(`nothing is named ${name}`);
    return found;
  };
  return { parts, named, registered, outputs };
}

const OUTPUTS = ["publishedUrl", "publishedOut"];
const account = (purpose: string) =>
  `etl-publish-${purpose}-production@example-project.iam.gserviceaccount.com`;

test.serial("without the key there is no job, no bucket, no account of it and no output", async (t) => {
  for (const stack of ["test", "production"] as const) {
    const { registered, outputs } = await runStack(stack);
    t.false(registered.some(({ name }) => name.startsWith("publish")));
    for (const output of OUTPUTS) t.false(output in outputs);
  }
});

test.serial(
  "its account reads the lake and writes the published bucket, its invoker starts the job, and nobody else is granted anything",
  async (t) => {
    const { parts } = await added({ [KEY]: publishing });
    const grants = parts
      .filter(({ type }) => type.endsWith("Member"))
      .map(({ inputs: { member, role, bucket, name } }) => [member, role, bucket ?? name].join(" "))
      .toSorted();
    t.deepEqual(grants, [
      `serviceAccount:${account("call")} roles/run.invoker mev-boost-etl-publish-production`,
      `serviceAccount:${account("run")} roles/storage.objectUser example-project-mev-boost-public-production`,
      `serviceAccount:${account("run")} roles/storage.objectViewer example-project-mev-boost-etl-production`,
    ]);
  },
);

test.serial(
  "the job runs the stack's image as its own account, ends, and is told what it decodes",
  async (t) => {
    const { named, registered, outputs } = await added({
      [KEY]: { ...publishing, datasets: ["payloads"], days: 30, hours: 6 },
    });
    const { inputs, dependsOn } = named("publish-job");
    const { template } = inputs["template"] as {
      template: {
        serviceAccount: string;
        timeout: string;
        maxRetries: number;
        containers: { image: string; args: string[]; envs: { name: string; value: string }[] }[];
      };
    };
    t.like(template, { serviceAccount: account("run"), timeout: "21600s", maxRetries: 1 });
    const [container] = template.containers;
    t.deepEqual(container?.args, ["publish"]);
    t.is(container?.image, String(outputs.image));
    const env = Object.fromEntries((container?.envs ?? []).map(({ name, value }) => [name, value]));
    t.deepEqual(
      publishEnvironment.codec.decode(env),
      E.right({
        network: "mainnet",
        lake: outputs.lakeUrl,
        out: "gs://example-project-mev-boost-public-production/mev-boost",
        days: 30,
        relays: {},
        dataset: ["payloads"],
        logLevel: "info",
      }),
    );
    for (const grant of ["publish-lake-viewer", "publish-published-objects", "apis-run"])
      t.true(dependsOn.includes(grant), grant);
    t.false(JSON.stringify(registered.filter(({ name }) => name.includes("-service-"))).includes("ETL_OUT"));
  },
);

test.serial(
  "the scheduler starts it once a day by Google's own API, as an account that may do nothing else; paused where schedulers are",
  async (t) => {
    const { named } = await added({ [KEY]: { ...publishing, schedule: "5 4 * * *" } });
    const { inputs, dependsOn } = named("publish-schedule");
    t.like(inputs, {
      schedule: "5 4 * * *",
      paused: false,
      retryConfig: { retryCount: 0 },
      httpTarget: {
        httpMethod: "POST",
        uri: "https://run.googleapis.com/v2/projects/example-project/locations/us-central1/jobs/mev-boost-etl-publish-production:run",
        oauthToken: {
          serviceAccountEmail: account("call"),
          scope: "https://www.googleapis.com/auth/cloud-platform",
        },
      },
    });
    t.true(dependsOn.includes("publish-invoker-grant"));
    t.is((await added({ [KEY]: publishing }, "test")).named("publish-schedule").inputs["paused"], true);
  },
);

test.serial(
  "the bucket is its own, guarded, and public only where the readers say so; the lake's stays as it was",
  async (t) => {
    const opened = async (readers: readonly string[]) => {
      const { parts, named, registered, outputs } = await added({ [KEY]: publishing, [READERS]: readers });
      const { inputs, protect, retainOnDelete } = named("publish-bucket");
      t.true(inputs["uniformBucketLevelAccess"]);
      t.deepEqual(
        [protect, retainOnDelete],
        [PROTECTION.published.protect, PROTECTION.published.retainOnDelete],
      );
      t.like(inputs, PROTECTION.published.flags(true));
      t.is(
        registered.find(({ name }) => name === "lake-bucket")?.inputs["publicAccessPrevention"],
        "enforced",
      );
      return {
        prevention: inputs["publicAccessPrevention"],
        declared: (inputs["labels"] as Record<string, string>)["public_bucket"],
        readers: parts
          .filter(({ name }) => name.startsWith("publish-reader"))
          .map(({ inputs: { member, role, bucket } }) => [member, role, bucket]),
        url: outputs["publishedUrl" as keyof typeof outputs],
      };
    };
    const bucket = "example-project-mev-boost-public-production";
    const viewer = "roles/storage.objectViewer";
    const signedIn = `https://storage.cloud.google.com/${bucket}/mev-boost`;
    t.deepEqual(await opened([]), {
      prevention: "enforced",
      declared: undefined,
      readers: [],
      url: signedIn,
    });
    t.deepEqual(await opened(["group:research@example.org"]), {
      prevention: "enforced",
      declared: undefined,
      readers: [["group:research@example.org", viewer, bucket]],
      url: signedIn,
    });
    t.like(await opened(["allAuthenticatedUsers"]), {
      prevention: "inherited",
      declared: "published",
      url: signedIn,
    });
    t.deepEqual(await opened(["domain:example.org", "allUsers"]), {
      prevention: "inherited",
      declared: "published",
      readers: [
        ["domain:example.org", viewer, bucket],
        ["allUsers", viewer, bucket],
      ],
      url: `https://storage.googleapis.com/${bucket}/mev-boost`,
    });
  },
);
