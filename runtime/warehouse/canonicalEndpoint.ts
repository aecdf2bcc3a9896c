import type { Clock } from "../chain/clock.ts";
import type { Network } from "../chain/networks.ts";
import { messageOf, printable, UserError } from "../errors.ts";
import type { CanonicalChain } from "./warehouse.ts";
import { beaconChain } from "./canonicalBeacon.ts";
import { executionChain } from "./canonicalExecution.ts";

/** An HTTP answer: its JSON, or only its status where that is 404. */
export type Answer = { readonly status: 200; readonly json: unknown } | { readonly status: 404 };

/** Asks a node: `path` is added to its URL; with `body` it is a POST. Throws UserError. */
export type AskNode = (path: string, body?: object) => Promise<Answer>;

const ATTEMPTS = 4;
const TIMEOUT_MS = 30_000;
/** The answers that are asked for have a few KB, a hundred blocks' headers a few hundred. */
const MAX_BYTES = 64 * 2 ** 20;

/**
 * The canonical chain by a node at a URL: a beacon node's REST API, or an execution node's JSON-RPC, whichever it answers.
 * Throws UserError when it is neither, or a node of another network.
 */
export async function openEndpoint(url: string, network: Network, clock: Clock): Promise<CanonicalChain> {
  if (!/^https?:\/\/[^\s]+$/.test(url) || !URL.canParse(url))
    throw new UserError("--canonical: give the http(s) URL of a beacon or execution node", { exitCode: 2 });
  const ask = nodeAsker(url, clock);
  const genesis = await ask("/eth/v1/beacon/genesis").catch((error: unknown) => {
    // An execution node answers paths that it doesn't know in ways of its own.
    if (error instanceof UserError) return { status: 404 } as const;
    throw error;
  });
  return genesis.status === 200 ? beaconChain(ask, genesis.json, network) : executionChain(ask, network);
}

/** URLs of nodes may carry keys: messages name the host alone. */
function nodeAsker(url: string, clock: Clock): AskNode {
  const base = url.replace(/\/+$/, "");
  const { host } = new URL(url);
  return async (path, body) => {
    for (let attempt = 1; ; attempt++) {
      try {
        const response = await fetch(base + path, {
          method: body === undefined ? "GET" : "POST",
          headers: { accept: "application/json", "content-type": "application/json" },
          redirect: "error",
          signal: AbortSignal.timeout(TIMEOUT_MS),
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        });
        if (response.status === 404) {
          await response.body?.cancel();
          return { status: 404 };
        }
        if (response.status === 200)
          return { status: 200, json: JSON.parse(await limited(response)) as unknown };
        await response.body?.cancel();
        throw new Error(`it answers ${response.status}`);
      } catch (error) {
        if (attempt >= ATTEMPTS)
          throw new UserError(
            `the node ${printable(host)} can't be asked for canonical blocks: ${printable(messageOf(error))}; reorged stays null, run again`,
            { cause: error },
          );
        await clock.sleep(Math.random() * 250 * 2 ** attempt);
      }
    }
  };
}

async function limited(response: Response): Promise<string> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of response.body ?? []) {
    const chunk = part as Uint8Array;
    bytes += chunk.length;
    if (bytes > MAX_BYTES) throw new Error("its answer is too long");
    parts.push(chunk);
  }
  return Buffer.concat(parts).toString("utf8");
}
