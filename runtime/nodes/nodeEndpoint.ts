import { Readable } from "node:stream";
import fetch, { type Response } from "node-fetch";
import type { AskNode } from "./askNode.ts";
import type { ChainSource } from "../chain/chainSource.ts";
import type { Clock } from "../chain/clock.ts";
import type { Network } from "../chain/networks.ts";
import { redacted, splitCredentials } from "../credentials.ts";
import { codeOf, messageOf, printable, UserError } from "../errors.ts";
import { proxyName, proxyOf } from "../proxy.ts";
import { agentOf } from "../proxyAgent.ts";
import { beaconSource } from "./beaconNode.ts";
import { executionSource, finalBlock } from "./executionNode.ts";
import { openRpc } from "./rpc.ts";

const ATTEMPTS = 4;
const TIMEOUT_MS = 30_000;
/** Of what a node that refuses (429, 503) says by Retry-After. */
const MOST_WAIT_MS = 60_000;
/** A block has at most 10 MiB (the peer-to-peer limit), as JSON twice as much. */
const MAX_BYTES = 32 * 2 ** 20;

/**
 * The chain by a node at a URL: a beacon node's REST API, or an execution node's JSON-RPC, whichever it answers. Throws UserError
 * when it is neither, or a node of another network.
 */
export async function openEndpoint(url: string, network: Network, clock: Clock): Promise<ChainSource> {
  const ask = nodeAsker(checkedUrl(url), clock);
  const genesis = await ask("/eth/v1/beacon/genesis").catch((error: unknown) => {
    // An execution node answers paths that it doesn't know in ways of its own.
    if (error instanceof UserError) return error;
    throw error;
  });
  if (!(genesis instanceof UserError) && genesis.status === 200)
    return beaconSource(ask, genesis.json, network);
  const rpc = openRpc(url);
  try {
    await finalBlock(rpc, network);
  } catch (error) {
    // Neither of the two: what is said of the first question is the nearer to the cause.
    const isNeither = error instanceof UserError && error.exitCode !== 2 && genesis instanceof UserError;
    throw isNeither ? genesis : error;
  }
  return executionSource(rpc, network);
}

/** The URL of a node, if it can be one. Throws UserError (exit 2), which doesn't repeat it: it may hold a key. */
export function checkedUrl(url: string, option = "--canonical"): string {
  if (/^https?:\/\/[^\s]+$/.test(url) && URL.canParse(url)) return url;
  throw new UserError(`${option}: give the http(s) URL of a beacon or execution node`, { exitCode: 2 });
}

/** The node's path and query may hold a key: both go along with every request, and into no message. */
function nodeAsker(given: string, clock: Clock): AskNode {
  const { url, headers } = splitCredentials(given);
  return async (path) => {
    const asked = new URL(url);
    const [added = "", query = ""] = path.split("?");
    asked.pathname = asked.pathname.replace(/\/+$/, "") + added;
    for (const [name, value] of new URLSearchParams(query)) asked.searchParams.set(name, value);
    for (let attempt = 1; ; attempt++) {
      let wanted = 0;
      try {
        const response = await fetch(asked.href, {
          headers: { accept: "application/json", ...headers },
          redirect: "error",
          signal: AbortSignal.timeout(TIMEOUT_MS),
          agent: agentOf(asked),
        });
        if (response.status === 404) {
          discard(response);
          return { status: 404 };
        }
        if (response.status === 200)
          return { status: 200, json: JSON.parse(await limited(response)) as unknown };
        discard(response);
        wanted = Math.min(MOST_WAIT_MS, 1000 * (Number(response.headers.get("retry-after")) || 0));
        throw new Error(`it answers ${response.status}`);
      } catch (error) {
        if (attempt >= ATTEMPTS)
          throw new UserError(
            `the node ${printable(redacted(given))} can't be asked for canonical blocks: ${printable(reasonOf(error, asked))}`,
          );
        await clock.sleep(wanted + Math.random() * 250 * 2 ** attempt);
      }
    }
  };
}

/** Ends an answer whose body nobody reads. */
function discard({ body }: Response): void {
  if (!(body instanceof Readable)) return;
  // What breaks it off concerns nobody, and would end the process.
  body.on("error", () => {}).destroy();
}

/** Why a request failed, without its URL, which node-fetch repeats. */
function reasonOf(error: unknown, asked: URL): string {
  const proxy = proxyOf(asked);
  const through = proxy ? ` through the proxy ${proxyName(proxy)}` : "";
  const told = messageOf(error).replaceAll(asked.href, "it");
  return `${/, reason: (.+)$/s.exec(told)?.[1] ?? (told || (codeOf(error) ?? "no answer"))}${through}`;
}

async function limited(response: Response): Promise<string> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of response.body ?? []) {
    const chunk = part as Buffer;
    bytes += chunk.length;
    if (bytes > MAX_BYTES) throw new Error("its answer is too long");
    parts.push(chunk);
  }
  return Buffer.concat(parts).toString("utf8");
}
