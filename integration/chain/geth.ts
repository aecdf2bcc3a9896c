import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { openRpc, type Rpc } from "../../runtime/nodes/rpc.ts";
import { publishedGoTool, runTool } from "../toolCache.ts";
import { CHAIN_ID, type DevNode, endOf, type Genesis, hexOf, type NewBlock, heardFrom } from "./devNode.ts";

const GETH = "github.com/ethereum/go-ethereum/cmd/geth@v1.17.10";
const NOBODY = `0x${"0".repeat(40)}`;
const ZERO = `0x${"0".repeat(64)}`;

/** Which states it keeps: all, or those of the newest 128 blocks. */
export type Keeps = "archive" | "full";

/**
 * A geth in its developer mode on loopback, with a genesis of its own. Blocks come by its testing API, with their transactions
 * in the order given; the developer API makes the last one, by which those before it become final.
 */
export async function startGeth(genesis: Genesis, keeps: Keeps = "archive"): Promise<DevNode> {
  const program = await publishedGoTool("geth", GETH, "some minutes");
  const folder = await mkdtemp(join(tmpdir(), "geth-"));
  const file = join(folder, "genesis.json");
  await writeFile(file, JSON.stringify(genesisJson(genesis)));
  const state = ["--datadir", folder, "--state.scheme", "hash"];
  await runTool(program, ["init", ...state, file]);
  const quiet = ["--nodiscover", "--maxpeers", "0", "--port", "0", "--ipcdisable", "--authrpc.port", "0"];
  const http = [
    "--http",
    "--http.addr",
    "127.0.0.1",
    "--http.port",
    "0",
    "--http.api",
    "eth,debug,dev,testing",
  ];
  const child = spawn(program, ["--dev", ...state, "--gcmode", keeps, ...quiet, ...http], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  const started = /HTTP server started\s+endpoint=(\S+)/;
  const url = `http://${await heardFrom(child, child.stderr, started)}`;
  const rpc = openRpc(url);
  return {
    url,
    mine: (block) => commit(rpc, block),
    finalize: (behind) => finalize(rpc, behind),
    async stop() {
      await endOf(child);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** A chain on which all forks to Cancun are from its beginning on. */
function genesisJson({ seconds, accounts }: Genesis): object {
  const blocks = "homestead eip150 eip155 eip158 byzantium constantinople petersburg istanbul berlin london";
  return {
    config: {
      chainId: CHAIN_ID,
      ...Object.fromEntries(blocks.split(" ").map((fork) => [`${fork}Block`, 0])),
      terminalTotalDifficulty: 0,
      shanghaiTime: 0,
      cancunTime: 0,
      blobSchedule: { cancun: { target: 3, max: 6, baseFeeUpdateFraction: 3_338_477 } },
    },
    timestamp: hexOf(seconds),
    difficulty: "0x0",
    gasLimit: hexOf(30_000_000),
    baseFeePerGas: "0x1",
    alloc: Object.fromEntries(
      accounts.map(({ address, balance, code }) => [address, { balance: hexOf(balance), code }]),
    ),
  };
}

async function commit(
  rpc: Rpc,
  { seconds, feeRecipient, transactions, withdrawals }: NewBlock,
): Promise<void> {
  const attributes = {
    timestamp: hexOf(seconds),
    suggestedFeeRecipient: feeRecipient,
    prevRandao: ZERO,
    parentBeaconBlockRoot: ZERO,
    withdrawals: withdrawals.map(({ address, gwei }, index) => withdrawalOf(index, address, gwei)),
  };
  await rpc("testing_commitBlockV1", [attributes, transactions]);
}

const withdrawalOf = (index: number, address: string, gwei: bigint) => ({
  index: hexOf(index),
  validatorIndex: hexOf(index),
  address,
  amount: hexOf(gwei),
});

async function finalize(rpc: Rpc, behind: number): Promise<void> {
  const numberOf = async (tag: string) => {
    const block = (await rpc("eth_getBlockByNumber", [tag, false])) as Record<string, string>;
    return { number: Number(block["number"]), seconds: Number(block["timestamp"]) };
  };
  const { number, seconds } = await numberOf("latest");
  for (let place = 1; place <= behind; place++)
    await commit(rpc, {
      seconds: seconds + 12 * place,
      feeRecipient: NOBODY,
      transactions: [],
      withdrawals: [],
    });
  await rpc("dev_setFeeRecipient", [NOBODY]);
  await rpc("dev_addWithdrawal", [withdrawalOf(0, NOBODY, 1n)]);
  const head = number + behind + 1;
  while ((await numberOf("latest")).number < head || (await numberOf("finalized")).number < number)
    await sleep(20);
}
