import { mkdtemp, readdir, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { existsSync } from "node:fs";
import type { ExecFileException } from "node:child_process";
import { installedTool, lastToolLine, MissingToolError, runTool, sayTool } from "./toolCache.ts";

/** Debian's package of which promtool is a part; 2.42 in bookworm. Cloud Monitoring's PromQL is that of 2.44: https://cloud.google.com/stackdriver/docs/managed-prometheus/promql-differences */
const PACKAGE = "prometheus";

/** Labels of a series or an alert. */
type Labels = Readonly<Record<string, string>>;

/** A case for rules: what was measured from minute 0 on, and what fires at some of the minutes. */
export interface RuleCase {
  /** Said where it fails. */
  readonly name: string;
  /** One sample a minute, in promtool's notation: `up{job="x"}` and `0 1+1x10 _ stale`. */
  readonly series: readonly { readonly series: string; readonly values: string }[];
  readonly expected: readonly ExpectedAlerts[];
}

/** Exactly what fires at a minute. */
export interface ExpectedAlerts {
  readonly minute: number;
  /** Of alerts of this name alone; of all without it. */
  readonly alert?: string;
  /** Labels of the alert's series and of its rule, `alertname` among them; none for []. */
  readonly firing: readonly Labels[];
}

/**
 * Runs `promtool test rules`: evaluates the rules of a rule file (its text; JSON is YAML too) at every minute of each case. What
 * differs, in promtool's words; "" where nothing does. Annotations aren't looked at. Throws MissingToolError.
 */
export async function testRules(rules: string, cases: readonly RuleCase[]): Promise<string> {
  const tests = cases.map(({ name, series, expected }) => ({
    name,
    interval: "1m",
    input_series: series,
    // Not `alert_rule_test`, which wants every annotation's text, and takes a name that no rule has.
    promql_expr_test: expected.map(({ minute, alert, firing }) => ({
      expr: seriesOf("ALERTS", {
        alertstate: "firing",
        ...(alert === undefined ? {} : { alertname: alert }),
      }),
      eval_time: `${minute}m`,
      exp_samples: firing.map((labels) => ({
        labels: seriesOf("ALERTS", { alertstate: "firing", ...labels }),
        value: 1,
      })),
    })),
  }));
  return saidOf("test", rules, { rule_files: ["rules.yml"], evaluation_interval: "1m", tests });
}

/** A series' name and labels as Prometheus writes them. */
export function seriesOf(name: string, labels: Labels): string {
  const pairs = Object.entries(labels).map(([key, value]) => `${key}=${JSON.stringify(value)}`);
  return `${name}{${pairs.join(",")}}`;
}

/** Runs `promtool check rules` on a rule file (its text). What is wrong with it; "" where nothing is. Throws MissingToolError. */
export function checkRules(rules: string): Promise<string> {
  return saidOf("check", rules);
}

async function saidOf(verb: "test" | "check", rules: string, tests?: object): Promise<string> {
  const promtool = await providePromtool();
  const folder = await mkdtemp(join(tmpdir(), "promtool-"));
  try {
    await writeFile(join(folder, "rules.yml"), rules);
    if (tests) await writeFile(join(folder, "tests.yml"), JSON.stringify(tests));
    await runTool(promtool, [verb, "rules", tests ? "tests.yml" : "rules.yml"], {
      cwd: folder,
      maxBuffer: 1 << 26,
    });
    return "";
  } catch (error) {
    const {
      code,
      stdout = "",
      stderr = "",
    } = error as ExecFileException & {
      stdout?: string;
      stderr?: string;
    };
    // It ends with 1 for what it finds, and for a file that it can't read.
    if (code !== 1) throw error;
    return `${stdout}${stderr}`;
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** promtool as it is on PATH, else from Debian's package, of which nothing is installed. Throws MissingToolError. */
async function providePromtool(): Promise<string> {
  const onPath = (process.env["PATH"] ?? "")
    .split(delimiter)
    .map((folder) => join(folder, "promtool"))
    .find((path) => existsSync(path));
  if (onPath !== undefined) return onPath;
  const folder = await installedTool("promtool-debian", async (target) => {
    sayTool(`downloading Debian's package ${PACKAGE} (once, 20 MB)`);
    try {
      await runTool("apt-get", ["download", "-q", PACKAGE], { cwd: target });
      const [archive = ""] = (await readdir(target)).filter((name) => name.endsWith(".deb"));
      await runTool("dpkg-deb", ["-x", archive, "unpacked"], { cwd: target });
      await rename(join(target, "unpacked/usr/bin/promtool"), join(target, "promtool"));
      await rm(join(target, "unpacked"), { recursive: true });
      await rm(join(target, archive));
    } catch (error) {
      throw new MissingToolError(
        "promtool",
        `apt-get download ${PACKAGE} failed (${lastToolLine(error)}); run \`apt-get update\` first, or install promtool`,
        error,
      );
    }
  });
  return join(folder, "promtool");
}
