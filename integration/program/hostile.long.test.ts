import { mkdtempSync, readFileSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import { settledSlot } from "../../runtime/chain/slots.ts";
import { simulatedNetwork } from "../../runtime/chain/networks.ts";
import { coverageOf } from "../../runtime/collect/coverage.ts";
import { openFolderLake } from "../../runtime/lake/folder/folder.ts";
import type { Relay } from "../../runtime/relays/relay.ts";
import { HOSTILE_CASES, type HostileCase, startHostileRelay } from "../../runtime/simulator/hostile.ts";
import { startSimulator } from "../../runtime/simulator/server.ts";
import { NOW, PATIENT, hastyClock, lineOf } from "./line.ts";

const network = simulatedNetwork(3);
const last = settledSlot(network, NOW);
const range = { first: last - 3, last };

/** Attacks whose answers hold rows that may be kept, or refused one by one; all others cover nothing. */
const HARMLESS_TO_BIDS: ReadonlySet<HostileCase> = new Set([
  "escapes-in-row",
  "prototype",
  "same-field-twice",
  "rising",
  "stuck",
]);

test("a hostile relay covers nothing, ends, stays within memory, and the relay beside it is collected whole", async (t) => {
  t.timeout(1_200_000);
  const clock = hastyClock();
  const hostile = await startHostileRelay();
  const simulator = await startSimulator({ seed: 3, faults: "none", clock, scale: 0.05, record: false });
  t.teardown(async () => {
    await hostile.close();
    await simulator.close();
  });
  const [sound] = simulator.relays;
  if (!sound) return t.fail("no relay");
  for (const attack of HOSTILE_CASES) {
    const relay: Relay = { ...sound, name: attack, url: hostile.url(attack) };
    const folder = mkdtempSync(join(tmpdir(), "etl-hostile-"));
    const lake = openFolderLake(folder, network.name);
    // Only the hostile one is given up soon: beside it, on a busy machine, the other may take its time.
    const limitsOf = ({ name }: Relay) => (name === attack ? { timeoutMs: 700, attempts: 2 } : PATIENT);
    await lineOf(3, [relay, sound], lake, clock, { limitsOf }).run(range);
    const covered = async (relay: Relay, name: "bids" | "payloads") =>
      (await coverageOf(lake, { network, range, nowMs: clock.now() }, relay, name, (fault) => t.fail(fault)))
        .covered;
    t.is(await covered(sound, "bids"), 4, `${attack}: the sound relay's bids`);
    t.is(await covered(sound, "payloads"), 4, `${attack}: the sound relay's payloads`);
    if (!HARMLESS_TO_BIDS.has(attack)) t.is(await covered(relay, "bids"), 0, `${attack} covered bids`);
    if (attack === "rising" || attack === "outside")
      t.is(await covered(relay, "payloads"), 0, `${attack} covered payloads`);
    for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
      if (name.endsWith(".gz"))
        t.true(readFileSync(join(folder, name)).length < 1 << 20, `${attack}: ${name} is large`);
    }
  }
  t.deepEqual(
    hostile.visits.filter((path) => path.startsWith("/secret")),
    [],
    "no redirect is followed",
  );
  const peak = process.resourceUsage().maxRSS / 1024;
  t.true(peak < 900, `${peak} MB`);
});
