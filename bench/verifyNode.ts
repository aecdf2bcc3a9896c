import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";
import { simulatedNetwork } from "../runtime/chain/networks.ts";

/** A day. */
export const BLOCKS = 7_200;
/** Of each block, the last of which pays. */
export const TRANSACTIONS = 200;
export const DAY_CLAIM = 10n ** 17n;
/** Places among each hundred blocks: of one that only its last transaction shows to be paid, and of one paid by nothing. */
export const [FORWARDED, SHORT] = [10, 20] as const;

export function paymentKindOf(number: number): "balance" | "forwarded" | "short" {
  return number % 100 === FORWARDED ? "forwarded" : number % 100 === SHORT ? "short" : "balance";
}

const genesis = simulatedNetwork(1).genesis;
const hex = (value: bigint | number, digits = 0) => `0x${value.toString(16).padStart(digits, "0")}`;
const HASHES = Array.from({ length: TRANSACTIONS }, (_, index) => hex(index + 1, 64));
const WITHDRAWALS = Array.from({ length: 16 }, (_, index) => ({
  index: hex(index),
  validatorIndex: hex(index),
  address: hex(index + 2 ** 40, 40),
  amount: hex(18_000_000 + index),
}));
/** What of a block's answer is the same for all: it is what costs a client most. */
const TAIL = JSON.stringify({
  transactions: HASHES,
  withdrawals: WITHDRAWALS,
  baseFeePerGas: hex(10 ** 9),
  miner: hex(1, 40),
  gasUsed: hex(15_000_000),
  gasLimit: hex(36_000_000),
  extraData: "0x",
  logsBloom: `0x${"5a".repeat(256)}`,
}).slice(1);

/** A node on loopback that answers of such blocks as fast as can be; returns its URL. */
export async function startVerifyNode(): Promise<string> {
  const server = createServer((request, response) => {
    void json(request).then((body) => {
      const calls = (Array.isArray(body) ? body : [body]) as Call[];
      const replies = calls.map((call) => `{"jsonrpc":"2.0","id":${call.id},"result":${resultOf(call)}}`);
      response.setHeader("content-type", "application/json");
      response.end(Array.isArray(body) ? `[${replies.join(",")}]` : replies[0]);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

interface Call {
  readonly id: number;
  readonly method: string;
  readonly params: readonly [unknown, unknown];
}

function resultOf({ method, params: [first, second] }: Call): string {
  const numberOf = (hash: unknown) => Number.parseInt(String(hash).slice(-16), 16);
  switch (method) {
    case "eth_getBlockByNumber":
      return blockJson(first === "finalized" ? BLOCKS + 100 : Number(first));
    case "eth_getBlockByHash":
      return blockJson(numberOf(first));
    case "eth_getBalance": {
      const number = numberOf((second as { blockHash: string }).blockHash);
      const isAfter = number === numberOf(first);
      return JSON.stringify(hex(isAfter && paymentKindOf(number) === "balance" ? 5n + DAY_CLAIM : 5n));
    }
    case "eth_getTransactionByBlockHashAndIndex": {
      const number = numberOf(first);
      const value = paymentKindOf(number) === "short" ? 1n : DAY_CLAIM;
      return JSON.stringify({ value: hex(value), to: hex(number, 40), input: "0x" });
    }
    case "eth_getTransactionReceipt":
      return JSON.stringify(receiptOf(TRANSACTIONS - 1));
    case "eth_getBlockReceipts":
      return JSON.stringify(HASHES.map((_, index) => receiptOf(index)));
    default:
      return "[]"; // eth_getLogs
  }
}

function receiptOf(index: number): object {
  const gas = { gasUsed: hex(75_000), effectiveGasPrice: hex(15 * 10 ** 8) };
  return { status: "0x1", from: hex(index + 2 ** 41, 40), transactionIndex: hex(index), ...gas };
}

function blockJson(number: number): string {
  const own = {
    number: hex(number),
    hash: hex(number, 64),
    parentHash: hex(number - 1, 64),
    timestamp: hex(genesis + 12 * number),
  };
  return `${JSON.stringify(own).slice(0, -1)},${TAIL}`;
}
