import test from "ava";
import pLimit from "p-limit";
import type { SlotRange } from "../../runtime/chain/slots.ts";
import { tickWindows } from "../../runtime/tick/windows.ts";
import { chunkRanges } from "../../runtime/datasets/chunks.ts";
import { bids } from "../../runtime/datasets/bids.ts";
import { type Lake, emptyMeta } from "../../runtime/lake/lake.ts";
import { startCloud } from "./cloud.ts";
import { world } from "./world.ts";

const cloud = await startCloud();
test.after.always(() => cloud.close());

const INTERVAL_MS = 300_000;
const RELAYS = 1;
const TICKS = 3;
/** Of GCS by one tick, whatever the lake's size. */
const MOST_REQUESTS = 16;

test("a tick with nothing to do lists at most two pages a relay for the newest slots and two for the slice, and asks for hardly more", async (t) => {
  t.timeout(400_000);
  const project = await cloud.project(t);
  // As old as mainnet is, so that slices are as long.
  const network = await world(t, project, { headSlot: 11_000_000, only: RELAYS });
  const { clock, lake, warehouse, relays, start } = network;
  const began = clock.now();
  const windows = Array.from({ length: TICKS + 1 }, (_, tick) =>
    tickWindows({
      network: network.network,
      dataset: bids,
      nowMs: began + tick * INTERVAL_MS,
      seenMs: tick === 0 ? undefined : began + (tick - 1) * INTERVAL_MS,
      intervalMs: INTERVAL_MS,
    }),
  );
  const ranges = windows.flatMap(({ live, slices }) => [...(live ? [live] : []), ...slices]);
  for (const { name } of relays) await fill(lake, name, ranges);
  await warehouse.load(lake, relays, { datasets: ["bids"], ranges });

  // They are over, so that there is nothing to ask.
  const ended = relays.map((relay) => ({ ...relay, activeTo: 100 }));
  const service = await start("bids", { relays: ended });
  // Its first tick writes what a process writes once.
  const first = await service.tick();
  t.is(first.status, 200, JSON.stringify(first.body));
  for (let turn = 0; turn < TICKS; turn++) {
    clock.advance(began + (turn + 1) * INTERVAL_MS - clock.now());
    const before = project.gcs.requests.length;
    const { status, body } = await service.tick();
    t.is(status, 200);
    t.like(body, { outcome: "done", load_objects: 0, load_waiting: 0 });
    const requests = project.gcs.requests.slice(before);
    t.log(`${requests.length} requests`);
    t.true(requests.length <= MOST_REQUESTS, `${requests.length} requests`);
    const pages = requests
      .filter(
        ({ method, path, query }) => method === "GET" && path.endsWith("/o") && query.has("startOffset"),
      )
      .map(({ query }) => query.get("startOffset") ?? "");
    for (const { name } of relays) {
      const ofRelay = pages.filter((offset) => offset.includes(`/relay=${name}/`));
      const newest = `/${String(windows[turn + 1]?.live?.first ?? 0).padStart(10, "0")}`;
      const live = ofRelay.filter((offset) => offset.includes(newest)).length;
      t.log(`${name}: ${live} pages of the newest slots, ${ofRelay.length - live} of the older ones`);
      t.true(live >= 1 && live <= 2, `${live} pages`);
      t.true(ofRelay.length - live >= 1 && ofRelay.length - live <= 2, `${ofRelay.length - live} pages`);
    }
  }
});

/** Covers runs of slots as if they had been empty. */
async function fill(lake: Lake, relay: string, ranges: readonly SlotRange[]): Promise<void> {
  const firsts = new Map(
    ranges.flatMap((range) => [...chunkRanges(bids, range)]).map((run) => [run.first, run]),
  );
  const limit = pLimit(16);
  const write = async ({ first, last }: SlotRange) => {
    const none = emptyMeta({ first, last });
    let { covered } = none;
    for (let slot = first; slot <= last; slot++) covered = covered.with(slot);
    const meta = { ...none, covered };
    await lake.write({ dataset: "bids", relay, first, last }, new Map(), meta, 0);
  };
  await Promise.all([...firsts.values()].map((run) => limit(() => write(run))));
}
