import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, stat, writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { findNetwork } from "../chain/networks.ts";
import { UserError } from "../errors.ts";
import { bidArchive } from "./bidArchive.ts";
import { openDownloader } from "./download.ts";
import { flashbotsDump } from "./flashbotsDump.ts";
import { xatu } from "./xatu.ts";

const body = Buffer.from(Array.from({ length: 50_000 }, (_, index) => index % 251));

interface Asked {
  readonly range: string | undefined;
  readonly ifRange: string | undefined;
  readonly ifNoneMatch: string | undefined;
}

/** A server that answers the n-th question by the n-th of these, and the last one for ever. */
async function archiveOf(
  t: ExecutionContext,
  ...answers: readonly ((request: IncomingMessage, response: ServerResponse, path: string) => void)[]
): Promise<{
  url: string;
  asked: Asked[];
  path: string;
  get: (etag?: string) => ReturnType<ReturnType<typeof openDownloader>["file"]>;
}> {
  const asked: Asked[] = [];
  const path = join(await mkdtemp(join(tmpdir(), "etl-download-")), "below", "a.parquet");
  const server = createServer((request, response) => {
    const { range, "if-range": ifRange, "if-none-match": ifNoneMatch } = request.headers;
    asked.push({ range, ifRange: ifRange?.toString(), ifNoneMatch: ifNoneMatch?.toString() });
    answers[Math.min(asked.length, answers.length) - 1]?.(request, response, path);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/a.parquet`;
  const get = (etag: string | null = null) => openDownloader(quickClock()).file(url, path, etag);
  return { url, asked, path, get };
}

/** Waits take no time. */
const quickClock = () => ({ now: () => 0, monotonic: () => 0, sleep: async () => {} });

const whole =
  (etag = '"one"') =>
  (_: IncomingMessage, response: ServerResponse) => {
    response.writeHead(200, { etag, "content-length": body.length });
    response.end(body);
  };
const cut =
  (bytes: number, etag = '"one"') =>
  (_: IncomingMessage, response: ServerResponse, path: string) => {
    response.writeHead(200, { etag, "content-length": body.length });
    response.write(body.subarray(0, bytes));
    void arrived(path, bytes).then(() => response.destroy());
  };

/** Waits until a file has so many bytes: what is on its way when a connection breaks may be lost. */
async function arrived(path: string, bytes: number): Promise<void> {
  while ((await stat(path).catch(() => ({ size: 0 }))).size < bytes)
    await new Promise((resolve) => setTimeout(resolve, 5));
}

const rest =
  (etag = '"one"', shift = 0) =>
  (request: IncomingMessage, response: ServerResponse) => {
    const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? "")?.[1]) + shift;
    response.writeHead(206, {
      etag,
      "content-range": `bytes ${from}-${body.length - 1}/${body.length}`,
      "content-length": body.length - from,
    });
    response.end(body.subarray(from));
  };
const status =
  (code: number, headers: Readonly<Record<string, string>> = {}) =>
  (_: IncomingMessage, response: ServerResponse) => {
    response.writeHead(code, headers);
    response.end("<html>no</html>");
  };

test("a download that breaks off goes on where it was, if the file is still the same", async (t) => {
  const { get, asked, path } = await archiveOf(t, cut(20_000), rest());
  t.deepEqual(await get(), { state: "whole", etag: '"one"', bytes: body.length });
  t.deepEqual(await readFile(path), body);
  const [, second] = asked;
  t.regex(second?.range ?? "", /^bytes=[1-9]\d*-$/);
  t.is(second?.ifRange, '"one"');
});

test("what a process left is gone on with by the next one", async (t) => {
  const { get, url, asked, path } = await archiveOf(t, rest());
  const { mkdir } = await import("node:fs/promises");
  const { dirname } = await import("node:path");
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, body.subarray(0, 123));
  await writeFile(`${path}.json`, JSON.stringify({ url, tag: '"one"', total: body.length }));
  t.is((await get()).state, "whole");
  t.is(asked[0]?.range, "bytes=123-");
  t.deepEqual(await readFile(path), body);
});

for (const [what, answers] of [
  ["a file that changed meanwhile", [cut(20_000), whole('"two"')]],
  ["a rest of another state", [cut(20_000), rest('"two"'), whole('"two"')]],
  ["a rest from another place on", [cut(20_000), rest('"one"', 7), whole()]],
  [
    "a rest that the server refuses (416)",
    [cut(20_000), status(416, { "content-range": "bytes */50000" }), whole()],
  ],
  ["a server that has no strong ETag", [cut(20_000, 'W/"one"'), whole('W/"one"')]],
  ["refusals for now", [status(503, { "retry-after": "1" }), status(429), whole()]],
] as const)
  test(`${what} gives the whole file all the same`, async (t) => {
    const { get, path } = await archiveOf(t, ...answers);
    t.is((await get()).state, "whole");
    t.deepEqual(await readFile(path), body);
  });

test("a file that is missing at the source is said to be, and one that is known isn't sent again", async (t) => {
  const missing = await archiveOf(t, status(404));
  t.deepEqual(await missing.get(), { state: "absent" });
  t.false(existsSync(missing.path));
  const known = await archiveOf(t, status(304));
  t.deepEqual(await known.get('"one"'), { state: "unchanged" });
  t.is(known.asked[0]?.ifNoneMatch, '"one"');
});

test("a server that never sends all is given up in one line, and what came is kept", async (t) => {
  const { get, path } = await archiveOf(t, cut(20_000), (_, response) => response.destroy());
  await t.throwsAsync(get(), {
    instanceOf: UserError,
    message: /can't be downloaded: .*; what has arrived is kept/,
  });
  t.true((await stat(path)).size > 0);
});

test("a refusal for good is said at once", async (t) => {
  const { get, asked } = await archiveOf(t, status(403));
  await t.throwsAsync(get(), { instanceOf: UserError, message: /answers 403/ });
  t.is(asked.length, 1);
});

const mainnet = findNetwork("mainnet", 1);
if (!mainnet) throw new Error("no mainnet");
const rangeOf = (from: string, to: string) => ({
  first: Math.ceil((Date.parse(from) / 1000 - mainnet.genesis) / 12),
  last: Math.floor((Date.parse(to) / 1000 - mainnet.genesis) / 12),
});

test("xatu's days have no leading zeros, the archive's do; both are named by their day", async (t) => {
  const request = {
    archive: "http://x",
    network: mainnet,
    range: rangeOf("2025-05-31T12:00:00Z", "2025-06-01T12:00:00Z"),
    datasets: ["bids", "seen_bids"] as const,
    page: async () => undefined,
  };
  const ofXatu = await xatu.filesOf(request);
  t.deepEqual(
    ofXatu.map(({ url, sourceFile }) => [url, sourceFile]),
    [
      ["http://x/mainnet/databases/default/mev_relay_bid_trace/2025/6/1.parquet", "2025-06-01.parquet"],
      ["http://x/mainnet/databases/default/mev_relay_bid_trace/2025/5/31.parquet", "2025-05-31.parquet"],
    ],
  );
  const ofArchive = await bidArchive.filesOf(request);
  t.deepEqual(
    ofArchive.map(({ url }) => url),
    ["http://x/mainnet/2025-06/2025-06-01_all.csv.zip", "http://x/mainnet/2025-05/2025-05-31_all.csv.zip"],
  );
});

test("the dumps of a range are those that the bucket's listing names for it, over all its pages", async (t) => {
  const page = (keys: readonly string[], more: boolean) =>
    `<?xml version="1.0"?><ListBucketResult><IsTruncated>${more}</IsTruncated>${keys.map((key) => `<Contents><Key>${key}</Key><Size>7</Size></Contents>`).join("")}</ListBucketResult>`;
  const folder = "data/2_builder-submissions/";
  const name = (from: number, to: number, form = "csv") =>
    `${folder}builder-submissions_slot-${from}-to-${to}.${form}.gz`;
  const pages: Record<string, string> = {
    "": page([folder, name(100, 199), name(200, 299)], true),
    [name(200, 299)]: page([name(300, 399), name(300, 399, "json")], false),
  };
  const files = await flashbotsDump.filesOf({
    archive: "http://x",
    network: mainnet,
    range: { first: 250, last: 320 },
    datasets: ["bids"],
    page: async (url) => pages[new URL(url).searchParams.get("marker") ?? ""],
  });
  t.deepEqual(
    files.map(({ url, bytes }) => [url, bytes]),
    [
      [`http://x/${name(200, 299)}`, 7],
      [`http://x/${name(300, 399)}`, 7],
    ],
  );
  await t.throwsAsync(
    flashbotsDump.filesOf({
      archive: "http://x",
      network: mainnet,
      range: { first: 1, last: 2 },
      datasets: ["bids"],
      page: async () => "<html>",
    }),
    { message: /gives no listing/ },
  );
});
