import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { backload } from "../../runtime/backload/backload.ts";
import { type RelayProgress, secondsLeft } from "../../runtime/backload/progress.ts";
import { simulatedNetwork } from "../../runtime/chain/networks.ts";
import { settledSlot, slotCount } from "../../runtime/chain/slots.ts";
import { type RunState, RunMeter } from "../../runtime/cli/runMeter.ts";
import { Connection } from "../../runtime/collect/connection.ts";
import { collect } from "../../runtime/collect/run.ts";
import { AUCTION, forEachDataset } from "../../runtime/datasets/dataset.ts";
import { openFolderLake } from "../../runtime/lake/folder/folder.ts";
import { silentLog } from "../../runtime/log.ts";
import { type Timer, realTimer } from "../../runtime/relays/http/transfer.ts";
import { startSimulator } from "../../runtime/simulator/server.ts";
import { NOW, PATIENT, hastyClock } from "./line.ts";

const SLOTS = 640;
/** Not drawn: where a world has its empty slots at one end, nobody can know after a tenth of it what will come. */
const WORLD = 1;
/** Near the head a group of empty slots takes some questions more. */
const BELOW_HEAD = 10_000;
/** Requests a second. Heron is full, wren has no bids in 15 % of slots, osprey in half of them, sparse in 96 %. */
const RATES: Readonly<Record<string, number>> = { heron: 4, wren: 2, osprey: 1, sparse: 10 };

/** Relays of unlike rates and fullness, and what asks them; `look` is called whenever a request is sent. */
async function scene(t: ExecutionContext, look: () => void) {
  t.timeout(600_000);
  const clock = hastyClock();
  const simulator = await startSimulator({
    seed: WORLD,
    clock,
    scale: 0.02,
    faults: "none",
    flaws: { osprey: { kind: "stuck-empty" } },
  });
  t.teardown(() => simulator.close());
  const relays = [...simulator.relays, ...simulator.others].filter(({ name }) => name in RATES);
  t.is(relays.length, 4);
  const network = simulatedNetwork(WORLD);
  const connection = new Connection({ network, clock });
  // Looked at when a request is sent: a look that waited for its time would make time pass.
  const timer: Timer = (onTime, ms) => {
    look();
    return (clock.timer ?? realTimer)(onTime, ms);
  };
  for (const relay of relays)
    connection.add(relay, { allowPrivate: true, rate: RATES[relay.name] ?? 1, timer, limits: PATIENT });
  const last = settledSlot(network, NOW) - BELOW_HEAD;
  const range = { first: last - SLOTS + 1, last };
  const lake = openFolderLake(mkdtempSync(join(tmpdir(), "etl-progress-")), network.name);
  const stop = new AbortController().signal;
  const collecting = { network, lake, clock, log: silentLog, datasets: AUCTION, range, stop };
  return { simulator, relays, connection, sources: connection.sources(stop), collecting };
}

test("from a tenth of the work on the time left is known within 20 %, over relays of unlike rates and fullness", async (t) => {
  const looks: RunState[] = [];
  const { simulator, relays, connection, sources, collecting } = await scene(t, () =>
    looks.push(meter.state()),
  );
  const { clock, range } = collecting;
  const wanted = forEachDataset(({ name }) => (AUCTION.some((one) => one === name) ? slotCount(range) : 0));
  const meter = new RunMeter(clock, connection.clients, new Map(relays.map(({ name }) => [name, wanted])));
  await collect({ ...collecting, sources, onTally: (tally) => meter.add(tally) });
  const end = meter.state();
  connection.close();
  t.deepEqual([end.phase, end.left, end.secondsLeft], ["done", 0, 0]);
  t.is(end.requests, simulator.requests.length);
  t.true(end.seconds > 300, `${end.seconds} s`);
  // All relays are asked side by side, so the work is that of the one that takes longest.
  const asked = ({ relays: states }: RunState) =>
    states.find(({ relay }) => relay === "osprey")?.requests ?? 0;
  const [tenth, nineTenths] = [0.1 * asked(end), 0.9 * asked(end)];
  const between = looks.filter((look) => asked(look) >= tenth && asked(look) <= nineTenths);
  t.true(between.length > 300, `${between.length} looks`);
  for (const { seconds, secondsLeft = Infinity } of between) {
    const really = end.seconds - seconds;
    if (Math.abs(secondsLeft - really) > 0.2 * really)
      t.fail(`after ${seconds.toFixed(0)} s ${secondsLeft.toFixed(0)} s were left, not ${really.toFixed(0)}`);
  }
  t.deepEqual([...new Set(looks.map(({ phase }) => phase))], ["asking", "asking again"]);
});

test("a back-load's time left counts requests too: it is known within 20 % from a tenth of the work on", async (t) => {
  let look = () => {};
  const { connection, sources, collecting } = await scene(t, () => look());
  const { clock } = collecting;
  const started = clock.monotonic();
  const looks: { readonly seconds: number; readonly progress: readonly RelayProgress[] }[] = [];
  const { clients } = connection;
  const { outcome } = await backload({
    ...collecting,
    connected: { sources, clients, share: () => 1, setShare() {}, close() {} },
    order: "newest",
    onStart(progress) {
      look = () => looks.push({ seconds: (clock.monotonic() - started) / 1000, progress: progress() });
    },
  });
  look();
  connection.close();
  t.is(outcome, "done");
  // All relays are asked side by side, so the one that takes longest decides.
  const end = looks.at(-1);
  const asked = (progress: readonly RelayProgress[]) =>
    progress.find(({ relay }) => relay === "osprey")?.requests ?? 0;
  const all = asked(end?.progress ?? []);
  const between = looks.filter(
    ({ progress }) => asked(progress) >= 0.1 * all && asked(progress) <= 0.9 * all,
  );
  t.true(between.length > 300, `${between.length} looks`);
  for (const { seconds, progress } of between) {
    const said = Math.max(...progress.map((one) => secondsLeft(one, seconds) ?? Infinity));
    const really = (end?.seconds ?? 0) - seconds;
    if (Math.abs(said - really) > 0.2 * really)
      t.fail(`after ${seconds.toFixed(0)} s ${said} s were left, not ${really.toFixed(0)}`);
  }
});
