import test, { type ExecutionContext } from "ava";
import { lakeContract } from "../../runtime/lake/lake.contract.ts";
import { newBucket } from "./buckets.ts";
import { bucketFixture } from "./gcsFixture.ts";
import { hastyStore } from "./hastyLake.ts";
import { isDownload, isUpload, type Passing, type ProxyFault, startProxy } from "./proxy.ts";
import { startGcs } from "./servers.ts";

// The lake's whole contract under each fault of the proxy. One test after another: when a download fails, the client ends every
// connection of the process, so one test's fault would be a second fault of another's.
const gcs = await startGcs();
test.after.always(() => gcs.close());

/** What befalls the first request of a kind in each test, and then one in `oneIn`, at most `most` in all. */
interface Repeated {
  readonly what: string;
  readonly which: (request: Passing) => boolean;
  readonly fault: ProxyFault;
  readonly oneIn: number;
  readonly most: number;
  readonly stallMs: number;
}

// The client takes no notice of some cuts and refusals: it is the stall that ends what they leave. One that a busy machine makes is
// tried again, like any other.
const STALL_MS = 1000;
const often = { oneIn: 4, most: Infinity, stallMs: STALL_MS };
// A failed download fails what else is under way, all of which must succeed in 8 attempts.
const seldom = { oneIn: 25, most: 2, stallMs: STALL_MS };

const repeated: readonly Repeated[] = [
  { what: "answers of writes lost", which: isUpload, fault: { kind: "loseAnswer" }, ...often },
  {
    what: "503 in mid-upload",
    which: isUpload,
    fault: { kind: "refuseUpload", status: 503, bytes: 200 },
    ...often,
  },
  {
    what: "stalls in mid-download",
    which: isDownload,
    fault: { kind: "stallDownload", bytes: 20 },
    ...seldom,
  },
  {
    what: "connections cut after the headers",
    which: isDownload,
    fault: { kind: "cutDownload", bytes: 0 },
    ...seldom,
  },
];

/** How many faults each test met. */
const met = new Map<string, () => number>();

for (const { what, which, fault, oneIn, most, stallMs } of repeated)
  lakeContract(
    `gcs, ${what}`,
    async (t: ExecutionContext) => {
      const proxy = await startProxy(gcs.endpoint, { record: false });
      t.teardown(() => proxy.close());
      let [asked, struck] = [0, 0];
      proxy.rule = (request) => {
        if (!which(request) || asked++ % oneIn > 0 || struck >= most) return undefined;
        struck++;
        return fault;
      };
      met.set(t.title, () => struck);
      // Other processes of the contract are led to the proxy by it too.
      process.env["STORAGE_EMULATOR_HOST"] = proxy.endpoint;
      process.env["ETL_TEST_STALL_MS"] = String(stallMs);
      const bucket = await newBucket(t, gcs.endpoint);
      return {
        ...bucketFixture(bucket, "a lake/of=mine"),
        store: hastyStore(`gs://${bucket.name}/a lake/of=mine`),
        opener: [import.meta.resolve("./hastyLake.ts"), "openHastyLake"],
      };
    },
    // A download that fails ends the connections of uploads under way too, so that these lose their answers.
    { serial: true, oneIn: 5, lost: fault.kind !== "refuseUpload" },
  );

const NOTHING_SENT = ["what doesn't fit together isn't written"];
const NOTHING_GOT = [
  "objects have the names of the layout",
  "a write holds only for the generation that was read",
  "a range lists the chunks that touch it, in order, and no others",
  "the relays of a dataset are those that have objects",
  ...NOTHING_SENT,
];

test.serial("each of these tests met its fault, save those in which no bytes go that way", (t) => {
  const calm = [...met].filter(([, struck]) => struck() === 0).map(([title]) => title);
  const expected = repeated.flatMap(({ what, which }) =>
    (which === isUpload ? NOTHING_SENT : NOTHING_GOT).map((claim) => `gcs, ${what}: ${claim}`),
  );
  t.deepEqual(calm.toSorted(), expected.toSorted());
});
