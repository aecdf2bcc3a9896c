import { execFile } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { build } from "esbuild";
import { parse, stringify } from "yaml";
import { engineFolder } from "./engine.ts";
import { type EngineEvent, readEvents, EngineReport } from "./engineReport.ts";
import { Cloud } from "./standin/cloud.ts";
import { declared } from "./standin/declared.ts";

const root = join(import.meta.dirname, "../..");
/** What of the repository a program needs. Nothing is ever run in the repository itself: the CLI writes into its folder. */
const TREE = [
  "stacks",
  "components",
  "runtime",
  "package.json",
  "tsconfig.json",
  "build.mjs",
  "Dockerfile",
  ".dockerignore",
];
const TEN_MINUTES = 600_000;

/** Where a stack is to come from. */
export interface EngineStackOptions {
  /** `test`, `production`, or another stack of the program. */
  readonly stack: string;
  /** Config on top of Pulumi.yaml and Pulumi.<stack>.yaml, `namespace:key`. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** Files of the tree that are written over or added, by path. */
  readonly files?: Readonly<Record<string, string>>;
  /** Another folder than the repository's: a small program of a test's own, with its Pulumi.yaml and package.json. */
  readonly program?: Readonly<Record<string, string>>;
}

/** More arguments of a command, and the folder of a policy pack. */
export interface CommandOptions {
  readonly args?: readonly string[];
  readonly policies?: string;
}

/**
 * A stack of the program on the real engine, in a scratch folder: a copy of the tree, a `file://` backend, and a pretended
 * cloud. Commands never write into the repository.
 */
export class EngineStack {
  private constructor(
    readonly name: string,
    /** Holds all the rest. */
    readonly folder: string,
    readonly engine: string,
  ) {}

  /** The tree that the program runs in. */
  get tree(): string {
    return join(this.folder, "tree");
  }

  get cloud(): Cloud {
    return new Cloud(join(this.folder, "cloud"));
  }

  /** Makes the scratch folder and the stack in it; nothing is deployed. */
  static async create(options: EngineStackOptions): Promise<EngineStack> {
    const engine = await engineFolder();
    const stack = new EngineStack(options.stack, mkdtempSync(join(tmpdir(), "etl-engine-")), engine);
    mkdirSync(stack.tree);
    if (options.program) stack.write(options.program);
    else {
      for (const entry of [...TREE, "Pulumi.yaml", `Pulumi.${options.stack}.yaml`])
        if (existsSync(join(root, entry)))
          cpSync(join(root, entry), join(stack.tree, entry), {
            recursive: true,
            filter: (path) => !path.endsWith(".test.ts"),
          });
    }
    stack.write(options.files ?? {});
    symlinkSync(join(root, "node_modules"), join(stack.tree, "node_modules"));
    mkdirSync(join(stack.folder, "state"));
    mkdirSync(join(stack.folder, "home"));
    await putProviders(stack.folder);
    await stack.run(["stack", "init", stack.name]);
    stack.configure(options.config ?? {});
    return stack;
  }

  /** The same stack once more, as it now is, on a cloud of its own: what is done to one isn't seen in the other. */
  fork(): EngineStack {
    const folder = mkdtempSync(join(tmpdir(), "etl-engine-"));
    cpSync(this.folder, folder, { recursive: true, verbatimSymlinks: true });
    return new EngineStack(this.name, folder, this.engine);
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Writes files of the tree. */
  write(files: Readonly<Record<string, string>>): void {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(this.tree, path)), { recursive: true });
      writeFileSync(join(this.tree, path), text);
    }
  }

  /** Changes a file of the tree. Throws when the change changes nothing. */
  edit(path: string, change: (text: string) => string): void {
    const before = readFileSync(join(this.tree, path), "utf8");
    const after = change(before);
    if (after === before) throw new Error(`${path} wasn't changed: has it been rewritten?`);
    this.write({ [path]: after });
  }

  /** Sets config in the stack's file; undefined takes a key out. */
  configure(config: Readonly<Record<string, unknown>>): void {
    const file = join(this.tree, `Pulumi.${this.name}.yaml`);
    const content = (existsSync(file) ? parse(readFileSync(file, "utf8")) : {}) as {
      config?: Record<string, unknown>;
    };
    writeFileSync(file, stringify({ ...content, config: { ...content.config, ...config } }));
  }

  preview(options: CommandOptions = {}): Promise<EngineReport> {
    return this.#command("preview", ["--diff"], options);
  }

  up(options: CommandOptions = {}): Promise<EngineReport> {
    return this.#command("up", ["--yes", "--skip-preview"], options);
  }

  refresh(options: CommandOptions = {}): Promise<EngineReport> {
    return this.#command("refresh", ["--yes", "--skip-preview"], options);
  }

  destroy(options: CommandOptions = {}): Promise<EngineReport> {
    return this.#command("destroy", ["--yes", "--skip-preview"], options);
  }

  /** The stack's outputs, as the CLI prints them: secrets show as `[secret]`. */
  async outputs(): Promise<Record<string, unknown>> {
    return JSON.parse((await this.run(["stack", "output", "--json"])).text) as Record<string, unknown>;
  }

  /** What the engine keeps of the stack's resources. */
  async resources(): Promise<StateResource[]> {
    const { text } = await this.run(["stack", "export"]);
    return (JSON.parse(text) as { deployment: { resources?: StateResource[] } }).deployment.resources ?? [];
  }

  /** Any other command of the CLI. Throws when it ends badly, with what it said. */
  async run(args: readonly string[]): Promise<{ text: string }> {
    const { code, out, err } = await this.execute(args);
    if (code !== 0) throw new Error(`pulumi ${args.join(" ")} ended with ${code}:\n${out}${err}`);
    return { text: out };
  }

  /** The environment in which the engine knows this stack's backend and cloud, and nothing else of the machine's user. */
  get env(): Record<string, string> {
    const kept = Object.entries(process.env).filter(([key]) => !/^(?:PULUMI|GOOGLE|CLOUDSDK)_/.test(key));
    return {
      ...(Object.fromEntries(kept) as Record<string, string>),
      PATH: [this.engine, process.env["PATH"]].join(delimiter),
      HOME: join(this.folder, "home"),
      PULUMI_HOME: join(this.folder, "home"),
      PULUMI_BACKEND_URL: `file://${join(this.folder, "state")}`,
      PULUMI_STACK: this.name,
      PULUMI_CONFIG_PASSPHRASE: "test",
      PULUMI_SKIP_UPDATE_CHECK: "true",
      PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
      // For --event-log.
      PULUMI_DEBUG_COMMANDS: "true",
      PULUMI_ERROR_OUTPUT_STRING: "true",
      ETL_STANDIN_CLOUD: join(this.folder, "cloud"),
    };
  }

  execute(args: readonly string[]): Promise<{ code: number; out: string; err: string }> {
    return new Promise((resolve) => {
      execFile(
        join(this.engine, "pulumi"),
        [...args, "--non-interactive", "--color", "never"],
        { cwd: this.tree, env: this.env, maxBuffer: 1 << 28, timeout: TEN_MINUTES },
        (error, out, err) => resolve({ code: error ? Number(error.code ?? -1) : 0, out, err }),
      );
    });
  }

  async #command(
    command: string,
    flags: readonly string[],
    { args = [], policies }: CommandOptions,
  ): Promise<EngineReport> {
    const log = join(this.folder, "events.jsonl");
    rmSync(log, { force: true });
    const pack = policies === undefined ? [] : ["--policy-pack", policies];
    const { code, out, err } = await this.execute([
      command,
      "--stack",
      this.name,
      ...flags,
      ...pack,
      ...args,
      "--event-log",
      log,
    ]);
    const events: EngineEvent[] = existsSync(log) ? readEvents(readFileSync(log, "utf8")) : [];
    return new EngineReport(`pulumi ${command}`, code, `${out}${err}`, events);
  }
}

/** A resource as the engine keeps it. */
export interface StateResource {
  readonly urn: string;
  readonly type: string;
  readonly id?: string;
  readonly parent?: string;
  readonly provider?: string;
  readonly protect?: boolean;
  readonly inputs?: Readonly<Record<string, unknown>>;
  readonly outputs?: Readonly<Record<string, unknown>>;
}

/** Runs work with a stack, and clears its folder away whatever happens. */
export async function withStack<T>(
  options: EngineStackOptions,
  work: (stack: EngineStack) => Promise<T>,
): Promise<T> {
  const stack = await EngineStack.create(options);
  try {
    return await work(stack);
  } finally {
    stack.remove();
  }
}

/** Puts the stand-ins where the engine looks for its plugins, so that neither program nor config names them. */
async function putProviders(folder: string): Promise<void> {
  const standin = join(folder, "home/standin.cjs");
  await build({
    entryPoints: [join(import.meta.dirname, "standin/main.ts")],
    outfile: standin,
    bundle: true,
    platform: "node",
    target: "node20",
    format: "cjs",
    logLevel: "error",
  });
  for (const [name, version] of Object.entries(declared.versions)) {
    const place = join(folder, `home/plugins/resource-${name}-v${version}`);
    mkdirSync(place, { recursive: true });
    const start = `#!/bin/sh\nexec "${process.execPath}" "$PULUMI_HOME/standin.cjs" ${name} ${version} "$@"\n`;
    writeFileSync(join(place, `pulumi-resource-${name}`), start, { mode: 0o755 });
  }
}
