import * as E from "fp-ts/lib/Either.js";
import * as t from "io-ts";
import type { Network } from "../chain/networks.ts";
import { UserError } from "../errors.ts";
import type { Rpc } from "../nodes/rpc.ts";

const quantity = t.refinement(t.string, (text) => /^0x[0-9a-fA-F]{1,13}$/.test(text));
const headType = t.type({ timestamp: quantity });

/** The time, Unix ms, of the newest block that is final at a node. Throws UserError for a node of another chain. */
export async function finalizedMs(rpc: Rpc, network: Network): Promise<number> {
  const { chainId: expected } = network;
  if (expected !== undefined && Number(await rpc("eth_chainId", [])) !== expected)
    throw new UserError(`--chain: the node is of another network than ${network.name}`, { exitCode: 2 });
  const head = headType.decode(await rpc("eth_getBlockByNumber", ["finalized", false]));
  if (E.isLeft(head))
    throw new UserError("--chain: the node has no final block yet: let it synchronize first");
  return Number(head.right.timestamp) * 1000;
}
