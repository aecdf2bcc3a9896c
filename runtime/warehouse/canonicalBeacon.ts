import * as E from "fp-ts/lib/Either.js";
import * as t from "io-ts";
import pLimit from "p-limit";
import { type Network, SLOTS_PER_EPOCH } from "../chain/networks.ts";
import { UserError } from "../errors.ts";
import type { CanonicalChain } from "./warehouse.ts";
import type { Answer, AskNode } from "./canonicalEndpoint.ts";

const digits = t.refinement(t.string, (text) => /^\d{1,15}$/.test(text));
const hash = t.refinement(t.string, (text) => /^0x[0-9a-fA-F]{64}$/.test(text));
const genesisType = t.type({ data: t.type({ genesis_time: digits }) });
const headType = t.type({ data: t.type({ header: t.type({ message: t.type({ slot: digits }) }) }) });
const blockType = t.type({
  data: t.type({
    message: t.type({
      slot: digits,
      body: t.type({ execution_payload_header: t.type({ block_hash: hash }) }),
    }),
  }),
});

const REQUESTS_AT_ONCE = 8;

/** The canonical chain by a beacon node, a request a slot. */
export function beaconChain(ask: AskNode, genesis: unknown, network: Network): CanonicalChain {
  const { data } = decoded(genesisType, genesis);
  if (Number(data.genesis_time) !== network.genesis)
    throw new UserError(`--canonical: the node is of another network than ${network.name}`, { exitCode: 2 });
  return {
    async settled() {
      const head = decoded(headType, jsonOf(await ask("/eth/v1/beacon/headers/head")));
      return Number(head.data.header.message.slot) - 2 * SLOTS_PER_EPOCH;
    },
    async blocks(slots) {
      const limit = pLimit(REQUESTS_AT_ONCE);
      const told = await Promise.all(
        slots.map((slot) =>
          limit(async (): Promise<[number, string | null]> => {
            const answer = await ask(`/eth/v1/beacon/blinded_blocks/${slot}`);
            if (answer.status === 404) return [slot, null];
            const { message } = decoded(blockType, answer.json).data;
            if (Number(message.slot) !== slot) throw strange();
            return [slot, message.body.execution_payload_header.block_hash.toLowerCase()];
          }),
        ),
      );
      return new Map(told);
    },
  };
}

export function jsonOf(answer: Answer): unknown {
  if (answer.status === 200) return answer.json;
  throw strange();
}

/** Throws UserError when a node's answer isn't of a type. */
export function decoded<A>(type: t.Type<A, unknown, unknown>, value: unknown): A {
  const result = type.decode(value);
  if (E.isRight(result)) return result.right;
  throw strange();
}

function strange(): UserError {
  return new UserError(
    "--canonical: the node answers, but not as a beacon or execution node does; give another URL",
  );
}
