import { execFile } from "node:child_process";
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { saidIn } from "../../integration/program/saidLines.ts";
import test from "ava";
import { Command } from "commander";
import { UserError } from "../errors.ts";
import { addOptions } from "./options.ts";
import { fillFromStack } from "./stack.ts";

const MAIN = fileURLToPath(new URL("main.ts", import.meta.url));
const outputs = {
  network: "hoodi",
  lakeUrl: "gs://a-lake",
  warehouseUrl: "bigquery://a-project/a_dataset",
  image: "unused",
};

/** A folder with a `pulumi` that writes down how it was called, and answers with these texts and this exit code. */
async function pulumiThat(answer: { stdout?: string; stderr?: string; code?: number }): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), "pulumi-"));
  for (const [name, text] of Object.entries({ stdout: answer.stdout ?? "", stderr: answer.stderr ?? "" }))
    await writeFile(path.join(folder, name), text);
  const script = `#!/bin/sh
here=\${0%/*}
printf '%s\\n' "$@" > "$here/called"
while IFS= read -r line || [ -n "$line" ]; do printf '%s\\n' "$line"; done < "$here/stdout"
while IFS= read -r line || [ -n "$line" ]; do printf '%s\\n' "$line" >&2; done < "$here/stderr"
exit ${answer.code ?? 0}
`;
  await writeFile(path.join(folder, "pulumi"), script);
  await chmod(path.join(folder, "pulumi"), 0o755);
  return folder;
}

/** Runs the command line with `folder` alone on PATH, and says how it ended. */
async function cli(folder: string, ...args: string[]): Promise<{ code: number; lines: string[] }> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      ["--import=tsx", MAIN, ...args],
      { env: { PATH: folder, HOME: folder } },
      (error, _stdout, stderr) => {
        const code = error === null ? 0 : Number(error.code);
        resolve({ code, lines: saidIn(stderr) });
      },
    );
  });
}

/** Runs with `folder` alone on PATH. */
async function onPath<T>(folder: string, work: () => Promise<T>): Promise<T> {
  const before = process.env["PATH"];
  process.env["PATH"] = folder;
  try {
    return await work();
  } finally {
    process.env["PATH"] = before;
  }
}

/** The options of a command, once the stack has filled them in. */
async function filled(groups: Parameters<typeof addOptions>[1], ...args: string[]) {
  const command = addOptions(new Command("it"), groups).action(() => undefined);
  await command.parseAsync(args, { from: "user" });
  await fillFromStack(command);
  return command.opts();
}

test.serial("a stack's network, lake and warehouse take the place of the options", async (t) => {
  const folder = await pulumiThat({ stdout: JSON.stringify(outputs) });
  await onPath(folder, async () => {
    t.like(await filled(["lake", "warehouse"], "--stack", "test"), {
      network: "hoodi",
      lake: "gs://a-lake",
      warehouse: "bigquery://a-project/a_dataset",
    });
    t.deepEqual((await readFile(path.join(folder, "called"), "utf8")).trim().split("\n"), [
      "stack",
      "output",
      "--json",
      "--non-interactive",
      "--stack=test",
    ]);
    const probing = await filled(["asking"], "--stack", "test");
    t.is(probing["network"], "hoodi");
    t.is(probing["lake"], undefined);
    t.like(await filled(["lake", "warehouse"]), { network: "simulated", lake: "data/lake" });
  });
  await rm(folder, { recursive: true });
});

// What the CLI says was recorded from Pulumi 3.250.
const refusals: readonly (readonly [string, Parameters<typeof pulumiThat>[0], string])[] = [
  [
    "nobody is logged in",
    {
      stderr: "error: PULUMI_ACCESS_TOKEN must be set for login during non-interactive CLI sessions",
      code: 3,
    },
    "--stack test: you aren't logged in to the stack's state; run pulumi login URL",
  ],
  [
    "there is no such stack",
    { stderr: "error: no stack named 'test' found", code: 6 },
    "--stack test: there is no such stack; pulumi stack ls lists them, pulumi stack init makes one",
  ],
  [
    "it is run outside of the project",
    {
      stderr:
        "error: if you're using the --stack flag, pass the fully qualified name (organization/project/stack)",
      code: 1,
    },
    "--stack test: run this in the folder with Pulumi.yaml, or give ORGANIZATION/PROJECT/STACK",
  ],
  [
    "Pulumi has some other trouble",
    { stderr: "error: missing google credentials: unable to find them\nmore\n", code: 1 },
    "--stack test: pulumi stack output --stack test failed: missing google credentials: unable to find them",
  ],
  [
    "the stack was never deployed",
    { stdout: "{}\n" },
    "--stack test: the stack has no output network; run pulumi up --stack test",
  ],
  [
    "an output is missing",
    { stdout: JSON.stringify({ ...outputs, lakeUrl: undefined }) },
    "--stack test: the stack has no output lakeUrl; run pulumi up --stack test",
  ],
  [
    "the stack is another program's",
    { stdout: JSON.stringify({ ...outputs, lakeUrl: "s3://other\u001b[31m" }) },
    "--stack test: its output lakeUrl isn't one of this program's: \"s3://other\\u001b[31m\"",
  ],
  [
    "pulumi is something else",
    { stdout: "hello" },
    "--stack test: pulumi stack output gave no JSON; is the pulumi on PATH its own?",
  ],
];

for (const [what, answer, line] of refusals) {
  test.serial(`one line that says what to do when ${what}`, async (t) => {
    const folder = await pulumiThat(answer);
    const error = await t.throwsAsync(
      onPath(folder, async () => filled(["lake"], "--stack", "test")),
      {
        instanceOf: UserError,
      },
    );
    t.deepEqual([error.message, error.exitCode], [line, 2]);
    await rm(folder, { recursive: true });
  });
}

test("one line and exit 2 when Pulumi isn't there, or --stack stands beside what it gives", async (t) => {
  const folder = await mkdtemp(path.join(tmpdir(), "empty-"));
  t.deepEqual(await cli(folder, "run", "--stack", "test"), {
    code: 2,
    lines: [
      "mev-boost-etl: --stack test: the Pulumi CLI isn't on PATH; install it (https://www.pulumi.com/docs/install/), or give --network, --lake and --warehouse",
    ],
  });
  for (const [option, value] of [
    ["--lake", "gs://x"],
    ["--warehouse", "y"],
    ["--network", "mainnet"],
  ] as const) {
    const { code, lines } = await cli(folder, "run", "--stack", "test", option, value);
    t.is(code, 2);
    t.is(lines.length, 1);
    t.regex(lines[0] ?? "", new RegExp(`'--stack <name>' cannot be used with option '${option} `));
  }
  await rm(folder, { recursive: true });
});
