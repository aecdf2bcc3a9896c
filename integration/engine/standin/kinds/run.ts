import { createHash } from "node:crypto";
import { type Dirent, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { drawn, type StandinKind, list, map, type Reference, textOrNone, type Values } from "../kind.ts";
import { accountOf } from "./iam.ts";

const PROVIDER = "hashicorp/terraform-provider-google, google/services";
const SERVICE = "gcp:cloudrunv2/service:Service";

const serviceId = (v: Values) =>
  `projects/${textOrNone(v.project)}/locations/${textOrNone(v.location)}/services/${textOrNone(v.name)}`;
const seconds = (value: unknown) => Number(/^(\d+(?:\.\d+)?)s$/.exec(textOrNone(value))?.[1] ?? Number.NaN);
const account = (email: unknown) => accountOf(`serviceAccount:${textOrNone(email)}`);

/** Of the files that an image is built from; of what .dockerignore names only the biggest are left out. */
function contextHash(values: Values): string {
  const folder = textOrNone(map(values.context).location);
  const hash = createHash("sha256");
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true }).toSorted(byPath)) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile() && !/(?:^|\/)(?:node_modules|\.git)\/|(?:^|\/)Pulumi\.[^/]*yaml$/.test(path))
      hash.update(readFileSync(path));
  }
  return hash.digest("hex");
}

const byPath = (a: Dirent, b: Dirent) => (join(a.parentPath, a.name) < join(b.parentPath, b.name) ? -1 : 1);

const repositoryId = (v: Values) =>
  `projects/${textOrNone(v.project)}/locations/${textOrNone(v.location)}/repositories/${textOrNone(v.repository)}`;

export const runKinds: Readonly<Record<string, StandinKind>> = {
  [SERVICE]: {
    id: serviceId,
    api: "run.googleapis.com",
    source: `${PROVIDER}/cloudrunv2/resource_cloud_run_v2_service.go (ForceNew)`,
    replaces: ["name", "location", "project"],
    deletionProtected: true,
    defaults: {
      deletionProtection: true,
      ingress: "INGRESS_TRAFFIC_ALL",
      launchStage: "GA",
      traffics: [{ type: "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST", percent: 100 }],
      invokerIamDisabled: false,
      defaultUriDisabled: false,
    },
    echo(v) {
      const template = map(v.template);
      const containers = list(template.containers).map((container) => {
        const one = map(container);
        return {
          ports: { name: "http1", containerPort: 8080 },
          startupProbe: {
            periodSeconds: 240,
            timeoutSeconds: 240,
            failureThreshold: 1,
            tcpSocket: { port: 8080 },
          },
          ...one,
          name: one.name ?? `${textOrNone(v.name)}-1`,
          // A set: the API gives variables back in another order.
          envs: list(one.envs).toReversed(),
          resources: { cpuIdle: true, startupCpuBoost: false, ...map(one.resources) },
        };
      });
      return {
        ...v,
        template: { timeout: "300s", maxInstanceRequestConcurrency: 80, ...template, containers },
      };
    },
    sets: ["template.containers[].envs"],
    computed(v) {
      const uri = `https://${textOrNone(v.name)}-${drawn(textOrNone(v.project)).toString(36)}-uc.a.run.app`;
      const revision = `${textOrNone(v.name)}-${String(drawn(JSON.stringify(v.template))).padStart(10, "0")}`;
      return {
        uri,
        urls: [uri],
        latestReadyRevision: revision,
        latestCreatedRevision: revision,
        generation: "1",
      };
    },
    refuse(v) {
      const template = map(v.template);
      if (seconds(template.timeout) > 3600) return "template.timeout: at most 3600s";
      for (const container of list(template.containers)) {
        const { image, resources } = map(container);
        if (!/^[a-z0-9-]+(?:\.[a-z0-9-]+)+\/.+[:@].+/.test(textOrNone(image)))
          return `Image '${textOrNone(image)}' not found`;
        const { cpu, memory } = map(map(resources).limits);
        if (Number(cpu) >= 4 && /^(?:\d{1,3}Mi|1Gi)$/.test(textOrNone(memory)))
          return "with 4 CPUs at least 2Gi of memory";
      }
      return undefined;
    },
    needs: (v) => account(map(v.template).serviceAccount),
  },
  "gcp:cloudrunv2/serviceIamMember:ServiceIamMember": {
    id: (v) => `${serviceId(v)} ${textOrNone(v.role)} ${textOrNone(v.member)}`,
    api: "run.googleapis.com",
    source: `${PROVIDER}/cloudrunv2/iam_cloud_run_v2_service.go (every property ForceNew)`,
    replaces: ["name", "location", "project", "role", "member", "condition"],
    idempotent: true,
    computed: () => ({ etag: "BwX" }),
    needs: (v) => [[SERVICE, serviceId(v)], ...accountOf(v.member)],
  },
  "gcp:cloudscheduler/job:Job": {
    id: (v) =>
      `projects/${textOrNone(v.project)}/locations/${textOrNone(v.region)}/jobs/${textOrNone(v.name)}`,
    api: "cloudscheduler.googleapis.com",
    source: `${PROVIDER}/cloudscheduler/resource_cloud_scheduler_job.go (ForceNew; headers and path suppressed)`,
    replaces: ["name", "region", "project"],
    defaults: { timeZone: "Etc/UTC", paused: false, deletionPolicy: "DELETE" },
    computed: (v) => ({ state: v.paused === true ? "PAUSED" : "ENABLED" }),
    echo: (v) => ({
      ...v,
      retryConfig: {
        maxBackoffDuration: "3600s",
        maxDoublings: 5,
        maxRetryDuration: "0s",
        minBackoffDuration: "5s",
        ...map(v.retryConfig),
      },
      httpTarget: {
        ...map(v.httpTarget),
        headers: { "User-Agent": "Google-Cloud-Scheduler", ...map(map(v.httpTarget).headers) },
      },
    }),
    refuse: (v) =>
      /^(?:\S+ ){4}\S+$/.test(textOrNone(v.schedule))
        ? undefined
        : `not a schedule: ${textOrNone(v.schedule)}`,
    needs: (v): Reference[] => account(map(map(v.httpTarget).oidcToken).serviceAccountEmail),
  },
  "gcp:artifactregistry/repository:Repository": {
    id: (v) =>
      `projects/${textOrNone(v.project)}/locations/${textOrNone(v.location)}/repositories/${textOrNone(v.repositoryId)}`,
    api: "artifactregistry.googleapis.com",
    source: `${PROVIDER}/artifactregistry/resource_artifact_registry_repository.go (ForceNew)`,
    replaces: ["repositoryId", "format", "location", "project", "kmsKeyName", "mode"],
    defaults: { mode: "STANDARD_REPOSITORY", cleanupPolicyDryRun: false, deletionPolicy: "DELETE" },
    sets: ["cleanupPolicies"],
    echo: (v) => ({ ...v, cleanupPolicies: list(v.cleanupPolicies).toReversed() }),
    computed: (v) => ({
      name: v.repositoryId,
      registryUri: `${textOrNone(v.location)}-docker.pkg.dev/${textOrNone(v.project)}/${textOrNone(v.repositoryId)}`,
      createTime: "2026-11-01T00:00:00Z",
      updateTime: "2026-11-01T00:00:00Z",
    }),
  },
  "gcp:artifactregistry/repositoryIamMember:RepositoryIamMember": {
    id: (v) => `${repositoryId(v)} ${textOrNone(v.role)} ${textOrNone(v.member)}`,
    api: "artifactregistry.googleapis.com",
    source: `${PROVIDER}/artifactregistry/iam_artifact_registry_repository.go (every property ForceNew)`,
    replaces: ["repository", "location", "project", "role", "member", "condition"],
    idempotent: true,
    computed: () => ({ etag: "BwX" }),
    needs: (v) => [["gcp:artifactregistry/repository:Repository", repositoryId(v)], ...accountOf(v.member)],
  },
  "docker-build:index:Image": {
    id: (v) => textOrNone(list(v.tags)[0]),
    source:
      "pulumi/pulumi-docker-build, provider/internal/image.go (nothing is replaced; contextHash in Diff)",
    unsure: ["digest", "ref", "contextHash"],
    looks: (stands, wanted) => (stands["contextHash"] === contextHash(wanted) ? [] : ["contextHash"]),
    computed(v) {
      const hash = contextHash(v);
      const digest = `sha256:${createHash("sha256").update(hash).update(JSON.stringify(v)).digest("hex")}`;
      return { digest, ref: `${textOrNone(list(v.tags)[0])}@${digest}`, contextHash: hash };
    },
    refuse: (v) =>
      v.push === true && list(v.tags).length === 0 ? "an image that is pushed needs a tag" : undefined,
    needs: (v) =>
      list(v.tags).flatMap((tag): Reference[] => {
        const [, location, project, repository] =
          /^([a-z0-9-]+)-docker\.pkg\.dev\/([^/]+)\/([^/]+)\//.exec(textOrNone(tag)) ?? [];
        return repository === undefined
          ? []
          : [
              [
                "gcp:artifactregistry/repository:Repository",
                `projects/${project}/locations/${location}/repositories/${repository}`,
              ],
            ];
      }),
  },
};
