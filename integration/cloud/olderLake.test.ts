import test from "ava";
import { settledSlot } from "../../runtime/chain/slots.ts";
import { coverageOf } from "../../runtime/collect/coverage.ts";
import { chunkRange } from "../../runtime/datasets/chunks.ts";
import { AUCTION, datasets } from "../../runtime/datasets/dataset.ts";
import { compareTables } from "../program/compare.ts";
import { hastyClock, lineOf } from "../program/line.ts";
import { startCloud } from "./cloud.ts";
import { seed, world } from "./world.ts";

const cloud = await startCloud();
test.after.always(() => cloud.close());

const HALF_AN_HOUR = 30 * 60_000;
const A_DAY = 48 * HALF_AN_HOUR;

for (const dataset of AUCTION) {
  test.serial(
    `${dataset}: objects placed a million slots back, and a gap there, are loaded and repaired within a day of ticks, unnamed`,
    async (t) => {
      t.timeout(240_000);
      const project = await cloud.project(t);
      const { simulator, clock, network, start, lake, warehouse } = await world(t, project, {
        headSlot: 1_200_000,
      });
      const { chunkSlots } = datasets[dataset];
      const newest = settledSlot(network, clock.now());
      const relay = simulator.relays.find(({ name }) => name === "heron");
      if (!relay) return t.fail();
      // Two chunks, a gap of a chunk and a half, and a chunk and a half.
      const gap = chunkRange(datasets[dataset], newest - 1_000_000).first;
      const placed = { first: gap - 2 * chunkSlots, last: gap + 3 * chunkSlots - 1 };
      const line = lineOf(seed, [relay], lake, hastyClock(clock.now()));
      await line.run({ first: placed.first, last: gap - 1 }, [dataset]);
      await line.run({ first: gap + 1.5 * chunkSlots, last: placed.last }, [dataset]);

      // Its newest slots are done with, so that there is nothing else to do.
      const service = await start(dataset, {
        relays: [{ ...relay, activeTo: newest - 33_000 }],
        settings: { intervalSeconds: 1800 },
      });
      const began = clock.now();
      let ticks = 0;
      let whole = 0;
      while (whole < 5 && clock.now() <= began + A_DAY) {
        t.is((await service.tick()).status, 200);
        ticks++;
        const ledger = await warehouse.query(
          `SELECT first_slot FROM ${dataset}_loads WHERE first_slot >= ${placed.first} AND first_slot <= ${placed.last} AND covered NOT LIKE '%0%'`,
        );
        whole = ledger.length;
        clock.advance(HALF_AN_HOUR);
      }
      t.log(`after ${ticks} ticks of half an hour`);
      t.is(whole, 5);
      const onFault = (fault: string) => t.fail(fault);
      const { missing } = await coverageOf(
        lake,
        { network, range: placed, nowMs: clock.now() },
        relay,
        dataset,
        onFault,
      );
      t.is(missing, 0);
      const { rows, differences } = await compareTables(lake, warehouse, simulator.truth);
      t.deepEqual(differences, []);
      t.true(rows > 0);
    },
  );
}
