import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { mkdir, open, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { put, rowOf } from "../warehouse/warehouse.testing.ts";
import { footerOf } from "./parquetFile.ts";
import { dayRange, newPlace, publishedNetwork, tablesOf } from "./publish.testing.ts";
import type { ThriftStruct, ThriftValue } from "./thrift.ts";

const BIDS = `${publishedNetwork.name}/bids/date=2025-10-09/part-0.parquet`;
const ROWS_A_SLOT = 1024;

/** Serves a file to whoever asks for ranges of it, and counts the bytes that it sent. */
async function serveRanges(t: ExecutionContext, file: Buffer) {
  const sent = { bytes: 0 };
  const server = createServer((request, response) => {
    const [, from = "", to = ""] = /^bytes=(\d*)-(\d*)$/.exec(request.headers.range ?? "") ?? [];
    const part = from === "" ? file.subarray(-Number(to)) : file.subarray(Number(from), Number(to) + 1);
    sent.bytes += part.length;
    response.writeHead(206, { "content-range": `bytes */${file.length}` }).end(part);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.teardown(() => void server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const range = async (text: string) => {
    const answer = await fetch(url, { headers: { range: `bytes=${text}`, connection: "close" } });
    return Buffer.from(await answer.arrayBuffer());
  };
  return { sent, range };
}

const structs = (value: ThriftValue | undefined): ThriftStruct[] =>
  typeof value === "object" && "items" in value ? (value.items as ThriftStruct[]) : [];
const structAt = (struct: ThriftStruct | undefined, id: number) =>
  struct?.get(id)?.value as ThriftStruct | undefined;
const numberAt = (struct: ThriftStruct, id: number) => Number(struct.get(id)?.value ?? 0);

/** Where a row group's pages lie, and the least and greatest of its slots and relays, by its statistics. */
function groupOf(group: ThriftStruct) {
  const metas = structs(group.get(1)?.value).map((chunk) => structAt(chunk, 3) ?? new Map());
  const starts = metas.map((meta) => numberAt(meta, 11) || numberAt(meta, 9));
  const ends = metas.map((meta, index) => (starts[index] ?? 0) + numberAt(meta, 7));
  // Bloom filters lie behind the pages of the part that the group came in.
  const blooms = metas.map((meta) => numberAt(meta, 14) + numberAt(meta, 15));
  const [relays, slots] = metas.map((meta) => structAt(meta, 12));
  const bytes = (stats: ThriftStruct | undefined, id: number) => stats?.get(id)?.value as Buffer;
  return {
    first: Math.min(...starts),
    end: Math.max(...ends),
    bloomEnd: Math.max(...blooms),
    relays: [6, 5].map((id) => bytes(relays, id).toString()),
    slots: [6, 5].map((id) => Number(bytes(slots, id).readBigInt64LE())),
  };
}

test("one relay's few slots are read over HTTP with the footer, Bloom filters and the row groups that hold them", async (t) => {
  const { lake, out, folder, published } = await newPlace(t);
  const first = 32 * Math.ceil(dayRange.first / 32);
  for (const relay of ["one", "two", "three"])
    for (let chunk = 0; chunk < 4; chunk++) {
      const slots = Array.from({ length: 32 }, (_, index) => first + 32 * chunk + index);
      const rows = (slot: number) => Array.from({ length: ROWS_A_SLOT }, (_, number) => rowOf(slot, number));
      await put(lake, publishedNetwork, "bids", relay, {
        rows: new Map(slots.map((slot) => [slot, rows(slot)])),
      });
    }
  await published();
  const file = await readFile(join(out, BIDS));
  const { sent, range } = await serveRanges(t, file);

  const length = (await range("-8")).readUInt32LE(0) + 8;
  const end = await range(`-${length}`);
  const found = footerOf(end);
  const [relay, slot] = ["two", first + 70];
  const groups = structs(found?.footer.get(4)?.value).map(groupOf);
  t.is(groups.length, 12);
  const wanted = groups.filter(({ relays, slots }) => {
    const [[least = "", most = ""], [from = 0, to = 0]] = [relays, slots];
    return least <= relay && relay <= most && from <= slot && slot <= to;
  });
  t.is(wanted.length, 1);
  // All else of the file is zeros: whoever looked at it would find no page there.
  const sparse = join(folder, "sparse", publishedNetwork.name, "bids", "date=2025-10-09", "part-0.parquet");
  await mkdir(dirname(sparse), { recursive: true });
  const target = await open(sparse, "w");
  await target.truncate(file.length);
  await target.write(file.subarray(0, 4), 0, 4, 0);
  // DuckDB looks at the Bloom filter of a column by itself, before it rules a group out by another.
  const blooms = groups.map(({ end: from, bloomEnd: to }) => ({ first: from, end: to }));
  for (const { first: from, end: to } of [...wanted, ...blooms]) {
    const bytes = await range(`${from}-${to - 1}`);
    await target.write(bytes, 0, bytes.length, from);
  }
  await target.write(end, 0, end.length, file.length - end.length);
  await target.close();
  const ask = `SELECT count(*)::INTEGER AS n, sum(value)::INTEGER AS sum FROM bids WHERE relay = '${relay}' AND slot = ${slot}`;
  const answer = await (await tablesOf(t, join(folder, "sparse"))).query(ask);
  t.deepEqual(answer, [{ n: ROWS_A_SLOT, sum: (ROWS_A_SLOT * (ROWS_A_SLOT - 1)) / 2 }]);
  // Rows that are so alike weigh hardly more than footer and filters do: real ones are a hundred times as large.
  t.true(sent.bytes < file.length / 6, `${sent.bytes} of ${file.length} bytes`);
});
