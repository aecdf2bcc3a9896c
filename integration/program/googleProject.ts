import { spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runInNewContext } from "node:vm";

const script = join(import.meta.dirname, "../../deploy/bootstrap.sh");
const PROVIDER = "iam workload-identity-pools providers/github_github";
const accountFile = (name: string) => `iam_service-accounts_${name}@etl-project.iam.gserviceaccount.com`;

/** What bootstrap.sh is told of the project and the repository, and for both stacks. */
export const REPOSITORY = ["--project", "etl-project", "--repository", "someone/mev-boost-etl"];
export const NUMBERED = [...REPOSITORY, "--repository-id", "77", "--owner-id", "55"];
export const BOTH_STACKS = [...NUMBERED, "--stack", "test", "--stack", "production"];

/** The two accounts that workflows become. */
export const ACCOUNTS = ["mev-boost-etl-deployer", "mev-boost-etl-preview"] as const;

/** Lines of the files below a folder, by their paths in it. */
export type FolderLines = Readonly<Record<string, readonly string[]>>;

/** What GitHub says of a job in its token, as far as anything here reads it. */
export type JobToken = Readonly<Record<string, string>>;

/** A project in Google Cloud in which nothing was made yet, with a gcloud that reaches nothing else. */
export class GoogleProject {
  readonly #folder = mkdtempSync(join(tmpdir(), "etl-bootstrap-"));

  constructor() {
    mkdirSync(join(this.#folder, "bin"));
    symlinkSync(join(import.meta.dirname, "fakeGcloud.sh"), join(this.#folder, "bin/gcloud"));
  }

  /** The same project once more, as it now is: what is done to one isn't seen in the other. */
  fork(): GoogleProject {
    const forked = new GoogleProject();
    for (const part of ["things", "grants", "changes", "changes.tried"])
      cpSync(join(this.#folder, part), join(forked.#folder, part), { recursive: true });
    return forked;
  }

  /** bootstrap.sh with these arguments. */
  run(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    const PATH = `${join(this.#folder, "bin")}:${process.env["PATH"] ?? ""}`;
    const ended = spawnSync("bash", [script, ...args], {
      env: { ...process.env, ...env, PATH, FAKE_GCLOUD: this.#folder },
      encoding: "utf8",
    });
    return { code: ended.status, out: ended.stdout, err: ended.stderr };
  }

  things = (): FolderLines => this.#below("things");
  grants = (): FolderLines => this.#below("grants");
  changes = (): number => this.#lines("changes").length;
  calls = (): readonly string[] => (existsSync(join(this.#folder, "calls")) ? this.#lines("calls") : []);

  /** What gcloud answers to commands about what the script doesn't make; an answer with a leading ! is a refusal. */
  answer(table: Readonly<Record<string, string>>): void {
    const lines = Object.entries(table).map(([command, answer]) => `${command}\t${answer}\n`);
    writeFileSync(join(this.#folder, "answers"), lines.join(""));
  }

  /** Takes lines out of a file of things or grants. */
  lose(file: string, which: (line: string) => boolean): void {
    const left = this.#lines(file).filter((line) => !which(line));
    writeFileSync(join(this.#folder, file), left.map((line) => `${line}\n`).join(""));
  }

  /** Puts the federation back to what the script made when it went by names. */
  trustNames(name = "someone/mev-boost-etl"): void {
    writeFileSync(
      join(this.#folder, "things", PROVIDER),
      "workload-identity-pool=github\nissuer-uri=https://token.actions.githubusercontent.com\n" +
        "attribute-mapping=google.subject=assertion.sub,attribute.repository=assertion.repository\n" +
        `attribute-condition=assertion.repository == '${name}'\n`,
    );
    for (const account of ACCOUNTS) {
      const file = join(this.#folder, "grants", accountFile(account));
      const text = readFileSync(file, "utf8").replaceAll(
        "subject/77:refs/",
        `subject/repo:${name}:ref:refs/`,
      );
      const environments = text.replaceAll(
        /subject\/77:(test|production)/g,
        `subject/repo:${name}:environment:$1`,
      );
      writeFileSync(file, environments.replaceAll("subject/77:", `subject/repo:${name}:`));
    }
  }

  /** The subjects that may work as an account. */
  subjectsOf(account: string): string[] {
    return (this.grants()[accountFile(account)] ?? []).map(
      (line) => /workloadIdentityPools\/github\/subject\/(.*)$/.exec(line)?.[1] ?? line,
    );
  }

  /** The accounts that a job with this token may become, as Google decides it: by the provider's condition and mapping. */
  accountsFor(token: JobToken): string[] {
    const last = (setting: string) =>
      this.things()
        [PROVIDER]?.findLast((line) => line.startsWith(setting))
        ?.slice(setting.length) ?? "";
    if (evaluate(last("attribute-condition="), token) !== true) return [];
    const [mapping = ""] = last("attribute-mapping=google.subject=").split(",attribute.");
    const subject = String(evaluate(mapping, token));
    return ACCOUNTS.filter((account) => this.subjectsOf(account).includes(subject));
  }

  #lines(file: string): string[] {
    return readFileSync(join(this.#folder, file), "utf8").split("\n").slice(0, -1);
  }

  #below(part: string): FolderLines {
    return Object.fromEntries(
      readdirSync(join(this.#folder, part), { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map(({ parentPath, name }) => join(parentPath, name).slice(this.#folder.length + part.length + 2))
        .map((path) => [path, this.#lines(join(part, path))]),
    );
  }
}

/**
 * The value of an expression of the Common Expression Language, of which the script uses what means the same in JavaScript.
 * As there, a claim that the token lacks is an error, but for has().
 */
function evaluate(expression: string, token: JobToken): unknown {
  const known = /^(?:assertion\.\w+|has\(|'[^']*'|[=&?:+() ])+$/;
  if (!known.test(expression)) throw new Error(`the test can't evaluate ${expression}`);
  const assertion = new Proxy(token, {
    get(claims, claim) {
      const value = claims[String(claim)];
      if (value === undefined) throw new Error(`the token has no claim ${String(claim)}`);
      return value;
    },
  });
  const script = expression.replaceAll(/has\(assertion\.(\w+)\)/g, '("$1" in assertion)');
  return runInNewContext(script, { assertion });
}
