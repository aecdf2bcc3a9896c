import { spawn } from "node:child_process";
import { join } from "node:path";
import { openRpc } from "../../runtime/nodes/rpc.ts";
import { installedTool, MissingToolError, runTool, sayTool, TOOL_PATIENCE_MS } from "../toolCache.ts";
import { type DevNode, endOf, type Genesis, hexOf, heardFrom } from "./devNode.ts";

/** Foundry's development node, as npm has it. */
const ANVIL = "1.7.1";

/** An anvil on loopback. It knows no withdrawals. */
export async function startAnvil({ seconds, accounts }: Genesis): Promise<DevNode> {
  const options = ["--port", "0", "--no-mining", "--order", "fifo", "--base-fee", "1"];
  const child = spawn(await provideAnvil(), [...options, "--timestamp", String(seconds)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const url = `http://${await heardFrom(child, child.stdout, /Listening on (\S+)/)}`;
  const rpc = openRpc(url);
  for (const { address, balance, code } of accounts) {
    await rpc("anvil_setBalance", [address, hexOf(balance)]);
    if (code !== undefined) await rpc("anvil_setCode", [address, code]);
  }
  return {
    url,
    async mine(block) {
      if (block.withdrawals.length > 0) throw new Error("anvil knows no withdrawals");
      await rpc("anvil_setCoinbase", [block.feeRecipient]);
      for (const signed of block.transactions) await rpc("eth_sendRawTransaction", [signed]);
      await rpc("evm_setNextBlockTimestamp", [block.seconds]);
      await rpc("evm_mine", []);
    },
    async finalize(behind) {
      await rpc("anvil_mine", [hexOf(behind), "0xc"]);
    },
    stop: () => endOf(child),
  };
}

/** The program, fetched when it isn't in the cache yet. Throws MissingToolError. */
async function provideAnvil(): Promise<string> {
  const folder = await installedTool(`anvil-${ANVIL}`, async (target) => {
    sayTool(`fetching anvil ${ANVIL} from the npm registry (once)`);
    const options = ["--no-save", "--no-audit", "--no-fund"];
    const args = ["install", "--prefix", target, ...options, `@foundry-rs/anvil@${ANVIL}`];
    await runTool("npm", args, { timeout: TOOL_PATIENCE_MS }).catch((error: unknown) => {
      const why = "npm can't fetch @foundry-rs/anvil; can the registry be reached?";
      throw new MissingToolError("anvil", why, error);
    });
  });
  // The program itself: npm's own starter can't hand on a signal that kills.
  const platform = `anvil-${process.platform}-${process.arch === "x64" ? "amd64" : process.arch}`;
  return join(folder, "node_modules/@foundry-rs", platform, "bin/anvil");
}
