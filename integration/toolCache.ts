import { type ExecFileException, execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rename, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { messageOf } from "../runtime/errors.ts";

/** Runs a program to its end. */
export const runTool = promisify(execFile);

/** A cold build or download on a busy machine, ms. */
export const TOOL_PATIENCE_MS = 15 * 60_000;

/** A program that checks need can't be had; the message names it and what to do. */
export class MissingToolError extends Error {
  override readonly name = "MissingToolError";
  constructor(tool: string, why: string, cause?: unknown) {
    super(`${tool} can't be had: ${why}`, { cause });
  }
}

/**
 * A folder of the user's cache, the same for all working copies, made by `install` when it isn't there. It is there whole or
 * not at all, also when several processes install at once.
 */
export function installedTool(name: string, install: (target: string) => Promise<void>): Promise<string> {
  const installing = asked.get(name) ?? installOnce(name, install);
  asked.set(name, installing);
  return installing;
}

/** Tests of a file that start together would else each build what they need. */
const asked = new Map<string, Promise<string>>();

async function installOnce(name: string, install: (target: string) => Promise<void>): Promise<string> {
  const cache = join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "mev-boost-etl", "tools");
  const folder = join(cache, name);
  if (existsSync(folder)) return folder;
  await mkdir(cache, { recursive: true });
  const target = await mkdtemp(`${folder}.new-`);
  try {
    await install(target);
    await rename(target, folder).catch((error: unknown) => {
      if (!existsSync(folder)) throw error; // else somebody else was faster
    });
  } finally {
    await rm(target, { recursive: true, force: true });
  }
  return folder;
}

/** A program as its Go module publishes it, built when it isn't in the cache yet. Throws MissingToolError. */
export async function publishedGoTool(program: string, module: string, takes: string): Promise<string> {
  const folder = await installedTool(`${program}-${module.split("@")[1]}`, async (target) => {
    sayTool(`building ${module} (once, ${takes})`);
    const args = ["install", "-p", "2", module];
    await go(args, { GOBIN: target }).catch((error: unknown) => {
      throw notBuilt(program, `go ${args.join(" ")}`, error);
    });
  });
  return join(folder, program);
}

/** A program of this project's in Go: where its module lies, and what to call it. */
export interface OwnGoTool {
  readonly program: string;
  readonly source: string;
  readonly takes: string;
  /** Puts beside it what it reads when it runs; `of` says what that is. */
  readonly beside?: { readonly of: string; readonly put: (target: string) => Promise<void> };
}

/** Such a program, built when it isn't in the cache as it is now. Throws MissingToolError. */
export async function ownGoTool({ program, source, takes, beside }: OwnGoTool): Promise<string> {
  const hash = createHash("sha256").update(beside?.of ?? "");
  const files = (await readdir(source)).filter((name) => name.endsWith(".go")).toSorted();
  for (const name of [...files, "go.mod", "go.sum"]) hash.update(await readFile(join(source, name)));
  const folder = await installedTool(`${program}-${hash.digest("hex").slice(0, 12)}`, async (target) => {
    sayTool(`building integration's ${program} (once, ${takes})`);
    const args = ["build", "-p", "2", "-trimpath", "-o", join(target, program), "."];
    try {
      await go(args, { CGO_ENABLED: "0" }, source);
      await beside?.put(target);
    } catch (error) {
      throw notBuilt(program, `go build in ${source}`, error);
    }
  });
  return join(folder, program);
}

function go(args: readonly string[], env: Record<string, string>, cwd = "."): Promise<unknown> {
  return runTool("nice", ["-n", "10", "go", ...args], {
    cwd,
    env: { ...process.env, ...env },
    timeout: TOOL_PATIENCE_MS,
    maxBuffer: 1 << 26,
  });
}

/** `nice` ends with 127 when the program isn't there. */
function notBuilt(program: string, how: string, error: unknown): MissingToolError {
  const why =
    (error as ExecFileException).code === 127
      ? "it is built by Go, and there is no go on PATH; install Go 1.26 or newer"
      : `${how} failed (${lastToolLine(error)}); can the Go module proxy be reached?`;
  return new MissingToolError(program, why, error);
}

/** What a failed program said last. */
export function lastToolLine(error: unknown): string {
  const { stderr } = error as ExecFileException & { stderr?: string };
  return (stderr?.trim() || messageOf(error)).split("\n").at(-1) ?? "";
}

export function sayTool(line: string): void {
  process.stderr.write(`${line}\n`);
}
