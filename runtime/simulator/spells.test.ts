import test from "ava";
import fc from "fast-check";
import { type AuctionDataset, AUCTION } from "../datasets/dataset.ts";
import { otherProfiles, otherRelays, profiles, simulatedRelays } from "./directory.ts";
import { FAULT_PLANS, type FaultPlan, without } from "./faults.ts";
import type { Simulator, SimulatorOptions } from "./server.ts";
import { HEAD, clockAt, fetchRaw, path, rowsIn, answeredSlots, withSimulator } from "./simulator.testing.ts";
import { SPELLS_END_MS, spellsOf } from "./spellDraw.ts";
import { SPELLS, type Spell } from "./spells.ts";
import { SimulatedData } from "./truth.ts";
import { World } from "./world.ts";

const MINUTE = 60_000;

/** A plan in which nothing is wrong but some spells of one relay. */
function spellsOn(
  relay: string,
  ...spells: readonly Spell[]
): { readonly faults: FaultPlan; readonly scale: number } {
  return { faults: { rates: {}, spells: { [relay]: spells } }, scale: 0.1 };
}

/** The newest slots down from one of which the truth has rows. */
function slotsWith(
  sim: Simulator,
  relay: string,
  dataset: AuctionDataset,
  below: number,
  count: number,
): number[] {
  const slots: number[] = [];
  for (let slot = below; slots.length < count; slot--)
    if (sim.truth[dataset](relay, slot).length > 0) slots.push(slot);
  return slots;
}

/** How many rows a question for a slot brings. */
async function count(sim: Simulator, relay: string, dataset: AuctionDataset, slot: number): Promise<number> {
  return (await rowsIn(sim, relay, dataset, `slot=${slot}`)).length;
}

/** Asserts that a relay answers all or nothing of some slots. */
function shows(
  t: { is(a: number, b: number, why: string): unknown },
  sim: Simulator,
  relay: string,
  dataset: AuctionDataset,
) {
  return async (slots: readonly number[], isShown: boolean) => {
    for (const slot of slots) {
      const right = isShown ? sim.truth[dataset](relay, slot).length : 0;
      t.is(await count(sim, relay, dataset, slot), right, `${relay} ${dataset} ${slot}`);
    }
  };
}

test("a relay that is starting or restarts has no bids of any slot until it is over, payloads only where that is not asked for", async (t) => {
  for (const relay of ["swift", "osprey", "heron"]) {
    const spells: Spell[] = [
      { kind: "starting", until: 30_000 },
      { kind: "restart", from: 60_000, until: 70_000, payloads: true },
    ];
    await withSimulator(spellsOn(relay, ...spells), async (sim, clock) => {
      const bids = slotsWith(sim, relay, "bids", HEAD - 60, 3);
      const payloads = slotsWith(sim, relay, "payloads", HEAD - 60, 3);
      const showsBids = shows(t, sim, relay, "bids");
      const showsPayloads = shows(t, sim, relay, "payloads");
      await showsBids(bids, false);
      await showsPayloads(payloads, true);
      t.deepEqual(await rowsIn(sim, relay, "bids", `block_number=18500100`), [], "whatever is asked");
      t.is(
        (await fetchRaw(path(sim, relay, "bids", "slot=x"))).status,
        400,
        "bad questions are refused as ever",
      );
      clock.advance(29_999);
      await showsBids(bids, false);
      clock.advance(1);
      await showsBids(bids, true);
      clock.advance(30_000);
      await showsBids(bids, false);
      await showsPayloads(payloads, false);
      t.deepEqual(await rowsIn(sim, relay, "payloads", "limit=100"), []);
      clock.advance(10_000);
      await showsBids(bids, true);
      await showsPayloads(payloads, true);
    });
  }
});

test("a head that stands still shows nothing newer, while the clock goes on, until it catches up", async (t) => {
  const stuck: Spell = { kind: "head-stuck", behind: 78, until: 60 * MINUTE };
  await withSimulator(spellsOn("swift", stuck), async (sim, clock) => {
    const border = HEAD - 78;
    const newer = slotsWith(sim, "swift", "bids", HEAD - 50, 20).filter((slot) => slot > border);
    const older = slotsWith(sim, "swift", "bids", border, 3);
    t.true(newer.length > 10);
    for (const minutes of [0, 30]) {
      clock.advance(minutes * MINUTE);
      await shows(t, sim, "swift", "bids")(newer, false);
      await shows(t, sim, "swift", "bids")(older, true);
      for (const query of ["limit=100", `cursor=${HEAD}&limit=100`]) {
        const [newest = 0] = answeredSlots(await rowsIn(sim, "swift", "payloads", query));
        t.deepEqual([newest], slotsWith(sim, "swift", "payloads", border, 1), query);
      }
    }
    clock.advance(30 * MINUTE);
    await shows(t, sim, "swift", "bids")(newer, true);
    const [newest = 0] = answeredSlots(await rowsIn(sim, "swift", "payloads", "limit=1"));
    t.true(newest > HEAD, String(newest));
  });
});

test("a cursor that excludes begins below its slot, of the one relay alone", async (t) => {
  await withSimulator(spellsOn("heron", { kind: "exclusive-cursor" }), async (sim) => {
    const [slot = 0, next = 0] = slotsWith(sim, "heron", "payloads", HEAD - 60, 2);
    t.is(answeredSlots(await rowsIn(sim, "heron", "payloads", `cursor=${slot}&limit=5`))[0], next);
    t.is(answeredSlots(await rowsIn(sim, "heron", "payloads", `cursor=${slot + 1}&limit=5`))[0], slot);
    t.is(answeredSlots(await rowsIn(sim, "heron", "payloads", `slot=${slot}`))[0], slot);
    t.is(
      answeredSlots(await rowsIn(sim, "swift", "payloads", `cursor=${slot}&limit=100`))[0],
      slotsWith(sim, "swift", "payloads", slot, 1)[0],
    );
  });
});

test("payloads that pages leave out are the same on every page, and shown by slot", async (t) => {
  await withSimulator(spellsOn("heron", { kind: "page-hole", share: 0.2 }), async (sim) => {
    const delivered = slotsWith(sim, "heron", "payloads", HEAD - 60, 60);
    const first = delivered[0] ?? 0;
    const last = delivered.at(-1) ?? 0;
    const paged = async (cursor: number) =>
      answeredSlots(await rowsIn(sim, "heron", "payloads", `cursor=${cursor}&limit=200`)).filter(
        (slot) => slot <= first && slot >= last,
      );
    const found = new Set(await paged(first));
    const left = delivered.filter((slot) => !found.has(slot));
    t.true(left.length > 3 && left.length < 25, `${left.length} of 60 are left out`);
    t.deepEqual(new Set(await paged(first + 40)), found);
    await shows(t, sim, "heron", "payloads")(left, true);
  });
});

test("a relay that always cuts shows the same bids each time, and fewer than the truth", async (t) => {
  for (const keeps of ["newest", "oldest"] as const) {
    await withSimulator(spellsOn("lapwing", { kind: "always-cut", rows: 9, keeps }), async (sim) => {
      const [slot = 0] = slotsWith(sim, "lapwing", "bids", HEAD - 60, 1);
      const hashes = sim.truth.bids("lapwing", slot).map(({ block }) => block.hash);
      const asked = async () =>
        (await rowsIn(sim, "lapwing", "bids", `slot=${slot}`)).map((row) =>
          String(row["block_hash"]).toLowerCase(),
        );
      const kept = (keeps === "oldest" ? hashes.slice(0, 9) : hashes.slice(-9)).toSorted();
      for (let turn = 0; turn < 3; turn++) t.deepEqual((await asked()).toSorted(), kept);
      t.true(hashes.length > 9);
    });
  }
});

test("answers are dated by the simulation's clock; a clock that is off moves the date and the head", async (t) => {
  const dateOf = async (sim: Simulator, relay: string, query: string) =>
    Date.parse(String((await fetchRaw(path(sim, relay, "bids", query))).headers.date));
  for (const ms of [-60 * MINUTE, 10 * MINUTE]) {
    await withSimulator(
      spellsOn("swift", { kind: "clock-skew", ms, until: 5 * MINUTE }),
      async (sim, clock) => {
        for (const query of [`slot=${HEAD - 60}`, "slot=x", "cursor=1"])
          t.is(await dateOf(sim, "heron", query), clock.now(), query);
        t.is(Date.parse(String((await fetchRaw(sim.url)).headers.date)), clock.now());
        for (const query of [`slot=${HEAD - 60}`, "slot=x"])
          t.is(await dateOf(sim, "swift", query), clock.now() + ms, query);
        const head = HEAD + ms / 12_000;
        const [newest = 0] = answeredSlots(await rowsIn(sim, "swift", "payloads", "limit=1"));
        t.true(newest <= head && newest > head - 100, `${newest} is the newest below ${head}`);
        t.is(newest > HEAD, ms > 0, "what is not there yet by our clock is shown by one that is ahead");
        if (ms < 0)
          await shows(t, sim, "swift", "bids")(slotsWith(sim, "swift", "bids", HEAD - 50, 5), false);
        clock.advance(5 * MINUTE);
        t.is(await dateOf(sim, "swift", `slot=${HEAD - 60}`), clock.now());
        await shows(t, sim, "swift", "bids")(slotsWith(sim, "swift", "bids", HEAD - 50, 5), true);
      },
    );
  }
});

test("of two replicas behind one name one lags, and which of them answers is drawn for each ask", async (t) => {
  const asked = async (): Promise<number[]> => {
    const counts: number[] = [];
    await withSimulator(spellsOn("heron", { kind: "replicas", behind: 100, share: 0.5 }), async (sim) => {
      const [slot = 0] = slotsWith(sim, "heron", "bids", HEAD - 60, 1);
      const [older = 0] = slotsWith(sim, "heron", "bids", HEAD - 100, 1);
      for (let turn = 0; turn < 30; turn++) counts.push(await count(sim, "heron", "bids", slot));
      for (let turn = 0; turn < 5; turn++) await shows(t, sim, "heron", "bids")([older], true);
      t.deepEqual(
        [...new Set(counts)].toSorted((a, b) => a - b),
        [0, sim.truth.bids("heron", slot).length],
      );
    });
    return counts;
  };
  const once = await asked();
  const lagged = once.filter((rows) => rows === 0).length;
  t.true(lagged > 5 && lagged < 25, `${lagged} of 30`);
  t.deepEqual(await asked(), once, "the same seed draws the same");
});

test("a crash loop goes from starting to up to down, and round again", async (t) => {
  const loop: Spell = { kind: "crash-loop", upMs: 5_000, downMs: 3_000, startingMs: 1_000, until: 40_000 };
  await withSimulator(spellsOn("swift", loop), async (sim, clock) => {
    const [slot = 0] = slotsWith(sim, "swift", "bids", HEAD - 60, 1);
    const right = sim.truth.bids("swift", slot).length;
    const at = async () => {
      const { status, body } = await fetchRaw(path(sim, "swift", "bids", `slot=${slot}`));
      return status === 0 ? "down" : (JSON.parse(body.toString()) as unknown[]).length;
    };
    const seen: (number | string)[] = [];
    for (let second = 0; second < 16; second++, clock.advance(1_000)) seen.push(await at());
    const round = [0, right, right, right, right, "down", "down", "down"];
    t.deepEqual(seen, [...round, ...round]);
    t.is(sim.requests.filter(({ fault }) => fault === "down").length, 6);
    clock.advance(24_000);
    for (let second = 0; second < 8; second++, clock.advance(1_000)) t.is(await at(), right);
  });
});

test("a CDN in front serves rows with their age while the relay behind has nothing", async (t) => {
  const spells: Spell[] = [
    { kind: "cached-witness", keepsMs: 5 * MINUTE },
    { kind: "restart", from: MINUTE, until: 10 * MINUTE },
  ];
  await withSimulator(spellsOn("osprey", ...spells), async (sim, clock) => {
    const [known = 0, other = 0] = slotsWith(sim, "osprey", "bids", HEAD - 60, 2);
    const ask = async (slot: number) => {
      const { headers, body } = await fetchRaw(path(sim, "osprey", "bids", `slot=${slot}`));
      return {
        age: headers.age,
        date: Date.parse(String(headers.date)),
        rows: (JSON.parse(body.toString()) as unknown[]).length,
      };
    };
    const right = sim.truth.bids("osprey", known).length;
    const start = clock.now();
    t.deepEqual(
      await ask(known),
      { age: undefined, date: start, rows: right },
      "the first answer is the relay's",
    );
    clock.advance(90_000);
    t.deepEqual(await ask(known), { age: "90", date: start, rows: right });
    t.deepEqual(await ask(other), { age: undefined, date: clock.now(), rows: 0 }, "[] is not kept");
    clock.advance(1_000);
    t.deepEqual(await ask(other), { age: undefined, date: clock.now(), rows: 0 }, "nor served again");
    clock.advance(5 * MINUTE - 91_000);
    t.deepEqual(
      await ask(known),
      { age: undefined, date: clock.now(), rows: 0 },
      "it keeps nothing for longer",
    );
    clock.advance(5 * MINUTE);
    t.is((await ask(known)).rows, right);
  });
});

test("a page limit that falls is named in the refusal of a larger one", async (t) => {
  const refusals = {
    heron: "maximum limit is 50",
    osprey: "maximum limit is 50",
    dunlin: "limit is higher than 50",
  };
  for (const [relay, message] of Object.entries(refusals)) {
    await withSimulator(
      spellsOn(relay, { kind: "lower-limit", limit: 50, from: MINUTE }),
      async (sim, clock) => {
        const ask = (query: string) => fetchRaw(path(sim, relay, "payloads", query));
        t.is((await ask(`cursor=${HEAD}&limit=100`)).status, 200);
        clock.advance(MINUTE);
        const refused = await ask(`cursor=${HEAD}&limit=100`);
        t.is(refused.status, 400);
        t.true(refused.body.toString().includes(message), refused.body.toString());
        for (const query of [`cursor=${HEAD}&limit=50`, `cursor=${HEAD}`])
          t.true((JSON.parse((await ask(query)).body.toString()) as unknown[]).length <= 50);
      },
    );
  }
});

test("a poisoned slot fails each time, its neighbours and the pages do not", async (t) => {
  await withSimulator(spellsOn("heron", { kind: "poisoned", slot: HEAD - 60 }), async (sim) => {
    for (const dataset of AUCTION) {
      for (let turn = 0; turn < 5; turn++)
        t.is((await fetchRaw(path(sim, "heron", dataset, `slot=${HEAD - 60}`))).status, 500);
      t.is((await fetchRaw(path(sim, "heron", dataset, `slot=${HEAD - 61}`))).status, 200);
    }
    t.is((await fetchRaw(path(sim, "heron", "payloads", `cursor=${HEAD - 60}&limit=100`))).status, 200);
  });
});

test("what strikes always strikes every ask of the relay, and a parked domain every path", async (t) => {
  for (const [fault, status] of [
    ["500-html", 500],
    ["403", 403],
    ["parked", 200],
  ] as const) {
    await withSimulator(spellsOn("heron", { kind: "always", fault, until: MINUTE }), async (sim, clock) => {
      const urls = [
        path(sim, "heron", "bids", `slot=${HEAD - 60}`),
        path(sim, "heron", "payloads", "limit=1"),
        `${sim.url}/heron/`,
      ];
      for (const url of [...urls, ...urls, ...urls]) {
        const got = await fetchRaw(url);
        t.is(got.status, status);
        t.true(got.body.toString().startsWith("<html>"));
      }
      t.true(sim.requests.every((asked) => asked.fault === fault));
      t.is(
        (await fetchRaw(path(sim, "swift", "payloads", "limit=1"))).headers["content-type"],
        "application/json",
      );
      clock.advance(MINUTE);
      await shows(t, sim, "heron", "bids")([HEAD - 60], true);
    });
  }
});

test("relays that say 404 or null for nothing do so only where there is nothing", async (t) => {
  for (const [fault, status, text] of [
    ["404-empty", 404, '{"code":404,"message":"nothing for this slot"}\n'],
    ["null-empty", 200, "null\n"],
  ] as const) {
    await withSimulator(spellsOn("wren", { kind: "always", fault }), async (sim) => {
      let empties = 0;
      for (let slot = HEAD - 60; slot > HEAD - 90; slot--) {
        if (sim.truth.bids("wren", slot).length > 0) {
          await shows(t, sim, "wren", "bids")([slot], true);
          continue;
        }
        const got = await fetchRaw(path(sim, "wren", "bids", `slot=${slot}`));
        t.deepEqual(
          [got.status, got.body.toString(), got.headers["content-type"]],
          [status, text, "application/json"],
        );
        empties++;
      }
      t.true(empties > 1);
      t.is(
        sim.requests.filter((asked) => asked.fault === fault).length,
        empties,
        "told only where it struck",
      );
    });
  }
});

test("an error object comes as the only element or behind sound rows", async (t) => {
  await withSimulator(spellsOn("heron", { kind: "always", fault: "error-row" }), async (sim) => {
    const lengths = new Set<boolean>();
    for (const slot of slotsWith(sim, "heron", "bids", HEAD - 60, 12)) {
      const rows = await rowsIn(sim, "heron", "bids", `slot=${slot}`);
      t.deepEqual(rows.at(-1), { code: 500, message: "context deadline exceeded" });
      t.true(rows.length === 1 || rows.length === sim.truth.bids("heron", slot).length + 1);
      lengths.add(rows.length === 1);
    }
    t.is(lengths.size, 2);
  });
});

test("Freelay deletes old bids and keeps the payloads: right below the border it answers [] though it delivered", async (t) => {
  const clock = clockAt();
  const data = new SimulatedData({ seed: 1, clock, scale: 0.1 });
  let border = HEAD - 1_000;
  while (data.payloads("lapwing", border - 1).length === 0 || data.bids("lapwing", border).length === 0)
    border++;
  const options: Partial<SimulatorOptions>[] = [
    { bidsFrom: { lapwing: border } },
    { keepsSlots: { lapwing: 1_000 } },
  ];
  for (const option of options) {
    await withSimulator({ scale: 0.1, ...option }, async (sim) => {
      const horizon = sim.truth.horizon("lapwing", "bids") ?? 0;
      await shows(t, sim, "lapwing", "bids")([horizon], true);
      const below = Array.from({ length: 10 }, (_, i) => horizon - 1 - i);
      t.true(
        below.filter((slot) => sim.truth.bids("lapwing", slot).length > 0).length > 5,
        "the truth stays",
      );
      await shows(t, sim, "lapwing", "bids")(below, false);
      if (!option.bidsFrom) return;
      t.is(horizon, border);
      await shows(t, sim, "lapwing", "payloads")([border - 1], true);
      t.true((sim.truth.horizon("lapwing", "payloads") ?? HEAD) < 1_000);
    });
  }
});

test("Freelay cuts a slot at its limit, and shows the same bids each time, in any order", async (t) => {
  await withSimulator({ scale: 5 }, async (sim) => {
    const slot =
      slotsWith(sim, "lapwing", "bids", HEAD - 60, 20).find(
        (s) => sim.truth.bids("lapwing", s).length > 500,
      ) ?? 0;
    const ask = async () =>
      (await rowsIn(sim, "lapwing", "bids", `slot=${slot}&turn=${turn++}`)).map((row) =>
        String(row["block_hash"]),
      );
    let turn = 0;
    const once = await ask();
    const again = await ask();
    t.is(once.length, 500);
    t.deepEqual(once.toSorted(), again.toSorted());
  });
});

test("a page without a cursor may hold the oldest payloads, newest first", async (t) => {
  const options = { ...spellsOn("lapwing", { kind: "oldest-page" }), keepsSlots: { lapwing: 3_000 } };
  await withSimulator(options, async (sim) => {
    const oldest = sim.truth.horizon("lapwing", "payloads") ?? 0;
    t.deepEqual(answeredSlots(await rowsIn(sim, "lapwing", "payloads", "limit=1")), [oldest]);
    const page = answeredSlots(await rowsIn(sim, "lapwing", "payloads", "limit=20"));
    t.is(page.length, 20);
    t.is(page.at(-1), oldest);
    t.true(page.every((slot, i) => i === 0 || slot <= (page[i - 1] ?? 0)));
    const [newest = 0] = answeredSlots(await rowsIn(sim, "lapwing", "payloads", `cursor=${HEAD}&limit=1`));
    t.deepEqual([newest], slotsWith(sim, "lapwing", "payloads", HEAD, 1), "with a cursor it is as elsewhere");
  });
});

test("relays beside the directory: one has bids in a slot of twenty, one nothing for a day, one nothing at all", async (t) => {
  await withSimulator({ scale: 0.1 }, async (sim, clock) => {
    t.deepEqual(
      sim.others.map(({ name }) => name),
      ["sparse", "quiet", "never"],
    );
    const slots = Array.from({ length: 2_000 }, (_, i) => HEAD - 60 - i);
    const share = (relay: string, dataset: AuctionDataset, from: readonly number[]) =>
      from.filter((slot) => sim.truth[dataset](relay, slot).length > 0).length / from.length;
    const sparse = share("sparse", "bids", slots);
    t.true(sparse > 0.035 && sparse < 0.065, `bids in ${sparse} of the slots`);
    t.true(share("sparse", "payloads", slots) > 0.005);

    const before = slots.map((slot) => slot - 7_200);
    t.is(share("quiet", "bids", slots) + share("quiet", "payloads", slots), 0);
    t.true(share("quiet", "bids", before) > 0.9 && share("quiet", "payloads", before) > 0.01);
    t.is(
      share("never", "bids", slots) + share("never", "bids", before) + share("never", "payloads", before),
      0,
    );
    t.is(sim.truth.horizon("never", "bids"), undefined);
    for (const { name } of sim.others) {
      const with_ = slotsWith.bind(undefined, sim, name);
      const shown = name === "never" ? [HEAD - 60, HEAD - 9_000] : with_("bids", HEAD - 60, 2);
      await shows(t, sim, name, "bids")([...shown, HEAD - 60], true);
      const newest = name === "never" ? undefined : with_("payloads", HEAD, 1)[0];
      t.is(answeredSlots(await rowsIn(sim, name, "payloads", "limit=1"))[0], newest, name);
    }
    t.true((await rowsIn(sim, "quiet", "bids", "slot=-1")).length > 0, "its newest are old");
    clock.advance(1_000 * 12_000);
    await shows(t, sim, "quiet", "bids")(slots.slice(0, 3), true);
    t.is(share("quiet", "bids", slots), 0, "what was quiet stays so while the clock goes on");
  });
});

test("spells are drawn from the seed, every kind of them, and are over within the hour", (t) => {
  const relays = ["heron", "swift"];
  const drawn = (plan: FaultPlan, seed: number) => [...spellsOf(plan, relays, HEAD, [seed]).values()].flat();
  const seen = new Set<string>();
  for (let seed = 0; seed < 100; seed++) {
    const spells = drawn(FAULT_PLANS.all, seed);
    t.deepEqual(spells, drawn(FAULT_PLANS.all, seed));
    for (const { kind, from = 0, until = Infinity } of spells) {
      seen.add(kind);
      t.true(from < until && until <= SPELLS_END_MS, kind);
      if (kind === "restart") t.true(until - from >= 3_000 && until - from <= 90_000);
    }
  }
  t.deepEqual([...seen].toSorted(), [...SPELLS].toSorted());
  const less = without(
    { ...FAULT_PLANS.all, spells: { "*": [{ kind: "exclusive-cursor" }] } },
    "restart",
    "exclusive-cursor",
  );
  for (let seed = 0; seed < 100; seed++)
    t.false(drawn(less, seed).some(({ kind }) => kind === "exclusive-cursor"));
  for (const plan of ["none", "mild", "harsh"] as const) t.deepEqual(drawn(FAULT_PLANS[plan], 1), []);
  t.throws(() => drawn({ rates: {}, spells: { hern: [{ kind: "restart" }] } }, 1), {
    message: "No simulated relay is called hern: there are heron, swift.",
  });
  t.is(drawn({ rates: {}, spells: { "*": [{ kind: "restart" }] } }, 1).length, 2, "with every relay");
});

test("whatever spells a relay was under, it answers with the truth once they are over", async (t) => {
  const everything: FaultPlan = {
    rates: {},
    spellRates: Object.fromEntries(SPELLS.map((kind) => [kind, 0.5])),
  };
  const relays = ["heron", "osprey", "swift", "dunlin", "lapwing"];
  const moments = fc.array(fc.integer({ min: 0, max: 8 * MINUTE }), { minLength: 3, maxLength: 3 });
  let changed = 0;
  await fc.assert(
    fc.asyncProperty(fc.nat(), moments, async (seed, waits) => {
      await withSimulator({ seed, faults: everything, scale: 0.02 }, async (sim, clock) => {
        const questions = relays.flatMap((relay) =>
          AUCTION.map((dataset) => ({
            relay,
            dataset,
            slot: slotsWith(sim, relay, dataset, HEAD - 60, 1)[0] ?? 0,
          })),
        );
        const answers = async () => {
          const rows: (number | undefined)[] = [];
          for (const { relay, dataset, slot } of questions) {
            const { status, body } = await fetchRaw(path(sim, relay, dataset, `slot=${slot}`));
            const isList = status === 200 && body.toString().startsWith("[{");
            rows.push(isList ? (JSON.parse(body.toString()) as unknown[]).length : undefined);
          }
          return rows;
        };
        const right = questions.map(({ relay, dataset, slot }) => sim.truth[dataset](relay, slot).length);
        for (const wait of waits) {
          clock.advance(wait);
          changed += (await answers()).filter((rows, i) => rows !== right[i]).length;
        }
        clock.advance(SPELLS_END_MS);
        t.deepEqual(await answers(), right);
      });
    }),
    { numRuns: 15 },
  );
  t.true(changed > 30, `${changed} answers were changed`);
});

test("relays beside the directory change nothing of what those in it deliver", (t) => {
  const inside = profiles(1);
  const alone = new World(1, inside, []);
  const together = new World(1, inside, otherProfiles(1));
  let more = 0;
  for (let slot = HEAD; slot > HEAD - 2_000; slot--) {
    const delivered = [...together.fate(slot).deliverers];
    const before = delivered.filter((index) => index < inside.length);
    t.deepEqual(before, [...alone.fate(slot).deliverers]);
    more += delivered.length - before.length;
  }
  t.true(more > 20, `${more} more`);
  t.false(simulatedRelays(1).some(({ name }) => otherRelays(1).some((other) => other.name === name)));
});
