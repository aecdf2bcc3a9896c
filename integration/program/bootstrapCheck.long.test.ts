import test from "ava";
import { BOTH_STACKS, GoogleProject } from "./googleProject.ts";

const POLICY = "resource-manager org-policies describe";
const BILLING = { "billing projects describe etl-project": "True" };
const quotas = (spot: number) =>
  `STATIC_ADDRESSES\\t8.0\\t0.0\\nIN_USE_ADDRESSES\\t9.0\\t1.0\\nPREEMPTIBLE_CPUS\\t${spot}.0\\t0.0\\nCPUS\\t24.0\\t4.0`;
const READY = { ...BILLING, "compute regions describe us-central1": quotas(14) };
const ALL = [...BOTH_STACKS, "--static-egress", "--backload", "--parallelism", "7"];

/** What --check says is missing, without the remedies. */
function missing({ out }: { readonly out: string }): string[] {
  const lines = out.split("\n").filter((line) => line.startsWith("missing: "));
  return lines.map((line) => line.replace("missing: ", "").replace(/; (?:run|ask) .*$/, ""));
}

const whole = new GoogleProject();

test.before("bootstrap", (t) => {
  const { code, err } = whole.run(ALL);
  t.deepEqual({ code, err }, { code: 0, err: "" });
  whole.answer(READY);
});

test("of an empty project it names all that is missing, at once, and changes nothing", (t) => {
  const project = new GoogleProject();
  const checked = project.run([...ALL, "--check"]);
  t.is(checked.code, 1);
  t.is(checked.err, "");
  const lines = missing(checked);
  for (const what of [
    "billing of etl-project: gcloud billing projects link etl-project --billing-account=ACCOUNT",
    "API cloudkms.googleapis.com is off",
    "bucket gs://etl-project-pulumi-state for Pulumi's state",
    "account mev-boost-etl-deployer",
    "account mev-boost-etl-preview",
    "roles/run.admin on etl-project for mev-boost-etl-deployer",
    "roles/container.admin on etl-project for mev-boost-etl-deployer",
    "roles/resourcemanager.projectIamAdmin on etl-project for mev-boost-etl-deployer",
    "roles/bigquery.metadataViewer on etl-project for mev-boost-etl-preview",
    "federation provider github",
    "quotas of us-central1: API compute.googleapis.com is off",
  ]) {
    t.true(lines.includes(what), `${what}\n${lines.join("\n")}`);
  }
  t.is(checked.out.trim().split("\n").at(-1), `${lines.length} missing in etl-project.`);
  t.is(project.changes(), 0);
  for (const call of project.calls()) t.regex(call, / (?:describe|list|get-iam-policy) /, call);
});

test("where all is there it says so, and ends with 0", (t) => {
  const project = whole.fork();
  project.answer(READY);
  const before = project.changes();
  const checked = project.run([...ALL, "--check"]);
  t.deepEqual(missing(checked), []);
  t.is(checked.code, 0);
  t.regex(checked.out, /All is there/);
  t.is(project.changes(), before);
});

const account = (name: string) =>
  `grants/iam_service-accounts_mev-boost-etl-${name}@etl-project.iam.gserviceaccount.com`;
/** What is lost, from which file, and what is said of it. */
const LOSSES: readonly (readonly [string, RegExp, string])[] = [
  ["things/services", /^sts\./, "API sts.googleapis.com is off"],
  [
    "things/storage buckets/gs:__etl-project-pulumi-state",
    /^versioning$/,
    "versions of gs://etl-project-pulumi-state: a broken state can't be taken back",
  ],
  [
    "grants/project_etl-project",
    /roles\/monitoring\.editor/,
    "roles/monitoring.editor on etl-project for mev-boost-etl-deployer",
  ],
  [
    "grants/kms_keys_pulumi_state",
    /Encrypter/,
    "roles/cloudkms.cryptoKeyEncrypterDecrypter on key state for mev-boost-etl-deployer",
  ],
  [
    "grants/storage_buckets_gs:__etl-project-pulumi-state",
    /objectViewer/,
    "roles/storage.objectViewer on gs://etl-project-pulumi-state for mev-boost-etl-preview",
  ],
  [account("deployer"), /77:test/, "test of someone/mev-boost-etl can't become mev-boost-etl-deployer"],
  [
    account("preview"),
    /pull_request/,
    "pull_request of someone/mev-boost-etl can't become mev-boost-etl-preview",
  ],
];

for (const [file, lost, said] of LOSSES) {
  test(`names what alone is missing: ${said}`, (t) => {
    const project = whole.fork();
    project.answer(READY);
    project.lose(file, (line) => lost.test(line));
    const checked = project.run([...ALL, "--check"]);
    t.deepEqual(missing(checked), [said]);
    t.is(checked.code, 1);
  });
}

test("federation that goes by names is named, with what is still granted to them", (t) => {
  const project = whole.fork();
  project.answer(READY);
  project.trustNames();
  const lines = missing(project.run([...ALL, "--check"]));
  t.regex(
    lines[0] ?? "",
    /^trust in someone\/mev-boost-etl by its number: provider github trusts \(assertion\.repository == /,
  );
  t.regex(lines[1] ?? "", /^the subject that bindings name: provider github maps \(assertion\.sub\)/);
  t.is(lines.filter((line) => line.startsWith("an end to bindings by the repository's name")).length, 2);
});

/** What gcloud answers, and what is said of it. */
const ANSWERS: readonly (readonly [string, string, readonly RegExp[]])[] = [
  [
    "billing projects describe etl-project",
    "False",
    [/^billing of etl-project: gcloud billing projects link/],
  ],
  [
    `${POLICY} iam.workloadIdentityPoolProviders`,
    "|https://sts.windows.net/tenant|",
    [
      /^federation with GitHub: organisation policy iam\.workloadIdentityPoolProviders doesn't allow it \(allowed: https:\/\/sts/,
    ],
  ],
  [`${POLICY} iam.disableServiceAccountCreation`, "True", [/^accounts of the stack: .* forbids it/]],
  [
    `${POLICY} gcp.restrictServiceUsage`,
    "||run.googleapis.com",
    [/^API run\.googleapis\.com: .*denied: run/],
  ],
  [`${POLICY} gcp.resourceLocations`, "|in:europe-west1-locations|", [/^anything in us-central1: /]],
  [`${POLICY} run.allowedVPCEgress`, "|private-ranges-only|", [/^egress: static by the stack's network: /]],
  [`${POLICY} compute.restrictCloudNATUsage`, "DENY||", [/^egress: static by Cloud NAT: /]],
  [`${POLICY} compute.vmExternalIpAccess`, "DENY||", [/^an address for each worker of the back-load: /]],
  [`${POLICY} iam.disableWorkloadIdentityClusterCreation`, "True", [/^the back-load's cluster: /]],
  [`${POLICY} gcp.resourceLocations`, "|us-central1|", []],
  [
    `${POLICY} iam.workloadIdentityPoolProviders`,
    "!PERMISSION_DENIED: orgpolicy.policy.get",
    [/^organisation policy iam\.workloadIdentityPoolProviders can't be asked for: .*orgpolicy\.policy\.get/],
  ],
  [
    "compute regions describe us-central1",
    quotas(13),
    [/^quota PREEMPTIBLE_CPUS in us-central1: 14 for 7 workers, 13 with 0 in use/],
  ],
  // No quota of spot CPUs: they count as others.
  ["compute regions describe us-central1", quotas(0), []],
  [
    "compute regions describe us-central1",
    "STATIC_ADDRESSES\\t1.0\\t1.0\\nIN_USE_ADDRESSES\\t4.0\\t0.0\\nPREEMPTIBLE_CPUS\\t0.0\\t0.0\\nCPUS\\t8.0\\t0.0",
    [
      /^quota STATIC_ADDRESSES in us-central1: 1 for the address that relays see/,
      /^quota IN_USE_ADDRESSES .*: 8 for 7 workers, 4 with/,
      /^quota CPUS .*: 16 for/,
    ],
  ],
];

for (const [command, answer, said] of ANSWERS) {
  test(`it says what it means that ${command} answers ${answer}`, (t) => {
    const project = whole.fork();
    project.answer({ ...READY, [command]: answer });
    const lines = missing(project.run([...ALL, "--check"]));
    t.is(lines.length, said.length, lines.join("\n"));
    for (const [at, pattern] of said.entries()) t.regex(lines[at] ?? "", pattern);
  });
}

test("readers that an organisation doesn't let in are a note: the stack does without them", (t) => {
  const project = whole.fork();
  project.answer({ ...READY, [`${POLICY} iam.allowedPolicyMemberDomains`]: "C0abcdefg" });
  const checked = project.run([...ALL, "--check"]);
  t.is(checked.code, 0);
  t.regex(checked.out, /^note: .*members of C0abcdefg only: publicReaders can't be allAuthenticatedUsers$/m);
});
