import { readFile } from "node:fs/promises";
import test from "ava";
import { parse } from "yaml";
import { alertsFile, prometheusRules } from "../../deploy/vm/alerts.ts";
import { FollowMetrics } from "../../runtime/cli/followMetrics.ts";

test("deploy/vm/alerts.yml is what npm run alerts writes", async (t) => {
  t.is(await readFile(alertsFile, "utf8"), prometheusRules());
});

test("each rule of alerts.yml asks of series that run --follow serves, with labels that they have, and says what to do", async (t) => {
  const metrics = new FollowMetrics();
  const coverage = {
    network: "simulated-1",
    state: "active",
    first_slot: 1,
    last_slot: 8,
    slots: 8,
    covered: 8,
    missing: 0,
    unproven: 0,
    unavailable: 0,
    imported: 0,
    suspect: 0,
    awaiting: 0,
    rows: 9,
    quarantined: 0,
    pruned: 0,
    missing_ranges: [],
    reread: { slots: 0, differing: 0, rows_gained: 0 },
  } as const;
  const counts = { covered: 8, missing: 0, unproven: 0, awaiting: 0, rows: 9, quarantined: 0 };
  const both = ["bids", "payloads"] as const;
  metrics.add({
    outcome: "done",
    seconds: 1,
    range: { first: 1, last: 8 },
    counts: {
      relays_failed: 0,
      load_rows: 18,
      load_slots: 16,
      load_objects: 2,
      load_bytes: 1,
      load_waiting: 0,
      load_failed: 0,
      faults: 0,
    },
    relays: both.map((dataset) => ({
      dataset,
      relay: "lapwing",
      ...counts,
      answers_kernel: 0,
      answers_fallback: 0,
      reread: 0,
      reread_differing: 0,
      reread_rows_gained: 0,
      lag_slots: 0,
    })),
    coverage: both.map((dataset) => ({ dataset, relay: "lapwing", ...coverage })),
    refused: new Map([["lapwing", 0]]),
    freeBytes: { lake: 1 },
    fault: undefined,
    unanswered: [],
    faults: [],
  });
  const { body } = await metrics.text();
  const served = new Map<string, Set<string>>();
  for (const [, name = "", labels = ""] of body.matchAll(/^(mev_\w+)(?:\{(.*)\})? \S+$/gm))
    served.set(name, new Set(Array.from(labels.matchAll(/(\w+)="/g), ([, label = ""]) => label)));
  const { groups } = parse(prometheusRules()) as {
    groups: {
      rules: { alert: string; expr: string; annotations: { summary: string; description: string } }[];
    }[];
  };
  const rules = groups.flatMap((group) => group.rules);
  t.is(rules.length, 10);
  for (const { alert, expr, annotations } of rules) {
    const asked = [...expr.matchAll(/(mev_\w+)(?:\{([^}]*)\})?/g)];
    t.true(asked.length > 0, alert);
    for (const [, name = "", labels = ""] of asked) {
      t.true(served.has(name), `${alert} asks of ${name}`);
      for (const [, label = ""] of labels.matchAll(/(\w+)=~?"/g))
        t.true(served.get(name)?.has(label), `${alert}: ${name} has no label ${label}`);
    }
    t.true(annotations.description.length > 80, alert);
    t.notRegex(annotations.description, /gcloud|pulumi|Cloud/i, `${alert} is on a VM`);
  }
});
