import { createHash } from "node:crypto";
import { isSecret, output, runtime, type Unwrap } from "@pulumi/pulumi";
import { MockMonitor, type Mocks, setMocks } from "@pulumi/pulumi/runtime/mocks.js";
import { setMockOptions } from "@pulumi/pulumi/runtime/settings.js";
import * as state from "@pulumi/pulumi/runtime/state.js";

/** A resource as a program registered it, with the options that Pulumi's own mocks don't show. */
export interface Registered {
  readonly type: string;
  readonly name: string;
  readonly custom: boolean;
  /** Name of the parent; undefined at the top. */
  readonly parent?: string;
  readonly inputs: Readonly<Record<string, unknown>>;
  readonly protect: boolean;
  readonly retainOnDelete: boolean;
  /** Names of what it waits for, sorted. */
  readonly dependsOn: readonly string[];
  readonly ignoreChanges: readonly string[];
  readonly deletedWith?: string;
  readonly aliases: number;
  /** Name of the provider's resource; undefined where it is the default one. */
  readonly provider?: string;
}

/** What the pretended cloud adds to what it is given. */
type Computed = (
  inputs: Readonly<Record<string, unknown>>,
  name: string,
) => Readonly<Record<string, unknown>>;

const nothing: Computed = () => ({});
const hex = (text: string, length: number) =>
  createHash("sha256").update(text).digest("hex").slice(0, length);

/** Every type that a stack may register. Another one fails the test: it would have no policy, no stand-in and no place. */
const CUSTOM: Readonly<Record<string, Computed>> = {
  "pulumi:providers:gcp": nothing,
  "gcp:projects/service:Service": nothing,
  "gcp:projects/iAMMember:IAMMember": nothing,
  "gcp:serviceaccount/account:Account": ({ accountId }) => {
    const email = `${String(accountId)}@example-project.iam.gserviceaccount.com`;
    return { email, member: `serviceAccount:${email}` };
  },
  "gcp:secretmanager/secretIamMember:SecretIamMember": nothing,
  "gcp:storage/bucket:Bucket": nothing,
  "gcp:storage/bucketIAMMember:BucketIAMMember": nothing,
  "gcp:storage/managedFolder:ManagedFolder": nothing,
  "gcp:storage/managedFolderIamMember:ManagedFolderIamMember": nothing,
  "gcp:bigquery/dataset:Dataset": nothing,
  "gcp:bigquery/table:Table": nothing,
  "gcp:bigquery/routine:Routine": nothing,
  "gcp:bigquery/iamMember:IamMember": nothing,
  "gcp:artifactregistry/repository:Repository": nothing,
  "docker-build:index:Image": (_inputs, name) => ({ digest: `sha256:${hex(name, 64)}` }),
  "gcp:compute/network:Network": nothing,
  "gcp:compute/subnetwork:Subnetwork": nothing,
  "gcp:compute/address:Address": ({ name }) => ({
    address: "192.0.2.1",
    selfLink: `https://www.googleapis.com/compute/v1/projects/example-project/addresses/${String(name)}`,
  }),
  "gcp:compute/router:Router": nothing,
  "gcp:compute/routerNat:RouterNat": nothing,
  "gcp:cloudrunv2/service:Service": ({ name }) => ({ uri: `https://${String(name)}-1.a.run.app` }),
  "gcp:cloudrunv2/serviceIamMember:ServiceIamMember": nothing,
  "gcp:cloudrunv2/job:Job": nothing,
  "gcp:cloudrunv2/jobIamMember:JobIamMember": nothing,
  "gcp:cloudscheduler/job:Job": nothing,
  "gcp:logging/metric:Metric": nothing,
  "gcp:monitoring/alertPolicy:AlertPolicy": nothing,
  "gcp:monitoring/dashboard:Dashboard": nothing,
  "gcp:billing/budget:Budget": nothing,
  "gcp:artifactregistry/repositoryIamMember:RepositoryIamMember": nothing,
  "gcp:container/cluster:Cluster": () => ({
    controlPlaneEndpointsConfig: { dnsEndpointConfig: { endpoint: "gke-1.us-central1.gke.goog" } },
  }),
  "gcp:container/nodePool:NodePool": nothing,
  "pulumi:providers:kubernetes": nothing,
  "kubernetes:core/v1:Namespace": nothing,
  "kubernetes:core/v1:ServiceAccount": nothing,
  "kubernetes:networking.k8s.io/v1:NetworkPolicy": nothing,
  "kubernetes:batch/v1:Job": nothing,
};

/** The components, by the word in their type token. */
const COMPONENTS =
  "Apis BackloadAlerts BackloadCluster BackloadJob BidsBackload BidsEtl ContainerImage DailyPublish Datasets DatasetTable DatasetView Egress ImageRegistry LakeBucket LogMetrics Monitoring PayloadsEtl ScheduledService ServiceAlerts ServiceIdentity WarehouseViews"
    .split(" ")
    .map((name) => `mev-boost-etl:index:${name}`);

const INVOKES: Readonly<
  Record<string, (args: Readonly<Record<string, unknown>>) => Record<string, unknown>>
> = {
  "gcp:organizations/getProject:getProject": ({ projectId }) => ({ projectId, number: "123456789012" }),
};

class RecordingMonitor extends MockMonitor {
  readonly registered: Registered[] = [];
  /** What isn't in the lists above, or registered twice. */
  readonly unknown: string[] = [];
  readonly #seen = new Set<string>();
  readonly #names = new Map<string, string>();

  override async registerResource(
    req: Parameters<MockMonitor["registerResource"]>[0],
    callback: Parameters<MockMonitor["registerResource"]>[1],
  ): Promise<void> {
    const [type, name, custom] = [String(req.getType()), String(req.getName()), Boolean(req.getCustom())];
    if (!Object.hasOwn(CUSTOM, type) && !COMPONENTS.includes(type)) this.unknown.push(`type ${type}`);
    if (this.#seen.has(name)) this.unknown.push(`a second ${name}`);
    this.#seen.add(name);
    await super.registerResource(req, (error: unknown, response: { getUrn(): string } | undefined) => {
      if (response) this.#names.set(response.getUrn(), name);
      callback(error, response);
    });
    const parent = this.#nameOf(req.getParent());
    const deletedWith = this.#nameOf(req.getDeletedwith());
    const provider = this.#nameOf(String(req.getProvider()).split("::").slice(0, -1).join("::"));
    this.registered.push({
      type,
      name,
      custom,
      ...(parent === undefined ? {} : { parent }),
      inputs: plain(runtime.deserializeProperties(req.getObject())) as Record<string, unknown>,
      protect: Boolean(req.getProtect()),
      retainOnDelete: Boolean(req.getRetainondelete()),
      dependsOn: (req.getDependenciesList() as string[]).map((urn) => this.#nameOf(urn) ?? urn).toSorted(),
      ignoreChanges: req.getIgnorechangesList() as string[],
      ...(deletedWith === undefined ? {} : { deletedWith }),
      aliases: (req.getAliasesList() as unknown[]).length,
      ...(provider === undefined ? {} : { provider }),
    });
  }

  #nameOf(urn: unknown): string | undefined {
    return typeof urn === "string" && urn !== "" ? (this.#names.get(urn) ?? urn) : undefined;
  }
}

/** Values without Pulumi's marks: what stands inside a secret is taken out. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  if ("4dabf18193072939515e22adb298388d" in value && "value" in value) return plain(value.value);
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
}

/**
 * Runs a program against a pretended cloud that knows the types above and nothing else, and returns what it registered, in
 * order, and what it returned. Throws on anything unknown.
 */
export async function registrations<T>(program: () => T): Promise<{
  registered: readonly Registered[];
  outputs: Unwrap<T>;
  /** Whether any part of the outputs is a secret. */
  secret: boolean;
}> {
  // An output that is put into a text by mistake would be deployed as a sentence about outputs.
  process.env["PULUMI_ERROR_OUTPUT_STRING"] = "1";
  const mocks: Mocks = {
    newResource: ({ type, name, inputs, id }) => ({
      id: id || `${name}-id`,
      state: { ...(inputs as Record<string, unknown>), ...CUSTOM[type]?.(inputs, name) },
    }),
    call: ({ token, inputs }) => {
      const invoke = INVOKES[token];
      if (!invoke) throw new Error(`unknown function ${token}`);
      return invoke(inputs as Record<string, unknown>);
    },
  };
  await setMocks(mocks, "mev-boost-etl", "a-pulumi-stack");
  const monitor = new RecordingMonitor(mocks);
  setMockOptions(monitor, "mev-boost-etl", "a-pulumi-stack");
  // What the engine says that it can do; with another monitor Pulumi forgets what its mocks said.
  (state as unknown as { getStore(): { supportsDeletedWith: boolean } }).getStore().supportsDeletedWith =
    true;
  let returned;
  try {
    returned = output(program());
  } finally {
    // Also what was begun before it threw ends here, and not in the next program.
    await runtime.disconnect();
  }
  const secret = await isSecret(returned);
  const outputs = await new Promise<Unwrap<T>>((resolve) => {
    returned.apply((value) => resolve(value as Unwrap<T>));
  });
  if (monitor.unknown.length > 0) throw new Error(`the program registered ${monitor.unknown.join(", ")}`);
  return { registered: monitor.registered, outputs, secret };
}
