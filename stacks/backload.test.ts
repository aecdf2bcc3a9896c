import test from "ava";
import * as fc from "fast-check";
import * as E from "fp-ts/lib/Either.js";
import { kubeconfigOf } from "../components/backload/BackloadCluster.ts";
import { planHash } from "../components/backload/BackloadJob.ts";
import { backloadEnvironment } from "../runtime/settings/backloadSettings.ts";
import { serviceEnvironment } from "../runtime/settings/serviceSettings.ts";
import { decodeConfig } from "./config.ts";
import { backloadOf } from "./derived.ts";
import { EXAMPLE_BACKLOAD, runStack } from "./golden.ts";
import { engineConfig } from "./stacks.testing.ts";

const KEY = "mev-boost-etl:backload";
const { registered } = await runStack("production", { [KEY]: EXAMPLE_BACKLOAD });
const without = await runStack("production");

interface JobSpec {
  readonly completions: number;
  readonly template: {
    readonly spec: {
      readonly containers: readonly { readonly env: readonly { name: string; value: string }[] }[];
    };
  };
}

function inputsOf(name: string): Readonly<Record<string, unknown>> {
  const found = registered.find((resource) => resource.name === name);
  if (!found) throw new Error(`nothing is named ${name}`);
  return found.inputs;
}

function variables(
  list: readonly { readonly name: string; readonly value: string }[] = [],
): Record<string, string> {
  return Object.fromEntries(list.map(({ name, value }) => [name, value]));
}

test("without a back-load in the config there is no cluster, no network of its own and nothing that costs", (t) => {
  const types = without.registered.map(({ type }) => type);
  t.deepEqual(
    types.filter((type) => /container\/|kubernetes|backload/i.test(type)),
    [],
  );
  t.false("backloadJob" in without.outputs);
});

test("pods are told what the config says, in the form that the worker reads, and the bids service the same range", (t) => {
  const spec = inputsOf("backload-job-job")["spec"] as JobSpec;
  const decoded = backloadEnvironment.codec.decode(variables(spec.template.spec.containers[0]?.env));
  if (E.isLeft(decoded)) return t.fail("the worker would refuse its settings");
  const { range, shards, dataset, lake, network } = decoded.right;
  t.deepEqual(
    [`${range.first}-${range.last}`, shards, dataset?.join(), network],
    [EXAMPLE_BACKLOAD.range, EXAMPLE_BACKLOAD.shards, "bids", "mainnet"],
  );
  t.is(lake, `gs://${String(inputsOf("lake-bucket")["name"])}`);
  t.is(spec.completions, EXAMPLE_BACKLOAD.shards);
  for (const [service, told] of [
    ["bids", EXAMPLE_BACKLOAD.range],
    ["payloads", undefined],
  ] as const) {
    const { template } = inputsOf(`${service}-service-run`) as {
      template: { containers: { envs: { name: string; value: string }[] }[] };
    };
    const env = variables(template.containers[0]?.envs);
    t.true(E.isRight(serviceEnvironment.codec.decode(env)));
    t.is(env["ETL_BACKLOAD"], told, service);
  }
});

test("no node works as the project's default account, not even of the pool that a cluster begins with", (t) => {
  const cluster = registered.find(({ name }) => name === "backload-cluster-cluster");
  for (const name of ["backload-cluster-cluster", "backload-cluster-system", "backload-cluster-workers"]) {
    const { serviceAccount } = inputsOf(name)["nodeConfig"] as { serviceAccount?: string };
    t.is(serviceAccount, "etl-backload-production@example-project.iam.gserviceaccount.com", name);
  }
  // It may do a node's work before the first one starts, and the pool that is removed is no change ever after.
  t.true(cluster?.dependsOn.includes("backload-cluster-node-role"));
  t.deepEqual(cluster?.ignoreChanges, ["nodeConfig"]);
});

test("the cluster is reached by its own name, and by none where it has none", (t) => {
  t.regex(
    String(inputsOf("backload-cluster-kubernetes")["kubeconfig"]),
    /"https:\/\/gke-1\.us-central1\.gke\.goog"/,
  );
  for (const endpoint of [undefined, ""])
    t.throws(() => kubeconfigOf(endpoint), { message: /no DNS endpoint/ });
});

test("workers may write the lake's objects and nothing else, as themselves and not as their node", (t) => {
  const grants = registered.filter(({ inputs }) => String(inputs["member"]).includes("/subject/ns/"));
  t.deepEqual(
    grants.map(({ inputs: { role, member } }) => [role, member]),
    [
      [
        "roles/storage.objectUser",
        "principal://iam.googleapis.com/projects/123456789012/locations/global/workloadIdentityPools/example-project.svc.id.goog/subject/ns/mev-boost-etl-production/sa/worker",
      ],
    ],
  );
});

test.serial(
  "workers reach relays of the config's own, and read the secrets of those that they ask",
  async (t) => {
    const secret = (name: string) => ({ "X-Api-Key": `projects/keys-project/secrets/${name}/versions/1` });
    const changed = await runStack("production", {
      "mev-boost-etl:relays": {
        inside: { url: "http://10.1.2.3:8080", private: true, headers: secret("inside") },
        named: { url: "https://relay.internal:9443/x", private: true },
        outside: { url: "https://relay.example:8443" },
        unasked: { url: "https://unasked.example:7443", headers: secret("unasked") },
      },
      [KEY]: { ...EXAMPLE_BACKLOAD, relays: ["inside", "named", "outside", "titan"] },
    });
    const find = (name: string) => {
      const found = changed.registered.find((resource) => resource.name === name);
      if (!found) throw new Error(`nothing is named ${name}`);
      return found;
    };
    const { egress } = find("backload-job-policy").inputs["spec"] as {
      egress: { to: { ipBlock?: { cidr: string; except?: string[] } }[]; ports: { port: number }[] }[];
    };
    const rules = egress.map(({ to, ports }) => [
      to[0]?.ipBlock?.cidr,
      to[0]?.ipBlock?.except?.length ?? 0,
      ...ports.map(({ port }) => port),
    ]);
    t.deepEqual(rules.slice(1, -2), [
      ["0.0.0.0/0", 6, 443, 80, 8443],
      ["10.1.2.3/32", 0, 8080],
      ["0.0.0.0/0", 2, 9443],
    ]);
    const grants = changed.registered.filter(
      ({ name, type }) => type.endsWith(":SecretIamMember") && name.startsWith("backload"),
    );
    t.deepEqual(
      grants.map(({ inputs: { secretId } }) => secretId),
      ["inside"],
    );
    t.regex(String(grants[0]?.inputs["member"]), /\/subject\/ns\/mev-boost-etl-production\/sa\/worker$/);
    t.true(find("backload-job-job").dependsOn.includes(grants[0]?.name ?? "none"));
  },
);

test("workers can ask for names, whoever answers: kube-dns, the node's cache as a pod or an address, the metadata server", (t) => {
  interface Peer {
    readonly namespaceSelector?: { readonly matchLabels: Readonly<Record<string, string>> };
    readonly podSelector?: { readonly matchLabels: Readonly<Record<string, string>> };
    readonly ipBlock?: { readonly cidr: string };
  }
  const { egress } = inputsOf("backload-job-policy")["spec"] as {
    egress: { to: Peer[]; ports: { protocol: string; port: number }[] }[];
  };
  for (const protocol of ["TCP", "UDP"]) {
    const peers = egress
      .filter(({ ports }) => ports.some((one) => one.protocol === protocol && one.port === 53))
      .flatMap(({ to }) => to);
    t.deepEqual(
      peers.map(
        ({ namespaceSelector, podSelector, ipBlock }) =>
          ipBlock?.cidr ??
          `${namespaceSelector?.matchLabels["kubernetes.io/metadata.name"]}/${podSelector?.matchLabels["k8s-app"]}`,
      ),
      ["kube-system/kube-dns", "kube-system/node-local-dns", "169.254.20.10/32", "169.254.169.254/32"],
      protocol,
    );
  }
});

test("a plan's hash is the same for the same plan in whatever order it is written, and another for every other one", (t) => {
  const made = (more: Record<string, unknown>) => {
    const { config } = decodeConfig(engineConfig("production", { [KEY]: { ...EXAMPLE_BACKLOAD, ...more } }));
    const part = config && backloadOf(config);
    if (!part) throw new Error("no back-load");
    return part;
  };
  const { settings, sizing } = made({});
  const turned = Object.fromEntries(Object.entries(settings).toReversed()) as unknown as typeof settings;
  t.is(planHash(turned, sizing), planHash(settings, sizing));
  const hashes = new Set<string>([planHash(settings, sizing)]);
  const changes: readonly Record<string, unknown>[] = [
    { range: "4700567-14999998" },
    { shards: 999 },
    { parallelism: 21 },
    { relays: ["flashbots"] },
    { order: "oldest" },
    { requests_per_second: 2 },
    { memory: "2Gi" },
    { run: "2" },
  ];
  for (const change of changes) {
    const { settings: other, sizing: size } = made(change);
    hashes.add(planHash(other, size));
  }
  t.is(hashes.size, changes.length + 1);
  fc.assert(fc.property(fc.string(), (run) => /^[0-9a-f]{10}$/.test(planHash(settings, { ...sizing, run }))));
});

const wrong: readonly (readonly [string, Record<string, unknown>, RegExp])[] = [
  [
    "a range that ends before it starts",
    { range: "5000000-4999999" },
    /^mev-boost-etl:backload: range: .*ends before it starts/,
  ],
  ["a range before MEV-Boost", { range: "0-99" }, /range: "0-99" ends before mainnet's first slot/],
  [
    "more workers than shards",
    { shards: 5, parallelism: 6 },
    /parallelism: 6 is more than the shards; give 1 to 5/,
  ],
  ["a relay that isn't there", { relays: ["nobody"] }, /relays: no relay "nobody"; there are flashbots, /],
  [
    "a zone of another region",
    { zones: ["europe-west1-b"] },
    /zones: europe-west1-b isn't in region us-central1/,
  ],
  ["an end before a worker's", { hours: 20 }, /hours: 20 is no more than worker_hours; give more than 20/],
  [
    "more failures than shards",
    { max_failed_shards: 1001 },
    /max_failed_shards: 1001 is more than the shards/,
  ],
  [
    "a worker that its node has no room for",
    { cpu: "700m" },
    /backload: cpu: 700m is more than e2-medium has beside the node's own pods; give at most 461m, or a larger machine_type$/,
  ],
  [
    "more memory than its node has",
    { cpu: "1", memory: "6Gi", machine_type: "e2-standard-2" },
    /memory: 6Gi is more than e2-standard-2 has .* at most 5178Mi/,
  ],
  [
    "a machine that nothing is known of",
    { machine_type: "x9-huge-96" },
    /machine_type: there are no figures of x9-huge-96; give one of e2-small, e2-medium, /,
  ],
  ["a key that isn't there", { rang: "1-2" }, /^mev-boost-etl:backload: .* is wrong; give \{\} or \{range/],
];
for (const [what, change, message] of wrong)
  test(`config of a back-load with ${what} is refused`, (t) => {
    const { mistakes } = decodeConfig(
      engineConfig("production", { [KEY]: { ...EXAMPLE_BACKLOAD, ...change } }),
    );
    t.is(mistakes.length, 1, mistakes.join("\n"));
    t.regex(mistakes[0] ?? "", message);
  });
