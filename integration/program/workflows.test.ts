import { accessSync, constants, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { parse } from "yaml";

interface Step {
  readonly uses?: string;
  readonly run?: string;
  readonly with?: Readonly<Record<string, unknown>>;
}

interface Job {
  readonly steps: readonly Step[];
  readonly permissions?: Readonly<Record<string, string>>;
  readonly if?: string;
  readonly needs?: string;
  readonly environment?: string;
  readonly concurrency?: unknown;
  readonly "timeout-minutes"?: number;
  readonly strategy?: { readonly matrix: { readonly include: readonly { readonly stack: string }[] } };
}

interface Workflow {
  readonly on: Readonly<Record<string, unknown>>;
  readonly permissions?: Readonly<Record<string, string>>;
  readonly jobs: Readonly<Record<string, Job>>;
}

const root = join(import.meta.dirname, "../..");
const read = (path: string) => readFileSync(join(root, path), "utf8");
const paths = readdirSync(join(root, ".github"), { recursive: true, encoding: "utf8" })
  .filter((path) => path.endsWith(".yml"))
  .map((path) => `.github/${path}`);
const workflow = (name: string) => parse(read(`.github/workflows/${name}.yml`)) as Workflow;
const workflows = new Map(
  paths
    .filter((path) => path.includes("/workflows/"))
    .map((path) => [path, parse(read(path)) as Workflow] as const),
);
const jobs = [...workflows].flatMap(([path, { jobs: all }]) =>
  Object.entries(all).map(([name, job]) => ({ at: `${path} ${name}`, job })),
);
const stackAction = parse(read(".github/actions/stack/action.yml")) as { runs: { steps: readonly Step[] } };
const steps = [...jobs.flatMap(({ job }) => job.steps), ...stackAction.runs.steps];
const deploys = (job: Job) => job.steps.find(({ uses }) => uses === "./.github/actions/stack");

test("every action is pinned by a full commit, the same one everywhere, with its version beside it", (t) => {
  const pins = new Map<string, string>();
  for (const path of paths) {
    for (const line of read(path).split("\n")) {
      const used = /^\s*(?:- )?uses: (.*)$/.exec(line)?.[1];
      if (used === undefined || used === "./.github/actions/stack") continue;
      const [, action = "", commit = ""] =
        /^([\w.-]+\/[\w.-]+)@([0-9a-f]{40}) # v\d+\.\d+\.\d+$/.exec(used) ?? [];
      t.not(commit, "", `${path}: ${used}`);
      t.is(pins.get(action) ?? commit, commit);
      pins.set(action, commit);
    }
  }
  t.true(pins.size >= 5);
});

test("no job may do more than it needs, and none holds a key", (t) => {
  for (const [path, { permissions }] of workflows) t.deepEqual(permissions, { contents: "read" }, path);
  for (const { at, job } of jobs) {
    const { "pull-requests": comments, ...permissions } = job.permissions ?? { contents: "read" };
    t.is(comments, at.includes("preview.yml") ? "write" : undefined, at);
    t.deepEqual(permissions, { contents: "read", ...(deploys(job) ? { "id-token": "write" } : {}) }, at);
    t.true((job["timeout-minutes"] ?? 360) <= 60, at);
  }
  for (const path of paths)
    t.notRegex(read(path), /secrets\.|credentials_json|pull_request_target|private_key/, path);
  for (const { uses, with: given } of steps) {
    if (uses?.startsWith("actions/checkout@")) t.is(given?.["persist-credentials"], false);
  }
});

test("no text from outside is put into a script", (t) => {
  for (const { run = "" } of steps) t.notRegex(run, /\$\{\{/, run);
});

test("what the steps run exists", (t) => {
  const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };
  const called = steps.flatMap(({ run = "" }) => run.split(/\n|&&/).map((line) => line.trim()));
  for (const line of called) {
    const script = /^npm run (\S+)/.exec(line)?.[1];
    if (script !== undefined) t.true(script in scripts, line);
    const file = /^((?:\.ci|integration)\/\S+)/.exec(line)?.[1];
    if (file !== undefined) t.notThrows(() => accessSync(join(root, file), constants.X_OK), line);
  }
});

test("pulumi is the version that the engine checks build", (t) => {
  const version = /const VERSION = "([\d.]+)"/.exec(read("integration/engine/engine.ts"))?.[1];
  const installs = steps.filter(({ uses }) => uses?.startsWith("pulumi/actions@"));
  t.is(installs.length, 2);
  for (const { with: given } of installs) t.deepEqual(given, { "pulumi-version": version });
});

test("each job becomes the account that bootstrap.sh lets it become", (t) => {
  const script = read("deploy/bootstrap.sh");
  const named = (variable: string) => new RegExp(`^${variable}=(\\S+)$`, "m").exec(script)?.[1];
  const jobsOfPreviewer = /^previewer_jobs=\((.*)\)$/m.exec(script)?.[1]?.split(" ") ?? [];
  for (const { at, job } of jobs) {
    const action = deploys(job);
    if (!action) continue;
    // An environment comes first: of such a job neither branch nor pull request counts.
    const account = job.environment === undefined ? named("previewer") : named("deployer");
    t.is(action.with?.["account"], account, at);
    if (job.environment !== undefined) {
      t.is(action.with?.["stack"], job.environment, at);
      t.is(job.concurrency, `deploy-${job.environment}`, at);
    } else {
      // Else what made it run: a pull request, or the ref, which a schedule has from the main branch.
      const path = at.split(" ")[0] ?? "";
      const ref = /^github\.ref == '(\S+)'$/.exec(job.if ?? "")?.[1];
      const subject = "pull_request" in (workflows.get(path)?.on ?? {}) ? "pull_request" : ref;
      t.true(jobsOfPreviewer.includes(subject ?? ""), `${at}: ${subject}`);
    }
  }
  const provider = `workloadIdentityPools/${named("pool")}/providers/${named("provider")}`;
  t.true(JSON.stringify(stackAction).includes(provider));
  t.true(JSON.stringify(stackAction).includes(`gs://$PROJECT-pulumi-state`));
  t.is(named("state"), '"gs://$project-pulumi-state"');
});

test("pull requests are previewed with the policies, but only those of this repository", (t) => {
  const { on, jobs: all } = workflow("preview");
  t.deepEqual(Object.keys(on), ["pull_request"]);
  const { preview } = all;
  t.is(preview?.if, "github.event.pull_request.head.repo.full_name == github.repository");
  t.deepEqual(
    preview?.strategy?.matrix.include.map(({ stack }) => stack),
    ["test", "production"],
  );
  t.true(
    preview?.steps.some(
      ({ run }) => run?.includes("pulumi preview") && run.includes("--policy-pack policies"),
    ),
  );
  t.true(preview?.steps.some(({ run }) => run?.includes("gh pr comment")));
});

test("test is deployed from main, production after it and by approval, with the very image", (t) => {
  const { on, jobs: all } = workflow("deploy");
  t.deepEqual(on, { push: { branches: ["main"] } });
  const { test: first, production } = all;
  t.is(production?.needs, "test");
  for (const job of [first, production]) {
    const runs = (job?.steps ?? []).map(({ run }) => run ?? "");
    const preview = runs.findIndex((run) => run.startsWith("pulumi preview --policy-pack policies"));
    const up = runs.findIndex((run) => run.startsWith("pulumi up"));
    t.true(preview >= 0 && preview < up);
    t.regex(runs[up] ?? "", /--policy-pack policies/);
  }
  const promoted = production?.steps.find(({ run }) => run?.startsWith("deploy/promote.sh"));
  t.deepEqual(
    (promoted as { env?: Record<string, string> }).env?.["SOURCE"],
    "${{ needs.test.outputs.image }}",
  );
  t.notRegex(JSON.stringify(production), /docker build|build: true|buildx/);
});

test("drift is looked for every night, in both stacks, and is an error", (t) => {
  const { on, jobs: all } = workflow("drift");
  t.regex(JSON.stringify(on["schedule"]), /"cron":"\d+ \d+ \* \* \*"/);
  t.is(all["drift"]?.if, "github.ref == 'refs/heads/main'");
  t.deepEqual(
    all["drift"]?.strategy?.matrix.include.map(({ stack }) => stack),
    ["test", "production"],
  );
  t.true(
    all["drift"]?.steps.some(({ run }) => /pulumi preview --refresh --expect-no-changes\b/.test(run ?? "")),
  );
});

test("every push is checked, by what developers run too", (t) => {
  const { on, jobs: all } = workflow("check");
  t.deepEqual(on, { push: null });
  t.true(all["check"]?.steps.some(({ run }) => run === ".ci/run"));
});

test("what checks build with Go is kept between runs, and put there before they run", (t) => {
  const { steps: all = [] } = workflow("check").jobs["check"] ?? {};
  const kept = all.findIndex(({ uses }) => uses?.startsWith("actions/cache@"));
  t.true(kept >= 0 && kept < all.findIndex(({ run }) => run === ".ci/run"));
  // Where integration/toolCache.ts, Go's compiler and Go's modules put theirs.
  t.deepEqual(String(all[kept]?.with?.["path"]).trim().split("\n"), [
    "~/.cache/mev-boost-etl",
    "~/.cache/go-build",
    "~/go/pkg/mod",
  ]);
});
