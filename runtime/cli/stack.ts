import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { Command } from "commander";
import * as E from "fp-ts/lib/Either.js";
import * as t from "io-ts";
import { NETWORK_NAMES } from "../chain/networks.ts";
import { UserError, codeOf, printable } from "../errors.ts";

/** What a stack says of itself (`pulumi stack output`), as far as commands need it. */
interface StackOutputs {
  readonly network: string;
  /** As `--lake` takes it. */
  readonly lakeUrl: string;
  /** As `--warehouse` takes it. */
  readonly warehouseUrl: string;
}

const OUTPUTS = {
  network: new RegExp(`^(?:${NETWORK_NAMES.join("|")})$`),
  lakeUrl: /^gs:\/\/\S+$/,
  warehouseUrl: /^bigquery:\/\/[^/\s]+\/[^/\s]+$/,
};

const TIMEOUT_MS = 60_000;

/**
 * Fills in network, lake and warehouse from the stack that `--stack` names; does nothing without it. Throws UserError (exit
 * 2) where the stack can't be asked, or lacks an output.
 */
export async function fillFromStack(command: Command): Promise<void> {
  const { stack } = command.opts<{ stack?: string }>();
  if (stack === undefined) return;
  const { network, lakeUrl, warehouseUrl } = await stackOutputs(stack);
  command.setOptionValueWithSource("network", network, "config");
  for (const [option, value] of [
    ["lake", lakeUrl],
    ["warehouse", warehouseUrl],
  ] as const) {
    const known = command.options.some((one) => one.attributeName() === option);
    if (known) command.setOptionValueWithSource(option, value, "config");
  }
}

async function stackOutputs(stack: string): Promise<StackOutputs> {
  const text = await askPulumi(stack);
  const outputs = E.tryCatch(
    () => JSON.parse(text) as unknown,
    () => undefined,
  );
  const record = E.isRight(outputs) ? t.UnknownRecord.decode(outputs.right) : outputs;
  if (E.isLeft(record))
    throw refused(stack, "pulumi stack output gave no JSON; is the pulumi on PATH its own?");
  const read = (name: keyof StackOutputs): string => {
    const value = record.right[name];
    if (value === undefined)
      throw refused(stack, `the stack has no output ${name}; run pulumi up --stack ${stack}`);
    if (typeof value !== "string" || !OUTPUTS[name].test(value))
      throw refused(
        stack,
        `its output ${name} isn't one of this program's: ${printable(JSON.stringify(value))}`,
      );
    return value;
  };
  return { network: read("network"), lakeUrl: read("lakeUrl"), warehouseUrl: read("warehouseUrl") };
}

/** What `pulumi stack output` prints. */
async function askPulumi(stack: string): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)(
      "pulumi",
      ["stack", "output", "--json", "--non-interactive", `--stack=${stack}`],
      { timeout: TIMEOUT_MS, env: { ...process.env, PULUMI_SKIP_UPDATE_CHECK: "true", NO_COLOR: "1" } },
    );
    return stdout;
  } catch (error) {
    if (codeOf(error) === "ENOENT")
      throw refused(
        stack,
        "the Pulumi CLI isn't on PATH; install it (https://www.pulumi.com/docs/install/), or give --network, --lake and --warehouse",
      );
    if (wasKilled(error)) throw refused(stack, `pulumi gave no answer within ${TIMEOUT_MS / 1000} s`);
    throw refused(stack, adviceOn(stderrOf(error), stack));
  }
}

/** What Pulumi's complaint means here; its own first line where that isn't known. */
function adviceOn(stderr: string, stack: string): string {
  const known: readonly [RegExp, string][] = [
    [
      /PULUMI_ACCESS_TOKEN|pulumi login|not logged in/i,
      "you aren't logged in to the stack's state; run pulumi login URL",
    ],
    [/no stack named/i, "there is no such stack; pulumi stack ls lists them, pulumi stack init makes one"],
    [
      /fully qualified name|no Pulumi\.ya?ml/i,
      "run this in the folder with Pulumi.yaml, or give ORGANIZATION/PROJECT/STACK",
    ],
    [/PULUMI_CONFIG_PASSPHRASE/, "the stack's secrets can't be read; set PULUMI_CONFIG_PASSPHRASE"],
  ];
  const found = known.find(([pattern]) => pattern.test(stderr));
  if (found) return found[1];
  const [line] = stderr.split("\n").filter((one) => one.trim() !== "");
  return `pulumi stack output --stack ${stack} failed: ${(line ?? "it said nothing").replace(/^error: /, "")}`;
}

function refused(stack: string, what: string): UserError {
  return new UserError(`--stack ${printable(stack, 60)}: ${printable(what, 400)}`, { exitCode: 2 });
}

function wasKilled(error: unknown): boolean {
  return typeof error === "object" && error !== null && "killed" in error && error.killed === true;
}

function stderrOf(error: unknown): string {
  if (typeof error !== "object" || error === null || !("stderr" in error)) return "";
  return typeof error.stderr === "string" ? error.stderr : "";
}
