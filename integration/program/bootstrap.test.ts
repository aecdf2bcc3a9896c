import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";

const script = join(import.meta.dirname, "../../deploy/bootstrap.sh");
const GIVEN = ["--project", "etl-project", "--repository", "someone/mev-boost-etl"];
const BOTH = [...GIVEN, "--stack", "test", "--stack", "production"];

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

/** Lines of the files below a folder, by their paths in it. */
type Lines = Readonly<Record<string, readonly string[]>>;

/** A project in which nothing was made yet, with a gcloud that reaches nothing else. */
function project() {
  const folder = mkdtempSync(join(tmpdir(), "etl-bootstrap-"));
  const bin = join(folder, "bin");
  mkdirSync(bin);
  symlinkSync(join(import.meta.dirname, "fakeGcloud.sh"), join(bin, "gcloud"));
  const linesOf = (file: string) => readFileSync(join(folder, file), "utf8").split("\n").slice(0, -1);
  const below = (part: string): Lines =>
    Object.fromEntries(
      readdirSync(join(folder, part), { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map(({ parentPath, name }) => join(parentPath, name).slice(folder.length + part.length + 2))
        .map((path) => [path, linesOf(join(part, path))]),
    );
  return {
    run(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
      const PATH = `${bin}:${process.env["PATH"] ?? ""}`;
      const ended = spawnSync("bash", [script, ...args], {
        env: { ...process.env, ...env, PATH, FAKE_GCLOUD: folder },
        encoding: "utf8",
      });
      return { code: ended.status, out: ended.stdout, err: ended.stderr };
    },
    things: () => below("things"),
    grants: () => below("grants"),
    changes: () => linesOf("changes").length,
    asked: () => existsSync(join(folder, "calls")),
  };
}

/** Who has which roles on what. */
const rolesOf = (given: Lines, member: string) =>
  Object.entries(given)
    .flatMap(([on, lines]) => lines.map((line) => [on, ...line.split(" | ")]))
    .filter(([, , who]) => who?.includes(member))
    .map(([on = "", role = ""]) => `${on}: ${role.replace("roles/", "")}`)
    .toSorted();

/** The parts of GitHub that may work as an account. */
const subjectsOf = (given: Lines, account: string) =>
  (given[`iam_service-accounts_${account}@etl-project.iam.gserviceaccount.com`] ?? []).map(
    (line) => /workloadIdentityPools\/github\/subject\/repo:(.*)$/.exec(line)?.[1],
  );

test("an empty project gets what the workflows need, and nothing more", (t) => {
  const { run, things, grants } = project();
  const { code, out, err } = run([...BOTH, "--static-egress"]);
  t.deepEqual({ code, err }, { code: 0, err: "" });
  const made = things();
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
      "attribute-condition=assertion.repository == 'someone/mev-boost-etl'",
    ),
  );

  const given = grants();
  t.deepEqual(rolesOf(given, "mev-boost-etl-preview@"), [
    "kms_keys_pulumi_state: cloudkms.cryptoKeyDecrypter",
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

  t.deepEqual(subjectsOf(given, "mev-boost-etl-deployer"), [
    "someone/mev-boost-etl:environment:test",
    "someone/mev-boost-etl:environment:production",
  ]);
  t.deepEqual(subjectsOf(given, "mev-boost-etl-preview"), [
    "someone/mev-boost-etl:pull_request",
    "someone/mev-boost-etl:ref:refs/heads/main",
  ]);
  for (const line of ["TEST_PROJECT=etl-project", "PRODUCTION_PROJECT_NUMBER=123456789012"]) {
    t.true(out.includes(line), line);
  }
});

test("a second run changes nothing, and one that failed anywhere is completed by the next", (t) => {
  const whole = project();
  whole.run(BOTH);
  const changes = whole.changes();
  t.is(whole.run(BOTH).code, 0);
  t.is(whole.changes(), changes);

  for (let at = 1; at <= changes; at += 5) {
    const { run, things, grants } = project();
    const failed = run(BOTH, { FAKE_GCLOUD_FAIL: String(at) });
    t.not(failed.code, 0);
    t.regex(failed.err, /try again later/);
    t.is(run(BOTH).code, 0);
    t.deepEqual([things(), grants()], [whole.things(), whole.grants()]);
  }
});

test("options add what they say: clusters for a back-load, readers of images for promotion", (t) => {
  const { run, grants } = project();
  run([...GIVEN, "--stack", "test", "--backload", "--promoted-by", "deployer@other.iam.gserviceaccount.com"]);
  const lines = grants()["project_etl-project"] ?? [];
  const has = (role: string, who: string) =>
    lines.some((line) => line.startsWith(`roles/${role} |`) && line.includes(who));
  t.true(has("container.admin", "mev-boost-etl-deployer@"));
  t.true(has("compute.networkAdmin", "mev-boost-etl-deployer@"));
  t.true(has("artifactregistry.reader", "deployer@other.iam.gserviceaccount.com"));
});

test("a pool that trusts another repository is left alone, and said so", (t) => {
  const { run, grants } = project();
  run(BOTH);
  const before = grants();
  const { code, err } = run(BOTH.map((one) => (one === "someone/mev-boost-etl" ? "other/fork" : one)));
  t.is(code, 1);
  t.regex(err, /trusts something else \(assertion\.repository == 'someone\/mev-boost-etl'\)/);
  t.deepEqual(grants(), before);
});

test("bad arguments get one line and exit code 2, before anything is asked", (t) => {
  const bad: readonly (readonly [RegExp, readonly string[]])[] = [
    [/--project must be/, ["--project", "X", "--repository", "a/b", "--stack", "test"]],
    [
      /--repository must be OWNER\/NAME/,
      ["--project", "etl-project", "--repository", "b", "--stack", "test"],
    ],
    [/--stack must be given/, GIVEN],
    [/--stack must be 1 to 12/, [...GIVEN, "--stack", "far-too-long-a-name"]],
    [/--stack needs a value/, [...GIVEN, "--stack"]],
    [/unknown argument --zone/, [...GIVEN, "--zone", "b"]],
  ];
  for (const [message, args] of bad) {
    const { run, asked } = project();
    const { code, err } = run(args);
    t.is(code, 2);
    t.regex(err, message);
    t.is(err.trim().split("\n").length, 1);
    t.false(asked());
  }
});
