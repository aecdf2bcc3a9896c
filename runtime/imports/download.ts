import { createWriteStream } from "node:fs";
import { mkdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { pipeline } from "node:stream/promises";
import fetch, { type Response } from "node-fetch";
import type { Clock } from "../chain/clock.ts";
import { messageOf, printable, UserError, withoutUsers } from "../errors.ts";
import { isThisMachine, proxyName, proxyOf } from "../proxy.ts";
import { agentOf } from "../proxyAgent.ts";

/** What asking for a file gave. */
export type Downloaded =
  | { readonly state: "whole"; readonly etag: string | null; readonly bytes: number }
  /** 404: the archive hasn't this file. */
  | { readonly state: "absent" }
  /** It is still what `etag` says. */
  | { readonly state: "unchanged" };

/** How archives are asked. */
export interface Downloader {
  /**
   * Downloads a whole file to `path`, going on with what an earlier try has left there. `etag`: of a state that isn't needed again.
   * Throws UserError.
   */
  file(url: string, path: string, etag: string | null): Promise<Downloaded>;
  /** The text of a page; undefined where there is none. Throws UserError. */
  page(url: string): Promise<string | undefined>;
  /** A file's size without its bytes: undefined where it isn't said, null where the archive hasn't the file. */
  size(url: string): Promise<number | undefined | null>;
}

/** Tries in a row that bring nothing. */
const ATTEMPTS = 5;
/** One host is asked so often at most; downloads of it go one by one anyhow. */
const PACE_MS = 500;
/** A server that sends nothing for so long has gone. */
const IDLE_MS = 60_000;
/** Of what a server that refuses (429, 503) says by Retry-After. */
const MOST_WAIT_MS = 120_000;
const MOST_PAGE_BYTES = 64 * 2 ** 20;

/** What is known of a file of which a part is there. */
interface Part {
  readonly url: string;
  readonly tag: string | null;
  readonly total: number | null;
}

/** The server sent less than it promised, or refused for now. */
class Unfinished extends Error {
  readonly waitMs: number;
  constructor(message: string, waitMs = 0) {
    super(message);
    this.waitMs = waitMs;
  }
}

/** `onBytes` is told of what arrives. */
export function openDownloader(clock: Clock, onBytes: (bytes: number) => void = () => {}): Downloader {
  const ask = asker(clock);
  return {
    async file(url, path, etag) {
      let arrived = 0;
      const once = () =>
        fileOnce(ask, { url, path, etag }, (bytes) => {
          arrived += bytes;
          onBytes(bytes);
        });
      return tried(clock, url, once, () => arrived);
    },
    async page(url) {
      return tried(clock, url, async () => {
        const { response } = await ask("GET", url, {});
        if (response.status === 404) return undefined;
        refuseUnlessOk(response, url);
        return limitedText(response);
      });
    },
    async size(url) {
      return tried(clock, url, async () => {
        const { response } = await ask("HEAD", url, {});
        if (response.status === 404) return null;
        refuseUnlessOk(response, url);
        return lengthOf(response) ?? undefined;
      });
    },
  };
}

/** Asks each host no faster than its pace. */
function asker(clock: Clock): Ask {
  const free = new Map<string, number>();
  return async (method, url, headers) => {
    const asked = new URL(url);
    const now = clock.monotonic();
    const turn = Math.max(now, free.get(asked.host) ?? 0);
    // This machine itself isn't spared.
    free.set(asked.host, turn + (isThisMachine(asked) ? 0 : PACE_MS));
    if (turn > now) await clock.sleep(turn - now);
    const idle = new AbortController();
    const response = await fetch(asked.href, {
      method,
      headers: { "accept-encoding": "identity", ...headers },
      compress: false,
      signal: idle.signal,
      agent: agentOf(asked),
    });
    return { response, idle };
  };
}

/** Tries again what may pass; `arrived`: bytes so far: a try that brought some isn't in vain. */
async function tried<T>(
  clock: Clock,
  url: string,
  work: () => Promise<T>,
  arrived: () => number = () => 0,
): Promise<T> {
  let before = 0;
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (error instanceof UserError) throw error;
      if (arrived() > before) attempt = 1;
      before = arrived();
      if (attempt >= ATTEMPTS) throw gaveUp(url, error);
      const wanted = error instanceof Unfinished ? error.waitMs : 0;
      await clock.sleep(wanted + Math.random() * 250 * 2 ** attempt);
    }
  }
}

type Ask = (
  method: "GET" | "HEAD",
  url: string,
  headers: Readonly<Record<string, string>>,
) => Promise<{ readonly response: Response; readonly idle: AbortController }>;

interface Wanted {
  readonly url: string;
  readonly path: string;
  readonly etag: string | null;
}

/** Asks for what is lacking of a file, once. */
async function fileOnce(ask: Ask, wanted: Wanted, onBytes: (bytes: number) => void): Promise<Downloaded> {
  const { url, path, etag } = wanted;
  const part = await partOf(wanted);
  const { response, idle } = await ask("GET", url, requestHeaders(part, etag));
  const { status } = response;
  if (status === 304 && etag !== null) return { state: "unchanged" };
  if (status === 404) return { state: "absent" };
  if (status === 416) {
    const [, total] = /\/(\d+)$/.exec(response.headers.get("content-range") ?? "") ?? [];
    if (part && Number(total) === part.have) return { state: "whole", etag: part.tag, bytes: part.have };
    await forget(path);
    throw new Unfinished("it answers 416 for the rest of the file");
  }
  refuseUnlessOk(response, url);
  const [from, total] = status === 206 ? rangeOf(response) : [0, lengthOf(response)];
  if (from !== (status === 206 ? part?.have : 0)) {
    await forget(path);
    throw new Unfinished("it sends another part of the file than was asked for");
  }
  const tag = response.headers.get("etag") ?? (status === 206 ? (part?.tag ?? null) : null);
  if (status === 206 && tag !== part?.tag) {
    await forget(path);
    throw new Unfinished("the file changed while it was downloaded");
  }
  await mkdir(dirname(path), { recursive: true });
  if (status === 200) {
    await rm(path, { force: true });
    await writeFile(`${path}.json`, JSON.stringify({ url, tag, total } satisfies Part));
  }
  await receive(response, idle, { path, append: status === 206 }, onBytes);
  const { size } = await stat(path);
  if (total !== null && size > total) await forget(path);
  if (total !== null && size !== total) throw new Unfinished(`it ended after ${size} of ${total} bytes`);
  return { state: "whole", etag: tag, bytes: size };
}

function requestHeaders(
  part: { readonly tag: string | null; readonly have: number } | undefined,
  etag: string | null,
): Record<string, string> {
  if (part?.tag) return { range: `bytes=${part.have}-`, "if-range": part.tag };
  return etag === null ? {} : { "if-none-match": etag };
}

/** What an earlier try left of this very file; of a file without a strong ETag nobody knows whether the rest belongs to it. */
async function partOf({ url, path }: Wanted): Promise<(Part & { readonly have: number }) | undefined> {
  try {
    const told = JSON.parse(await readFile(`${path}.json`, "utf8")) as Part;
    const have = (await stat(path)).size;
    if (told.url === url && told.tag?.startsWith('"') && have > 0) return { ...told, have };
  } catch {
    // Nothing there, or nothing that can be read: it is downloaded from the start.
  }
  return undefined;
}

async function forget(path: string): Promise<void> {
  await rm(`${path}.json`, { force: true });
  await rm(path, { force: true });
}

/** Writes what arrives at the end of the file, or in its place. */
async function receive(
  response: Response,
  idle: AbortController,
  { path, append }: { path: string; append: boolean },
  onBytes: (bytes: number) => void,
): Promise<void> {
  const { body } = response;
  if (!body) throw new Unfinished("it sends no body");
  let timer = setTimeout(() => idle.abort(), IDLE_MS);
  async function* heard(parts: AsyncIterable<string | Buffer>) {
    for await (const one of parts) {
      clearTimeout(timer);
      timer = setTimeout(() => idle.abort(), IDLE_MS);
      onBytes(one.length);
      yield one;
    }
  }
  try {
    await pipeline(body, heard, createWriteStream(path, { flags: append ? "a" : "w" }));
  } finally {
    clearTimeout(timer);
  }
}

function rangeOf(response: Response): [number, number | null] {
  const [, from, total] =
    /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(response.headers.get("content-range") ?? "") ?? [];
  return [Number(from ?? Number.NaN), total === undefined || total === "*" ? null : Number(total)];
}

function lengthOf(response: Response): number | null {
  const text = response.headers.get("content-length");
  return text !== null && /^\d+$/.test(text) ? Number(text) : null;
}

/** Throws Unfinished for what may pass, UserError for what won't. */
function refuseUnlessOk(response: Response, url: string): void {
  const { status } = response;
  if (status === 200 || status === 206) return;
  if (status === 429 || status >= 500) {
    const seconds = Number(response.headers.get("retry-after")) || 0;
    throw new Unfinished(`it answers ${status}`, Math.min(MOST_WAIT_MS, 1000 * seconds));
  }
  throw new UserError(`${shown(url)} answers ${status}: see whether the URL is right and open to all`);
}

async function limitedText(response: Response): Promise<string> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of response.body ?? []) {
    const chunk = Buffer.from(part);
    bytes += chunk.length;
    if (bytes > MOST_PAGE_BYTES) throw new UserError("a listing is too long");
    parts.push(chunk);
  }
  return Buffer.concat(parts).toString("utf8");
}

function gaveUp(url: string, error: unknown): UserError {
  const proxy = proxyOf(new URL(url));
  const through = proxy ? ` through the proxy ${proxyName(proxy)}` : "";
  const why = printable(messageOf(error).replaceAll(url, "it"), 200);
  return new UserError(
    `${shown(url)} can't be downloaded${through}: ${why}; what has arrived is kept, run it again`,
    { cause: error },
  );
}

function shown(url: string): string {
  return printable(withoutUsers(url), 300);
}
