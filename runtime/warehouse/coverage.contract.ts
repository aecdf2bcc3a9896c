import { type ExecutionContext } from "ava";
import fc from "fast-check";
import type { RelayRow } from "../datasets/format.ts";
import { fixedDateClock } from "../chain/clock.ts";
import { findNetwork, type Network, simulatedNetwork } from "../chain/networks.ts";
import { settledSlot, slotAt, slotStartMs } from "../chain/slots.ts";
import { DATASET_NAMES, type DatasetName, datasets, forEachDataset } from "../datasets/dataset.ts";
import type { Lake } from "../lake/lake.ts";
import { lakeNetwork } from "../lake/lake.testing.ts";
import { type Relay, serves } from "../relays/relay.ts";
import { chunkOf, put, relayNamed, rowOf } from "./warehouse.testing.ts";
import type { DayCoverage } from "./warehouse.ts";
import { CONTRACT_NOW, type ContractParts, startEmpty } from "./contractParts.testing.ts";

/** Registers what any warehouse promises of its coverage. */
export function coverageContract(parts: ContractParts): void {
  const { form, open, lakes, register, runs } = parts;
  const start = (t: ExecutionContext) => startEmpty(t, parts);
  for (const network of [simulatedNetwork(1), mainnet])
    register(`${form}: coverage counts every slot on its own UTC day (${network.name})`, async (t) => {
      // The day border lies within these slots; on mainnet it is at a slot ≡ 15 (mod 32).
      const dayStart = Date.UTC(2025, 5, 10);
      const border = slotAt(network, dayStart - 1) + 1;
      if (network.name === "mainnet") t.is(border % 32, 15);
      // Often the same slots, so that borders of days, chunks, targets, horizons and what is covered meet.
      const near = fc.oneof(
        fc.integer({ min: border - 700, max: border + 700 }),
        fc.constantFrom(border - 33, border - 1, border, border + 1, border + 32),
      );
      const within = (from: number, to: number) => fc.integer({ min: border + from, max: border + to });
      const sometimes = fc.oneof(fc.constant(null), fc.constant(null), near);
      const relay = fc.record({
        activeFrom: sometimes,
        activeTo: sometimes,
        collectFrom: within(-700, -30),
        horizons: fc.record(forEachDataset(({ name }) => (name === "bids" ? near : sometimes))),
      });
      const covered = fc.array(
        fc.record({ slot: near, length: fc.nat({ max: 400 }), relay: fc.nat({ max: 1 }) }),
        {
          maxLength: 6,
        },
      );
      let run = 0;
      await fc.assert(
        fc.asyncProperty(fc.tuple(relay, relay), covered, within(-40, 700), async (relays, runs, head) => {
          const now = slotStartMs(network, head + 50) + 3000;
          const lake = await lakes.open(t, network.name);
          const warehouse = await open(t, network, fixedDateClock(now), `run-${run++}`);
          const directory = relays.map(({ activeFrom, activeTo, collectFrom }, index) =>
            relayNamed(`r${index}`, {
              activeFrom,
              activeTo,
              collectFrom,
              dialect: index === 0 ? "helix" : "flashbots",
            }),
          );
          const held = new Map<string, Set<number>>();
          for (const dataset of DATASET_NAMES) {
            for (const { slot, length, relay: index } of runs) {
              const key = `${dataset} r${index}`;
              const set = held.get(key) ?? new Set();
              held.set(key, set);
              for (let each = slot; each < slot + length; each++) set.add(each);
            }
            for (const [index, { horizons }] of relays.entries()) {
              const oldest = horizons[dataset];
              const asked_at = "2025-01-01T00:00:00.000Z";
              if (oldest !== null)
                await lake.writeHorizon(dataset, `r${index}`, { oldest_slot: oldest, asked_at });
              await putSlots(
                lake,
                network,
                dataset,
                `r${index}`,
                held.get(`${dataset} r${index}`) ?? new Set(),
              );
            }
          }
          await warehouse.load(lake, directory);
          const horizonOf = (dataset: DatasetName, index: number) => relays[index]?.horizons[dataset] ?? 0;
          const expected = expectedCoverage(network, directory, held, horizonOf, now);
          t.deepEqual(await warehouse.coverage(), expected);
        }),
        { numRuns: runs },
      );
    });

  register(
    `${form}: a relay that never answered shows up as missing, one that only the lake knows doesn't count`,
    async (t) => {
      const { lake, warehouse } = await start(t);
      await put(lake, lakeNetwork, "bids", "stranger", { rows: new Map([[5, []]]) });
      await warehouse.load(lake, [relayNamed("silent")]);
      const days = await warehouse.coverage();
      const silent = days.filter(({ relay }) => relay === "silent");
      t.is(
        silent.reduce((sum, { missing }) => sum + missing, 0),
        2 * (settledSlot(lakeNetwork, CONTRACT_NOW) - lakeNetwork.floor + 1),
      );
      t.deepEqual(await warehouse.query("SELECT name, state FROM relays ORDER BY name"), [
        { name: "silent", state: "active" },
        { name: "stranger", state: "off" },
      ]);
      // What one run says of some relays doesn't touch the others.
      await warehouse.load(lake, [relayNamed("third")]);
      t.is((await warehouse.query("SELECT * FROM relays")).length, 3);
      // A command that was told of a relay knows more of it than the lake, which has its name alone.
      await warehouse.load(lake, [relayNamed("third", { url: "", state: "off" })]);
      t.deepEqual(await warehouse.query("SELECT url, state FROM relays WHERE name = 'third'"), [
        { url: "https://third.example", state: "active" },
      ]);
    },
  );
}

const mainnet = findNetwork("mainnet", 1) ?? simulatedNetwork(1);

/** Covers slots, each with a row if its number is even. */
async function putSlots(
  lake: Lake,
  network_: Network,
  dataset: DatasetName,
  relay: string,
  slots: ReadonlySet<number>,
): Promise<void> {
  const chunks = new Map<number, Map<number, RelayRow[]>>();
  for (const slot of slots) {
    const { first } = chunkOf(dataset, relay, slot);
    const rows = chunks.get(first) ?? new Map<number, RelayRow[]>();
    chunks.set(first, rows.set(slot, slot % 2 === 0 ? [rowOf(slot, 1)] : []));
  }
  for (const rows of chunks.values()) {
    const suspect = [...rows.keys()].filter((slot) => slot % 5 === 0);
    await put(lake, network_, dataset, relay, { rows, suspect });
  }
}

/** Coverage as the design defines it, counted slot by slot. */
function expectedCoverage(
  network_: Network,
  relays: readonly Relay[],
  held: ReadonlyMap<string, ReadonlySet<number>>,
  horizonOf: (dataset: DatasetName, relay: number) => number,
  nowMs: number,
): DayCoverage[] {
  const days = new Map<string, DayCoverage>();
  for (const dataset of Object.keys(datasets) as DatasetName[]) {
    for (const [index, relay] of relays.entries()) {
      if (!serves(relay, dataset)) continue;
      const first = Math.max(network_.floor, relay.activeFrom ?? 0, relay.collectFrom ?? 0);
      const last = Math.min(
        relay.activeTo ?? Infinity,
        Math.floor((nowMs / 1000 - network_.genesis) / 12) - 50,
      );
      for (let slot = first; slot <= last; slot++) {
        const day = new Date(slotStartMs(network_, slot)).toISOString().slice(0, 10);
        const key = [dataset, relay.name, day].join(" ");
        const none = { slots: 0, covered: 0, missing: 0, unavailable: 0, suspect: 0 };
        const before = days.get(key) ?? { dataset, relay: relay.name, day, ...none };
        const covered = held.get(`${dataset} ${relay.name}`)?.has(slot) === true;
        const gone = !covered && slot < horizonOf(dataset, index);
        days.set(key, {
          ...before,
          slots: before.slots + 1,
          covered: before.covered + Number(covered),
          missing: before.missing + Number(!covered && !gone),
          unavailable: before.unavailable + Number(gone),
          suspect: before.suspect + Number(covered && slot % 5 === 0),
        });
      }
    }
  }
  return [...days].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, day]) => day);
}
