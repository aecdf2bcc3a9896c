import test from "ava";
import { openGcsFiles, openGcsLake } from "../../runtime/lake/gcs/bucket.ts";
import { readCatalog } from "../../runtime/publish/catalog.ts";
import { pruneLake } from "../../runtime/publish/pruneLake.ts";
import {
  countedIn,
  dayRange,
  LATE_MS,
  newPlace,
  nextRange,
  publishedNetwork as network,
  twoDays,
} from "../../runtime/publish/publish.testing.ts";
import { publish } from "../../runtime/publish/publish.ts";
import { strangersIn, verifyPublished } from "../../runtime/publish/verify.ts";
import { ParquetParts } from "../../runtime/warehouse/duckdb/parquetParts.ts";
import { newBucket } from "./buckets.ts";
import { startGcs } from "./servers.ts";

const gcs = await startGcs();
test.after.always(() => gcs.close());

test("from a bucket into a bucket the same bytes are published as from a folder into a folder; verified, and pruned", async (t) => {
  const [from, to] = [await newBucket(t, gcs.endpoint), await newBucket(t, gcs.endpoint)];
  const emulator = { emulator: gcs.endpoint };
  const lake = openGcsLake(`gs://${from.name}/lake`, network.name, emulator);
  const store = openGcsFiles(`gs://${to.name}/some/where`, { ...emulator, resumableFrom: 1 << 12 });
  await twoDays(lake);
  const range = { first: dayRange.first, last: nextRange.last };
  const options = {
    lake,
    network,
    store,
    nowMs: LATE_MS,
    coverage: countedIn(lake),
    openParts: () => ParquetParts.open(),
  };
  await publish(options, ["payloads", "bids"], range);
  const place = await newPlace(t);
  await twoDays(place.lake);
  await place.published();
  const hashes = async (of: typeof store) =>
    (await readCatalog(of, network.name)).files.map(({ path, bytes, sha256 }) => [path, bytes, sha256]);
  t.deepEqual(await hashes(store), await hashes(place.store));
  const [[path = ""] = []] = await hashes(store);

  const source = { lake, network };
  const differences = async () => {
    const found: string[] = [];
    for await (const day of verifyPublished(source, store)) found.push(...day.differences);
    return [...found, ...(await strangersIn(source, store))];
  };
  t.deepEqual(await differences(), []);
  const { pruned, kept } = await pruneLake(source, store, LATE_MS, true);
  t.deepEqual([pruned.length, kept], [2, []]);
  t.deepEqual(await differences(), []);
  await to.file(`some/where/${String(path)}`).delete();
  t.deepEqual(await differences(), [`${String(path)} is missing; publish again`]);
});
