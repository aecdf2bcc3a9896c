import { randomBytes } from "node:crypto";
import test, { type ExecutionContext } from "ava";
import { UserError } from "../../runtime/errors.ts";
import { type GcsOptions, GcsStore } from "../../runtime/lake/gcs/bucket.ts";
import { AccessError } from "../../runtime/lake/gcs/storageErrors.ts";
import { deflateSlot, type GzipBody, joinBlocks } from "../../runtime/lake/gzip.ts";
import { StaleGenerationError } from "../../runtime/lake/lake.ts";
import { hastyClock } from "../program/line.ts";
import { newBucket } from "./buckets.ts";
import { isDownload, isUpload, type ProxyFault, type Passing, type Proxy, startProxy } from "./proxy.ts";
import { startGcs } from "./servers.ts";

// One after another: when a download fails, the client ends every connection of the process (agent.destroy in its
// createReadStream), so one test's fault would be a second fault of another's.
const gcs = await startGcs();
test.after.always(() => gcs.close());

const NAME = "simulated-1/bids/relay=alpha/0000000064-0000000095.ndjson.gz";

/** A store behind a proxy of its own, on which waiting between attempts costs nothing. */
async function setUp(t: ExecutionContext, options: GcsOptions = {}) {
  const proxy = await startProxy(gcs.endpoint);
  t.teardown(() => proxy.close());
  const bucket = await newBucket(t, gcs.endpoint);
  const open = (emulator: string) =>
    new GcsStore(`gs://${bucket.name}/lake`, {
      clock: hastyClock(),
      stallMs: 2000,
      ...options,
      emulator,
    });
  return { proxy, bucket, store: open(proxy.endpoint), direct: open(gcs.endpoint) };
}

const body = (text: string): GzipBody => joinBlocks([deflateSlot(text, 1)]);

/** The same fault for the first `times` requests of a kind. */
function first(proxy: Proxy, times: number, which: (request: Passing) => boolean, fault: ProxyFault): void {
  let left = times;
  proxy.rule = (request) => (which(request) && left-- > 0 ? fault : undefined);
}

const uploadFaults: readonly ProxyFault[] = [
  ...[429, 500, 503].flatMap((status): ProxyFault[] => [
    { kind: "status", status, when: "before" },
    { kind: "status", status, when: "after" },
  ]),
  { kind: "cutUpload", bytes: 0 },
  { kind: "cutUpload", bytes: 700 },
  { kind: "refuseUpload", status: 503, bytes: 700 },
  { kind: "loseAnswer" },
  { kind: "cutDownload", bytes: 0 },
  { kind: "cutDownload", bytes: 20 },
  { kind: "stallDownload", bytes: 20 },
  { kind: "flipUpload", byte: -100 },
];

for (const fault of uploadFaults)
  test.serial(`a write that meets ${JSON.stringify(fault)} three times takes effect once`, async (t) => {
    const { proxy, store, direct } = await setUp(t);
    const before = await store.write(NAME, body("before\n"), { rows: "1" }, 0);
    first(proxy, 3, isUpload, fault);
    const content = body(randomBytes(3000).toString("hex"));
    const generation = await store.write(NAME, content, { rows: "2" }, before);
    t.is([...proxy.faults.values()][0], 3);
    t.true(generation > before);
    const found = await direct.read(NAME);
    t.deepEqual(found?.entry, {
      name: NAME,
      generation,
      bytes: found?.body?.length ?? 0,
      metadata: { rows: "2" },
    });
    t.true(found?.body?.includes(content.deflate[0] ?? "nothing"));
  });

for (const fault of [
  { kind: "status", status: 503, when: "before" },
  { kind: "cutUpload", bytes: 300_000 },
  { kind: "loseAnswer" },
  { kind: "flipUpload", byte: 5000 },
] satisfies ProxyFault[])
  test.serial(
    `a large write that meets ${JSON.stringify(fault)} goes on, and takes effect once`,
    async (t) => {
      t.timeout(60_000);
      const { proxy, store, direct } = await setUp(t, { resumableFrom: 1 << 20 });
      const before = await store.write(NAME, body("before\n"), { rows: "1" }, 0);
      first(proxy, 1, (request) => request.method === "PUT", fault);
      const content = body(randomBytes(9 << 20).toString("latin1"));
      const generation = await store.write(NAME, content, { rows: "2" }, before);
      t.is([...proxy.faults.values()][0], 1);
      const found = await direct.read(NAME);
      t.is(found?.entry.generation, generation);
      t.is(found?.body?.subarray(10, -8).compare(Buffer.concat(content.deflate)), 0);
      t.true(proxy.requests.some(({ query }) => query.get("uploadType") === "resumable"));
    },
  );

const downloadFaults: readonly ProxyFault[] = [
  { kind: "status", status: 429, when: "before" },
  { kind: "status", status: 500, when: "before" },
  { kind: "status", status: 503, when: "after" },
  { kind: "loseAnswer" },
  { kind: "cutDownload", bytes: 0 },
  { kind: "cutDownload", bytes: 100 },
  { kind: "stallDownload", bytes: 100 },
];

for (const fault of downloadFaults)
  test.serial(
    `whatever is read while every other answer is ${JSON.stringify(fault)} is read whole`,
    async (t) => {
      t.timeout(60_000);
      const { proxy, store, direct } = await setUp(t, { stallMs: 300 });
      const names = Array.from({ length: 5 }, (_, i) => NAME.replace("64", `${10 + i}`));
      for (const name of names) await direct.write(name, body(name), { rows: "1" }, 0);
      await direct.writeText("simulated-1/bids/relay=alpha/horizon.json", '{"oldest_slot":7}');
      proxy.rule = ({ number }) => (number % 2 === 0 ? fault : undefined);
      const prefix = "simulated-1/bids/relay=alpha/";
      for (const name of names) t.deepEqual(await store.read(name), await direct.read(name));
      const listed = [];
      for await (const { name } of store.list(prefix, prefix, `${prefix}1`)) listed.push(name);
      t.deepEqual(listed, names);
      t.deepEqual(await store.folders("simulated-1/bids/"), ["relay=alpha"]);
      t.is(await store.readText(`${prefix}horizon.json`, 100), '{"oldest_slot":7}');
      await store.writeText(`${prefix}horizon.json`, '{"oldest_slot":8}');
      t.is(await direct.readText(`${prefix}horizon.json`, 100), '{"oldest_slot":8}');
    },
  );

test.serial("a byte changed on the way down is noticed and asked for again", async (t) => {
  const { proxy, store, direct } = await setUp(t);
  await direct.write(NAME, body("rows\n"), {}, 0);
  first(proxy, 3, isDownload, { kind: "flipDownload", byte: 15 });
  t.deepEqual(await store.read(NAME), await direct.read(NAME));
  t.is(proxy.faults.get("flipDownload"), 3);
  first(proxy, 100, isDownload, { kind: "flipDownload", byte: 15 });
  await t.throwsAsync(store.read(NAME), { instanceOf: UserError, message: /doesn't match the checksum/ });
});

test.serial("an answer that was lost doesn't hide that another has written since", async (t) => {
  const { proxy, store, direct } = await setUp(t);
  const before = await direct.write(NAME, body("a\n"), { rows: "1" }, 0);
  for (const kind of ["lost", "failed"]) {
    const { generation: current } = (await direct.head(NAME)) ?? { generation: before };
    let other: number | undefined;
    let count = 0;
    proxy.rule = async (request) => {
      if (!isUpload(request) || count++ > 0) return undefined;
      if (kind === "failed") {
        other = await direct.write(NAME, body("other\n"), { rows: "3" }, current);
        return { kind: "status", status: 503, when: "before" };
      }
      return {
        kind: "meanwhile",
        work: async () => {
          const mine = (await direct.head(NAME))?.generation ?? 0;
          other = await direct.write(NAME, body("other\n"), { rows: "3" }, mine);
          throw new Error("the answer is lost");
        },
      };
    };
    await t.throwsAsync(store.write(NAME, body("mine\n"), { rows: "2" }, current), {
      instanceOf: StaleGenerationError,
    });
    t.is((await direct.head(NAME))?.generation, other);
  }
});

test.serial("another's write of the same bytes isn't taken for one whose answer was lost", async (t) => {
  const { proxy, store, direct } = await setUp(t);
  const before = await direct.write(NAME, body("a\n"), { rows: "1" }, 0);
  let other: number | undefined;
  proxy.rule = async (request) => {
    if (!isUpload(request) || other !== undefined) return undefined;
    other = await direct.write(NAME, body("same\n"), { rows: "2" }, before);
    return { kind: "status", status: 503, when: "before" };
  };
  await t.throwsAsync(store.write(NAME, body("same\n"), { rows: "2" }, before), {
    instanceOf: StaleGenerationError,
  });
  t.is((await direct.head(NAME))?.generation, other);
});

test.serial("a lost race is refused at once, and costs one request", async (t) => {
  // A busy machine must not pass for a line on which nothing moves: requests are counted.
  const { proxy, store, direct } = await setUp(t, { stallMs: 60_000 });
  const now = await direct.write(NAME, body("a\n"), {}, 0);
  for (const [text, generation] of [
    ["b\n", 0],
    ["b\n", now - 1],
    // Equal to what is there, and all the same not written by this call.
    ["a\n", 0],
  ] as const) {
    const before = proxy.requests.length;
    await t.throwsAsync(store.write(NAME, body(text), {}, generation), {
      instanceOf: StaleGenerationError,
    });
    t.is(proxy.requests.length, before + 1);
  }
});

test.serial("what fails for good, or too often, is one line that says what to do", async (t) => {
  const { proxy, store, bucket } = await setUp(t);
  const content = body("x\n");
  const everything = async (): Promise<unknown[]> =>
    Promise.all(
      [
        store.head(NAME),
        store.read(NAME),
        store.folders("simulated-1/bids/"),
        store.list("a/", "a/", "b").next(),
        store.write(NAME, content, {}, 0),
        store.writeText("a/horizon.json", "{}"),
      ].map((work) => Promise.resolve(work).catch((error: unknown) => error)),
    );
  const expect = async (form: typeof UserError, message: RegExp): Promise<void> => {
    for (const error of await everything()) {
      if (!(error instanceof form)) return t.fail(`no ${form.name}: ${String(error)}`);
      t.regex(error.message, message);
      t.false(error.message.includes("\n"));
      t.is(error.exitCode, 1);
    }
  };
  proxy.rule = () => ({ kind: "status", status: 503, when: "before" });
  await expect(UserError, /^can't (read|list|write) gs:.*doesn't answer \(.*\); run it again$/);
  proxy.rule = () => ({ kind: "status", status: 403, when: "before" });
  await expect(AccessError, /no permission .* granted storage\.objectUser/);
  proxy.rule = () => ({ kind: "status", status: 401, when: "before" });
  await expect(UserError, /credentials here; run `gcloud auth application-default login`$/);
  proxy.rule = () => undefined;
  await bucket.delete();
  await expect(UserError, /there is no bucket etl-test-\w+; make it with `gcloud storage buckets create gs:/);
});

test.serial("a place that can't be a lake's is refused in one line", (t) => {
  for (const url of [
    "gs://",
    "gs://B",
    "gs:///x",
    "gs://bucket//x",
    "gs://bucket/a//b",
    "gs://bucket/../x",
    "gs://bucket/a/./b",
    "gs://bucket/a*b",
    "gs://bucket/a\nb",
    "gs://bucket/a?b",
    "gs://bucket/a#b",
  ]) {
    const error = t.throws(() => new GcsStore(url), { instanceOf: UserError }, url);
    t.is(error?.exitCode, 2);
    t.regex(
      error?.message ?? "",
      /^a lake can't lie at "[^\n]*write gs:\/\/BUCKET or gs:\/\/BUCKET\/PREFIX$/,
    );
  }
  t.is(new GcsStore("gs://bucket").url, "gs://bucket");
  t.is(new GcsStore("gs://bucket/").url, "gs://bucket");
  t.is(new GcsStore("gs://bucket/a/b/").locate("c"), "gs://bucket/a/b/c");
  t.throws(() => new GcsStore("gs://bucket", { emulator: "http://" }), {
    instanceOf: UserError,
    message: /STORAGE_EMULATOR_HOST=http:\/\/ is no URL/,
  });
});
