import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import { backload } from "../../runtime/backload/backload.ts";
import { type RelayProgress, secondsLeft } from "../../runtime/backload/progress.ts";
import { simulatedNetwork } from "../../runtime/chain/networks.ts";
import { settledSlot } from "../../runtime/chain/slots.ts";
import { Connection } from "../../runtime/collect/connection.ts";
import { DATASET_NAMES } from "../../runtime/datasets/dataset.ts";
import { openFolderLake } from "../../runtime/lake/folder/folder.ts";
import { silentLog } from "../../runtime/log.ts";
import { type Timer, realTimer } from "../../runtime/relays/http/transfer.ts";
import { SEED } from "../../runtime/seeds.testing.ts";
import { startSimulator } from "../../runtime/simulator/server.ts";
import { NOW, PATIENT, hastyClock } from "./line.ts";

const SLOTS = 320;
/** Requests a second. Heron is full, wren has no bids in 15 % of slots, osprey in half of them. */
const RATES: Readonly<Record<string, number>> = { heron: 4, wren: 2, osprey: 1 };

test("a back-load's time left counts requests: it is known within 20 % from a tenth of the work on", async (t) => {
  t.timeout(600_000);
  const clock = hastyClock();
  const simulator = await startSimulator({
    seed: SEED,
    clock,
    scale: 0.02,
    faults: "none",
    flaws: { osprey: { kind: "stuck-empty" } },
  });
  t.teardown(() => simulator.close());
  const relays = simulator.relays.filter(({ name }) => name in RATES);
  t.is(relays.length, 3);
  const network = simulatedNetwork(SEED);
  const connection = new Connection({ network, clock });
  const started = clock.monotonic();
  const looks: { readonly seconds: number; readonly progress: readonly RelayProgress[] }[] = [];
  let look = () => {};
  const timer: Timer = (onTime, ms) => {
    look();
    return (clock.timer ?? realTimer)(onTime, ms);
  };
  for (const relay of relays)
    connection.add(relay, { allowPrivate: true, rate: RATES[relay.name] ?? 1, timer, limits: PATIENT });
  const stop = new AbortController().signal;
  const last = settledSlot(network, NOW) - 10_000;
  const { outcome } = await backload({
    network,
    lake: openFolderLake(mkdtempSync(join(tmpdir(), "etl-backload-eta-")), network.name),
    clock,
    log: silentLog,
    connected: {
      sources: connection.sources(stop),
      clients: connection.clients,
      share: () => 1,
      setShare() {},
      close() {},
    },
    datasets: DATASET_NAMES,
    range: { first: last - SLOTS + 1, last },
    order: "newest",
    stop,
    onStart(progress) {
      look = () => looks.push({ seconds: (clock.monotonic() - started) / 1000, progress: progress() });
    },
  });
  look();
  connection.close();
  t.is(outcome, "done");
  // All relays are asked side by side, so the one that takes longest decides.
  const seconds = looks.at(-1)?.seconds ?? 0;
  const osprey = (progress: readonly RelayProgress[]) => progress.find(({ relay }) => relay === "osprey");
  const asked = osprey(looks.at(-1)?.progress ?? [])?.requests ?? 0;
  let seen = 0;
  for (const { seconds: now, progress } of looks) {
    const { requests = 0 } = osprey(progress) ?? {};
    if (requests < 0.1 * asked || requests > 0.9 * asked) continue;
    seen++;
    const said = Math.max(...progress.map((one) => secondsLeft(one, now) ?? Infinity));
    const really = seconds - now;
    if (Math.abs(said - really) > 0.2 * really)
      t.fail(`after ${now.toFixed(0)} s ${said} s were left, not ${really.toFixed(0)}`);
  }
  t.true(seen > 300, `${seen} looks`);
});
