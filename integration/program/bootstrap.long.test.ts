import test from "ava";
import {
  ACCOUNTS,
  BOTH_STACKS,
  type FolderLines,
  GoogleProject,
  type JobToken,
  NUMBERED,
  REPOSITORY,
} from "./googleProject.ts";

/** Roles of the project, with --static-egress. */
const DEPLOYER_ROLES = [
  "run.admin",
  "cloudscheduler.admin",
  "bigquery.admin",
  "storage.admin",
  "artifactregistry.admin",
  "iam.serviceAccountAdmin",
  "iam.serviceAccountUser",
  "serviceusage.serviceUsageAdmin",
  "logging.configWriter",
  "monitoring.editor",
  "compute.networkAdmin",
  "resourcemanager.projectIamAdmin",
];

/** Who has which roles on what. */
const rolesOf = (given: FolderLines, member: string) =>
  Object.entries(given)
    .flatMap(([on, lines]) => lines.map((line) => [on, ...line.split(" | ")]))
    .filter(([, , who]) => who?.includes(member))
    .map(([on = "", role = ""]) => `${on}: ${role.replace("roles/", "")}`)
    .toSorted();

test("an empty project gets what the workflows need, and nothing more", (t) => {
  const project = new GoogleProject();
  const { code, out, err } = project.run([...BOTH_STACKS, "--static-egress"]);
  t.deepEqual({ code, err }, { code: 0, err: "" });
  const made = project.things();
  t.deepEqual(made["storage buckets/gs:__etl-project-pulumi-state"], [
    "uniform-bucket-level-access",
    "public-access-prevention",
    "versioning",
  ]);
  t.deepEqual(
    Object.keys(made)
      .filter((path) => path.startsWith("iam service-accounts/"))
      .toSorted(),
    [
      "iam service-accounts/mev-boost-etl-deployer@etl-project.iam.gserviceaccount.com",
      "iam service-accounts/mev-boost-etl-preview@etl-project.iam.gserviceaccount.com",
    ],
  );
  t.true(
    made["iam workload-identity-pools providers/github_github"]?.includes(
      "attribute-condition=assertion.repository_id == '77' && assertion.repository_owner_id == '55'",
    ),
  );

  const given = project.grants();
  t.deepEqual(rolesOf(given, "mev-boost-etl-preview@"), [
    "kms_keys_pulumi_state: cloudkms.cryptoKeyDecrypter",
    "project_etl-project: bigquery.metadataViewer",
    "project_etl-project: iam.securityReviewer",
    "project_etl-project: viewer",
    "storage_buckets_gs:__etl-project-pulumi-state: storage.legacyBucketReader",
    "storage_buckets_gs:__etl-project-pulumi-state: storage.objectViewer",
  ]);
  t.deepEqual(
    rolesOf(given, "mev-boost-etl-deployer@"),
    DEPLOYER_ROLES.map((role) => `project_etl-project: ${role}`)
      .concat("kms_keys_pulumi_state: cloudkms.cryptoKeyEncrypterDecrypter")
      .toSorted(),
  );
  const admin = given["project_etl-project"]?.find((line) => line.includes("projectIamAdmin"));
  t.regex(
    admin ?? "",
    /hasOnly\(\['roles\/bigquery\.jobUser', 'roles\/container\.defaultNodeServiceAccount'\]\)/,
  );

  t.deepEqual(project.subjectsOf("mev-boost-etl-deployer"), ["77:test", "77:production"]);
  t.deepEqual(project.subjectsOf("mev-boost-etl-preview"), ["77:pull_request", "77:refs/heads/main"]);
  for (const line of ["TEST_PROJECT=etl-project", "PRODUCTION_PROJECT_NUMBER=123456789012"]) {
    t.true(out.includes(line), line);
  }
});

test("a second run changes nothing, and one that failed anywhere is completed by the next", (t) => {
  const whole = new GoogleProject();
  whole.run(BOTH_STACKS);
  const changes = whole.changes();
  t.is(whole.run(BOTH_STACKS).code, 0);
  t.is(whole.changes(), changes);

  for (let at = 1; at <= changes; at += 5) {
    const project = new GoogleProject();
    const failed = project.run(BOTH_STACKS, { FAKE_GCLOUD_FAIL: String(at) });
    t.not(failed.code, 0);
    t.regex(failed.err, /try again later/);
    t.is(project.run(BOTH_STACKS).code, 0);
    t.deepEqual([project.things(), project.grants()], [whole.things(), whole.grants()]);
  }
});

test("options add what they say: clusters for a back-load, readers of images for promotion", (t) => {
  const project = new GoogleProject();
  project.run([
    ...NUMBERED,
    "--stack",
    "test",
    "--backload",
    "--promoted-by",
    "deployer@other.iam.gserviceaccount.com",
  ]);
  const lines = project.grants()["project_etl-project"] ?? [];
  const has = (role: string, who: string) =>
    lines.some((line) => line.startsWith(`roles/${role} |`) && line.includes(who));
  t.true(has("container.admin", "mev-boost-etl-deployer@"));
  t.true(has("compute.networkAdmin", "mev-boost-etl-deployer@"));
  t.true(has("container.viewer", "mev-boost-etl-preview@"));
  t.true(has("artifactregistry.reader", "deployer@other.iam.gserviceaccount.com"));
});

// The claims that GitHub documents, https://docs.github.com/en/actions/reference/security/oidc, in both forms of the subject.
const claims = { repository: "someone/mev-boost-etl", repository_id: "77", repository_owner_id: "55" };
const main = { ...claims, ref: "refs/heads/main" };
const FORMS = {
  "by names": "repo:someone/mev-boost-etl",
  "with numbers": "repo:someone@55/mev-boost-etl@77",
};
/** Jobs of the repository, and the account that each may become. */
const JOBS: Readonly<Record<string, readonly [JobToken, string | undefined]>> = {
  "environment:test": [{ ...main, event_name: "push", environment: "test" }, "mev-boost-etl-deployer"],
  "environment:production": [
    { ...main, event_name: "push", environment: "production" },
    "mev-boost-etl-deployer",
  ],
  "environment:other": [{ ...main, event_name: "push", environment: "other" }, undefined],
  "ref:refs/heads/main": [{ ...main, event_name: "schedule" }, "mev-boost-etl-preview"],
  "ref:refs/heads/topic": [{ ...claims, ref: "refs/heads/topic", event_name: "push" }, undefined],
  "ref:refs/tags/main": [{ ...claims, ref: "refs/tags/main", event_name: "push" }, undefined],
  pull_request: [
    { ...claims, ref: "refs/pull/9/merge", event_name: "pull_request" },
    "mev-boost-etl-preview",
  ],
  "a pull request that deploys": [
    { ...claims, ref: "refs/pull/9/merge", event_name: "pull_request", environment: "production" },
    "mev-boost-etl-deployer",
  ],
};

for (const [form, prefix] of Object.entries(FORMS)) {
  test(`a token whose subject is ${form} becomes what its environment, event or ref may`, (t) => {
    const project = new GoogleProject();
    project.run(BOTH_STACKS);
    for (const [job, [token, account]] of Object.entries(JOBS)) {
      const accounts = account === undefined ? [] : [account];
      t.deepEqual(project.accountsFor({ ...token, sub: `${prefix}:${job}` }), accounts, job);
    }
  });
}

test("who takes over the repository's name, or its owner's, becomes nothing, and no other repository does", (t) => {
  const project = new GoogleProject();
  project.run(BOTH_STACKS);
  for (const others of [
    { repository_id: "78", repository_owner_id: "56" },
    { repository_id: "78" },
    { repository_owner_id: "56" },
    { repository_id: "7" },
  ]) {
    for (const [job, [token]] of Object.entries(JOBS)) {
      const recycled = { ...token, ...others, sub: `repo:someone/mev-boost-etl:${job}` };
      t.deepEqual(project.accountsFor(recycled), [], `${JSON.stringify(others)} ${job}`);
    }
  }
});

test("a provider that went by names is moved over, and what was granted to names is taken back", (t) => {
  const project = new GoogleProject();
  project.run(BOTH_STACKS);
  const whole = ACCOUNTS.map((account) => project.subjectsOf(account));
  project.trustNames();
  const byName = {
    ...main,
    event_name: "push",
    environment: "production",
    sub: "repo:someone/mev-boost-etl:environment:production",
  };
  // What it trusted before: also the name's next owner.
  t.deepEqual(project.accountsFor({ ...byName, repository_id: "78" }), ["mev-boost-etl-deployer"]);
  t.deepEqual(
    project.accountsFor({ ...byName, sub: "repo:someone@55/mev-boost-etl@77:environment:production" }),
    [],
  );

  const { code, out } = project.run(BOTH_STACKS);
  t.is(code, 0);
  t.regex(
    out,
    /repo:someone\/mev-boost-etl:environment:production may no longer become mev-boost-etl-deployer/,
  );
  t.deepEqual(
    ACCOUNTS.map((account) => project.subjectsOf(account)),
    whole,
  );
  t.deepEqual(project.accountsFor(byName), ["mev-boost-etl-deployer"]);
  t.deepEqual(project.accountsFor({ ...byName, repository_id: "78" }), []);
  const changes = project.changes();
  project.run(BOTH_STACKS);
  t.is(project.changes(), changes);
});

test("moving over can fail anywhere: at no time can nobody deploy, and the next run completes it", (t) => {
  const moved = new GoogleProject();
  moved.run(BOTH_STACKS);
  const tried = moved.changes();
  moved.trustNames();
  // Four new bindings, the provider, and the four old bindings.
  for (const at of [1, 4, 5, 6, 9]) {
    const project = moved.fork();
    const failed = project.run(BOTH_STACKS, { FAKE_GCLOUD_FAIL: String(tried + at) });
    t.not(failed.code, 0, String(at));
    const job = {
      ...main,
      event_name: "push",
      environment: "test",
      sub: "repo:someone/mev-boost-etl:environment:test",
    };
    t.deepEqual(project.accountsFor(job), ["mev-boost-etl-deployer"], String(at));
    t.is(project.run(BOTH_STACKS).code, 0);
    t.deepEqual(project.subjectsOf("mev-boost-etl-deployer").toSorted(), ["77:production", "77:test"]);
  }
});

test("a pool that trusts another repository is left alone, and said so", (t) => {
  const project = new GoogleProject();
  project.run(BOTH_STACKS);
  const before = project.grants();
  const { code, err } = project.run(BOTH_STACKS.map((one) => (one === "77" ? "78" : one)));
  t.is(code, 1);
  t.regex(err, /trusts something else \(assertion\.repository_id == '77'/);
  t.deepEqual(project.grants(), before);

  project.trustNames("someone/earlier-name");
  const renamed = project.run(BOTH_STACKS);
  t.is(renamed.code, 1);
  t.regex(renamed.err, /'someone\/earlier-name'\).*an earlier name, give that name once as --repository/);
  t.is(project.run(BOTH_STACKS.map((one) => one.replace("/mev-boost-etl", "/earlier-name"))).code, 0);
  t.is(project.run(BOTH_STACKS).code, 0);
});

test("bad arguments get one line and exit code 2, before anything is asked", (t) => {
  const bad: readonly (readonly [RegExp, readonly string[]])[] = [
    [/--project must be/, ["--project", "X", "--repository", "a/b", "--stack", "test"]],
    [
      /--repository must be OWNER\/NAME/,
      ["--project", "etl-project", "--repository", "b", "--stack", "test"],
    ],
    [/--repository-id must be .*gh api repos\/someone\/mev-boost-etl --jq '\.id, \.owner\.id'/, REPOSITORY],
    [/--repository-id must be/, [...REPOSITORY, "--repository-id", "mev-boost-etl", "--owner-id", "55"]],
    [/--owner-id must be .*gh api repos/, [...REPOSITORY, "--repository-id", "77"]],
    [/--stack must be given/, NUMBERED],
    [/--stack must be 1 to 12/, [...NUMBERED, "--stack", "far-too-long-a-name"]],
    [/--stack needs a value/, [...NUMBERED, "--stack"]],
    [/--parallelism must be/, [...BOTH_STACKS, "--parallelism", "0"]],
    [/unknown argument --zone/, [...NUMBERED, "--zone", "b"]],
  ];
  for (const [message, args] of bad) {
    const project = new GoogleProject();
    const { code, err } = project.run(args);
    t.is(code, 2);
    t.regex(err, message);
    t.is(err.trim().split("\n").length, 1);
    t.deepEqual(project.calls(), []);
  }
});
