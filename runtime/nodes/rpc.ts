import { Readable } from "node:stream";
import fetch, { type RequestInit } from "node-fetch";
import { BaseError, createClient, http, HttpRequestError } from "viem";
import { redacted, splitCredentials } from "../credentials.ts";
import { messageOf, printable, UserError } from "../errors.ts";
import { agentOf } from "../proxyAgent.ts";

/** Calls that go in one request: full blocks of a batch stay within MAX_BYTES. */
const CALLS_AT_ONCE = 50;
const ATTEMPTS = 5;
const TIMEOUT_MS = 30_000;
const MAX_BYTES = 64 * 2 ** 20;

/** What a node says where it no longer keeps the state of a block, or the block (EIP-4444): geth, Erigon, Nethermind, Besu and Reth in their words. */
const PRUNED =
  /missing trie node|historical state|state .*(?:unavailable|not available|pruned)|not (?:be )?found.*state|distance to target block exceeds|world state|pruned history|archive/i;

/** Asks an execution node by JSON-RPC; calls that are made together share a request. Throws UserError, `PrunedError` among it. */
export type Rpc = (method: string, params: readonly unknown[]) => Promise<unknown>;

/** The node no longer keeps the state, or the block, that was asked for. */
export class PrunedError extends UserError {}

/** What a node tells; undefined where it no longer keeps that. */
export async function unlessPruned<T>(ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof PrunedError) return undefined;
    throw error;
  }
}

/**
 * An execution node's JSON-RPC at a URL, by viem: it batches, waits and asks again at 429 and 5xx, and minds the size of answers.
 * Credentials in the URL go along as a header; they and the URL's path, which may hold a key, come into no message.
 */
export function openRpc(given: string): Rpc {
  const { url, headers } = splitCredentials(given);
  const transport = http(url, {
    batch: { batchSize: CALLS_AT_ONCE },
    fetchFn: fetchByProxy,
    fetchOptions: { headers, redirect: "error" },
    maxResponseBodySize: MAX_BYTES,
    retryCount: ATTEMPTS - 1,
    timeout: TIMEOUT_MS,
  });
  const client = createClient({ transport });
  const request = client.request as (call: {
    method: string;
    params: readonly unknown[];
  }) => Promise<unknown>;
  return async (method, params) => {
    try {
      return await request({ method, params });
    } catch (error) {
      const said = error instanceof BaseError ? error.details || error.shortMessage : messageOf(error);
      const status = error instanceof HttpRequestError && error.status ? `it answers ${error.status}: ` : "";
      const words = status + printable(said.replaceAll(/https?:\/\/\S+/g, "the URL"), 200);
      const place = printable(redacted(given));
      if (PRUNED.test(said))
        throw new PrunedError(
          `the node ${place} no longer keeps that state (${words}): give an archive node`,
        );
      throw new UserError(`the node ${place} can't be asked for ${method}: ${words}`);
    }
  };
}

/** What `fetch` is to viem, by the client that minds the environment's proxy. */
async function fetchByProxy(url: string | URL | Request, init?: object): Promise<Response> {
  const asked = new URL(url instanceof Request ? url.url : url);
  const answer = await fetch(asked.href, { ...(init as RequestInit), agent: agentOf(asked) });
  const body = answer.body instanceof Readable ? (Readable.toWeb(answer.body) as ReadableStream) : null;
  return new Response(body, { status: answer.status, headers: [...answer.headers] });
}
