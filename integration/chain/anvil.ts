import { once } from "node:events";
import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { installedTool, MissingToolError, runTool, sayTool, TOOL_PATIENCE_MS } from "../toolCache.ts";

/** Foundry's development node, as npm has it. */
const ANVIL = "1.7.1";

export interface DevNode {
  readonly url: string;
  stop(): Promise<void>;
}

/** An anvil on loopback whose chain begins at a time (Unix s), and that makes blocks only when it is told to. */
export async function startAnvil(genesis: number): Promise<DevNode> {
  const folder = await installedTool(`anvil-${ANVIL}`, async (target) => {
    sayTool(`fetching anvil ${ANVIL} from the npm registry (once)`);
    const args = [
      "install",
      "--prefix",
      target,
      "--no-save",
      "--no-audit",
      "--no-fund",
      `@foundry-rs/anvil@${ANVIL}`,
    ];
    await runTool("npm", args, { timeout: TOOL_PATIENCE_MS }).catch((error: unknown) => {
      throw new MissingToolError(
        "anvil",
        "npm can't fetch @foundry-rs/anvil; can the registry be reached?",
        error,
      );
    });
  });
  const options = [
    "--port",
    "0",
    "--no-mining",
    "--order",
    "fifo",
    "--timestamp",
    String(genesis),
    "--base-fee",
    "1",
  ];
  // The program itself: npm's own starter can't hand on a signal that kills.
  const platform = `anvil-${process.platform}-${process.arch === "x64" ? "amd64" : process.arch}`;
  const child = spawn(join(folder, "node_modules/@foundry-rs", platform, "bin/anvil"), options, {
    stdio: ["ignore", "pipe", "inherit"],
  });
  return { url: `http://${await addressOf(child)}`, stop: () => ended(child) };
}

/** Where it listens: it says so when it does. */
async function addressOf(child: ChildProcess): Promise<string> {
  let said = "";
  return new Promise((found, fail) => {
    child.stdout?.on("data", (part) => {
      said = (said + String(part)).slice(-10_000);
      const address = /Listening on (\S+)/.exec(said)?.[1];
      if (address !== undefined) found(address);
    });
    child.once("exit", (code) =>
      fail(new Error(`anvil ended (${code}) before it listened: ${said.slice(-300)}`)),
    );
  });
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const exit = once(child, "exit");
  child.kill("SIGKILL");
  await exit;
}
