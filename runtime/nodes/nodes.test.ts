import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import fc from "fast-check";
import { canonicalBy, type CanonicalChain } from "../chain/canonicalChain.ts";
import { fixedDateClock } from "../chain/clock.ts";
import { findNetwork, simulatedNetwork } from "../chain/networks.ts";
import { slotStartMs } from "../chain/slots.ts";
import { VirtualClock } from "../chain/virtualClock.ts";
import { openFolderLake } from "../lake/folder/folder.ts";
import { silentLog } from "../log.ts";
import { serveProxy } from "../relays/http/proxied.testing.ts";
import { SimulatedBeaconNode } from "../simulator/beaconNode.ts";
import { type RpcCall, SimulatedExecutionNode } from "../simulator/executionNode.ts";
import { SimulatedData } from "../simulator/truth.ts";
import { openEndpoint } from "./nodeEndpoint.ts";
import { openDuckDb } from "../warehouse/duckdb/duckdb.ts";
import { newFolder, put, rowOf } from "../warehouse/warehouse.testing.ts";

const seed = 7;
const network = simulatedNetwork(seed);
const HEAD = 3000;
/** From this slot on blocks are Gloas's: they promise a payload, which doesn't always come. */
const GLOAS = 1500;
const truth = new SimulatedData({
  seed,
  clock: fixedDateClock(slotStartMs(network, HEAD)),
  gloasFrom: GLOAS,
});
const waiting = () => new VirtualClock(slotStartMs(network, HEAD));
/** The final block's slot: it proves those below. */
const FINAL = HEAD - 63;
const ofChain = { seed, chain: truth.chain, head: () => HEAD, final: () => FINAL };

type Node = (
  method: string,
  path: string,
  body: string,
  authorization?: string,
) => { status: number; json?: unknown };

const beaconNode = new SimulatedBeaconNode(ofChain);
const beacon: Node = (_, path) => {
  const { pathname, searchParams } = new URL(path.replace("/some-key", ""), "http://node");
  const answer = beaconNode.answer(pathname, searchParams);
  return answer.status === 200 ? answer : { status: 404, json: { code: 404 } };
};

const executionNode = new SimulatedExecutionNode(ofChain);
const execution: Node = (method, _, body) => {
  if (method !== "POST") return { status: 405 };
  const calls = JSON.parse(body) as RpcCall | readonly RpcCall[];
  return {
    status: 200,
    json: Array.isArray(calls)
      ? calls.map((call: RpcCall) => executionNode.answer(call))
      : executionNode.answer(calls as RpcCall),
  };
};

/** A node on loopback; every `failing`-th request gets a 503, but never the same one twice. */
async function startNode(t: ExecutionContext, node: Node, failing = Infinity): Promise<string> {
  let count = 0;
  const failed = new Set<string>();
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      count++;
      const asked = `${request.url} ${body}`;
      const fails = count % failing === 0 && !failed.has(asked);
      if (fails) failed.add(asked);
      const { status, json } = fails
        ? { status: 503, json: {} }
        : node(request.method ?? "", request.url ?? "", body, request.headers.authorization);
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(json ?? {}));
    });
  }).listen(0, "127.0.0.1");
  t.teardown(() => server.close());
  await once(server, "listening");
  const address = server.address();
  return `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`;
}

async function text(request: IncomingMessage): Promise<string> {
  let body = "";
  for await (const part of request.setEncoding("utf8")) body += String(part);
  return body;
}

for (const [name, node] of [
  ["beacon", beacon],
  ["execution", execution],
] as const)
  test(`a ${name} node tells of each slot its canonical block or that there is none, also while some answers fail`, async (t) => {
    const url = await startNode(t, node, 7);
    const opened = canonicalBy(await openEndpoint(`${url}/some-key/`, network, waiting()));
    const settled = await opened.settled();
    t.is(settled, HEAD - 64);
    const run = fc
      .tuple(fc.integer({ min: 1, max: settled - 40 }), fc.nat(40))
      .map(([first, more]) => Array.from({ length: more + 1 }, (_, index) => first + index));
    const slots = fc
      .tuple(run, fc.array(fc.integer({ min: 1, max: settled }), { maxLength: 3 }))
      .map(([together, apart]) => [...new Set([...together, ...apart])]);
    await fc.assert(
      fc.asyncProperty(slots, async (asked) => {
        const ascending = asked.toSorted((a, b) => a - b);
        const told = await opened.blocks(ascending);
        t.deepEqual(
          [...told].toSorted(([a], [b]) => a - b),
          ascending.map((slot) => [slot, truth.canonicalHash(slot) ?? null]),
        );
      }),
      { numRuns: 12 },
    );
  });

/** A beacon node of a few blocks: what each says beside its place in the chain. */
function fewBlocks(answers: Readonly<Record<number, { version: string; body: object }>>): Node {
  const slots = Object.keys(answers).map(Number);
  const rootOf = (slot = 0) => `0x${slot.toString(16).padStart(64, "0")}`;
  const headerOf = (slot: number) => ({
    root: rootOf(slot),
    canonical: true,
    header: {
      message: {
        slot: String(slot),
        proposer_index: "1",
        parent_root: rootOf(slots[slots.indexOf(slot) - 1]),
      },
    },
  });
  return (method, path, body) => {
    const [, kind, id = ""] = /\/(headers|blocks)\/(\w+)$/.exec(path) ?? [];
    if (path.includes("headers?slot=") || kind === undefined)
      return path.includes("genesis") ? beacon(method, path, body) : { status: 404 };
    const slot = id === "finalized" ? Math.max(...slots) : Number(id);
    const found = answers[slot];
    if (!found) return { status: 404 };
    if (kind === "headers") return { status: 200, json: { data: headerOf(slot) } };
    const { parent_root } = headerOf(slot).header.message;
    const message = { slot: String(slot), parent_root, body: found.body };
    return { status: 200, json: { version: found.version, data: { message } } };
  };
}

const bidOf = (hash: string, parent: string): object => ({
  signed_execution_payload_bid: {
    message: { block_hash: `0x${hash.repeat(64)}`, parent_block_hash: `0x${parent.repeat(64)}` },
  },
});
const payloadOf = (hash: string): object => ({
  execution_payload: {
    parent_hash: `0x${"9".repeat(64)}`,
    block_hash: `0x${hash.repeat(32)}`,
    block_number: "7",
    fee_recipient: `0x${"f".repeat(40)}`,
    gas_limit: "30000000",
    gas_used: "21000",
    timestamp: "1700000036",
    extra_data: "0x6869ff0a",
    base_fee_per_gas: "7",
    transactions: ["0x02"],
  },
});

test("a beacon node's blocks are read by their fork, and one that keeps none of that time is told", async (t) => {
  const answers = {
    // Bellatrix before the merge, and what had no payload at all.
    1: { version: "bellatrix", body: payloadOf("00") },
    2: { version: "altair", body: {} },
    3: { version: "capella", body: payloadOf("AB") },
    // A fork that isn't known yet, of Gloas's form; its next block builds on another payload than it can.
    5: { version: "heze", body: bidOf("c", "b") },
    7: { version: "heze", body: bidOf("d", "c") },
    9: { version: "heze", body: bidOf("e", "a") },
    10: { version: "heze", body: { execution_payload_header: { block_hash: `0x${"f".repeat(64)}` } } },
    11: { version: "fulu", body: payloadOf("cd") },
  };
  const source = await openEndpoint(await startNode(t, fewBlocks(answers)), network, waiting());
  const opened = canonicalBy(source);
  t.deepEqual(
    [...(await opened.blocks([1, 2, 3, 4, 5, 6]))],
    [
      [1, null],
      [2, null],
      [3, `0x${"ab".repeat(32)}`],
      [4, null],
      [5, `0x${"c".repeat(64)}`],
      [6, null],
    ],
  );
  const [third] = await source.blocks({ first: 3, last: 3 });
  t.like(third, {
    extra_data: "0x6869ff0a",
    extra_data_text: "hi\ufffd\ufffd",
    transactions: "1",
    blobs: "0",
  });
  for (const slot of [7, 9, 10])
    await t.throwsAsync(opened.blocks([slot]), { message: /but not as a beacon/ });
  await t.throwsAsync(opened.blocks([11]), { name: "UserError", message: /lacks blocks at slot 11/ });
});

test("a node elsewhere is asked through HTTP_PROXY, one on this machine isn't, and a proxy that isn't there is named", async (t) => {
  const url = await startNode(t, beacon);
  const proxy = await serveProxy(t, Number(new URL(url).port));
  process.env["HTTP_PROXY"] = proxy.url;
  t.teardown(() => delete process.env["HTTP_PROXY"]);
  await (await openEndpoint(`${url}/some-key`, network, waiting())).final();
  t.deepEqual(proxy.asked, []);
  const opened = await openEndpoint("http://node.test/some-key", network, waiting());
  await opened.final();
  const asked = "GET http://node.test/some-key/eth/v1/beacon";
  t.deepEqual(proxy.asked, [`${asked}/genesis`, `${asked}/headers/finalized`]);
  process.env["HTTP_PROXY"] = "http://hidden-user:hidden-pass@127.0.0.1:1";
  const error = await t.throwsAsync(openEndpoint("http://node.test/some-key", network, waiting()), {
    name: "UserError",
    message: /ECONNREFUSED.* through the proxy http:\/\/127\.0\.0\.1:1$/,
  });
  t.notRegex(`${error?.stack}`, /hidden|some-key/);
});

test("an answer that has no end is refused", async (t) => {
  t.timeout(240_000);
  let most = 0;
  const server = createServer((_, response) => {
    const piece = Buffer.alloc(2 ** 20, " ");
    let sent = 0;
    const more = () => {
      while (!response.destroyed) {
        most = Math.max(most, (sent += piece.length));
        if (!response.write(piece)) return;
      }
    };
    response.on("drain", more).writeHead(200);
    more();
  }).listen(0, "127.0.0.1");
  t.teardown(() => server.close());
  await once(server, "listening");
  const address = server.address();
  const url = `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`;
  await t.throwsAsync(openEndpoint(url, network, waiting()), { name: "UserError", message: /too long/ });
  // What lies in the buffers on the way comes on top.
  t.true(most < 128 * 2 ** 20, `${most} bytes`);
});

test("user and password go along as a header, path and query with every request, and no message holds them", async (t) => {
  for (const [name, node] of [
    ["beacon", beacon],
    ["execution", execution],
  ] as const) {
    const seen = new Set<string>();
    let down = false;
    const url = await startNode(t, (method, path, body, authorization) => {
      const { searchParams } = new URL(path, "http://a");
      // What a question itself asks by.
      for (const own of ["id", "slot"]) searchParams.delete(own);
      seen.add(`${authorization} ?${searchParams.toString()}`);
      const { pathname } = new URL(path, "http://a");
      return down ? { status: 500 } : node(method, pathname.replace("/hidden-path", ""), body);
    });
    const secret = url.replace("//", "//hidden-user:hidden-pass@");
    const opened = await openEndpoint(`${secret}/hidden-path/?apikey=hidden-key&b=2`, network, waiting());
    await opened.final();
    await opened.blocks({ first: 70, last: 71 });
    t.deepEqual([...seen], [`Basic ${btoa("hidden-user:hidden-pass")} ?apikey=hidden-key&b=2`], name);
    down = true;
    const error = await t.throwsAsync(opened.final(), { name: "UserError", message: /apikey=\*\*\*.*500/ });
    t.notRegex(error?.stack ?? "", /hidden/);
  }
});

test("a node of another network, a URL that is none, and a node that can't be asked are told in one line, without their keys", async (t) => {
  const url = await startNode(t, beacon);
  const mainnet = findNetwork("mainnet", 1) ?? network;
  const other = { name: "UserError", message: /^[^\n]*another network than mainnet[^\n]*$/ };
  await t.throwsAsync(openEndpoint(url, mainnet, waiting()), other);
  await t.throwsAsync(openEndpoint(await startNode(t, execution), mainnet, waiting()), other);
  await t.throwsAsync(openEndpoint("ftp://node", network, waiting()), { message: /--canonical.*http/ });
  const silent = await startNode(t, () => ({ status: 500 }));
  const error = await t.throwsAsync(openEndpoint(`${silent}/secret-key`, network, waiting()), {
    name: "UserError",
  });
  t.regex(error?.message ?? "", /^[^\n]*can't be asked for canonical blocks[^\n]*$/);
  t.false(error?.message.includes("secret"));
  const strange = await startNode(t, () => ({ status: 200, json: { hello: "world" } }));
  await t.throwsAsync(openEndpoint(strange, network, waiting()), {
    name: "UserError",
    message: /another URL/,
  });
});

test("payloads in a DuckDB file are settled as far as the chain is two epochs past them, and only once", async (t) => {
  const folder = await newFolder(t);
  const lake = openFolderLake(join(folder, "lake"), network.name);
  const clock = fixedDateClock(slotStartMs(network, HEAD));
  const warehouse = openDuckDb(join(folder, "one.duckdb"), network, { clock, log: silentLog });
  const missed = Array.from({ length: 200 }, (_, slot) => slot).find(
    (slot) => truth.canonicalHash(slot) === undefined,
  );
  const slots = [3, 70, 2930, HEAD - 64, HEAD - 63, ...(missed === undefined ? [] : [missed])];
  for (const slot of slots) {
    const hash = truth.canonicalHash(slot);
    const canonical = hash === undefined ? [] : [rowOf(slot, 1, { block_hash: hash })];
    const before = await lake.read({
      dataset: "payloads",
      relay: "one",
      first: slot - (slot % 320),
      last: slot - (slot % 320) + 319,
    });
    const rows = new Map([[slot, [...canonical, rowOf(slot, 2)]]]);
    // A chunk each: the relays' names differ.
    await put(lake, network, "payloads", before ? `r${slot}` : "one", { rows });
  }
  await warehouse.load(lake, []);
  const asked: number[] = [];
  const source: CanonicalChain = {
    settled: () => Promise.resolve(HEAD - 64),
    blocks(wanted) {
      asked.push(...wanted);
      return Promise.resolve(new Map(wanted.map((slot) => [slot, truth.canonicalHash(slot) ?? null])));
    },
  };
  const known = [...new Set(slots)].filter((slot) => slot <= HEAD - 64).sort((a, b) => a - b);
  t.is((await warehouse.settle(source, { loadedSince: clock.now() + 1000 })).blocks, 0);
  t.is((await warehouse.settle(source, { loadedSince: clock.now() - 1000 })).blocks, known.length);
  t.is((await warehouse.settle(source)).blocks, 0);
  t.deepEqual(asked, known);
  for (const { slot, block_hash, reorged } of await warehouse.query(
    "SELECT slot, block_hash, reorged FROM payloads",
  ))
    t.is(reorged, Number(slot) > HEAD - 64 ? null : block_hash !== truth.canonicalHash(Number(slot)));
  await t.throwsAsync(warehouse.settle({ table: "a.b.c", timestamp_column: "t", hash_column: "h" }), {
    name: "UserError",
    message: /DuckDB file can't read/,
  });
});
