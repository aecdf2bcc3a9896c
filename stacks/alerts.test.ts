import test from "ava";
import {
  firing,
  type LogEntry,
  type LogMetric,
  type PrometheusCondition,
  takes,
} from "../components/promql.testing.ts";
import type { Log } from "../runtime/log.ts";
import { serviceLog } from "../runtime/log.ts";
import { LOG_LINES, type LineOf } from "../runtime/services/logLines.ts";
import { runStack } from "./golden.ts";

const { registered } = await runStack("production");
const both = ["bids", "payloads"] as const;
type Service = (typeof both)[number];

const metrics = registered
  .filter(({ type }) => type === "gcp:logging/metric:Metric")
  .map(({ inputs }) => inputs as unknown as LogMetric);

interface Alert {
  readonly enabled: boolean;
  readonly documentation: { readonly content: string };
  readonly conditions: readonly {
    readonly conditionPrometheusQueryLanguage: PrometheusCondition & {
      readonly disableMetricValidation: boolean;
    };
  }[];
}

function alert(service: Service, noun: string, of = registered): Alert {
  const found = of.find(({ name }) => name === `${service}-alerts-${noun}`);
  if (!found) throw new Error(`no alert ${noun}`);
  return found.inputs as unknown as Alert;
}

const MINUTE = 60;
const NOW = 1_800_000_000;

/** What the service's own log makes of lines, as Cloud Logging then keeps them. */
function logged(service: Service, minutesAgo: number, write: (log: Log) => void): LogEntry[] {
  const lines: string[] = [];
  write(serviceLog("info", { write: (line: string) => void lines.push(line) }));
  return lines.map((line) => {
    const { severity, ...jsonPayload } = JSON.parse(line) as { severity: string };
    return {
      time: NOW - minutesAgo * MINUTE,
      severity,
      resource: {
        type: "cloud_run_revision",
        labels: { location: "us-central1", service_name: `mev-boost-etl-${service}-production` },
      },
      jsonPayload,
    };
  });
}

const quiet = {
  relays: 2,
  relays_failed: 0,
  load_rows: 9000,
  load_slots: 64,
  load_objects: 2,
  load_bytes: 1e6,
  load_waiting: 0,
  load_failed: 0,
  faults: 0,
};

/** The lines of one tick of two relays. */
function tick(
  service: Service,
  minutesAgo: number,
  {
    relay = {},
    line = {},
    level = "info",
  }: {
    relay?: Partial<LineOf<"relay">>;
    line?: Partial<LineOf<"tick">>;
    level?: "info" | "error" | "warn";
  } = {},
): LogEntry[] {
  return logged(service, minutesAgo, (log) => {
    const well: LineOf<"relay"> = {
      dataset: service,
      relay: "titan",
      covered: 32,
      missing: 0,
      unproven: 0,
      awaiting: 0,
      rows: 5000,
      refused: 0,
      quarantined: 0,
      reread: 0,
      reread_differing: 0,
      reread_rows_gained: 0,
      lag_slots: 20,
    };
    if (line.outcome !== "failed") {
      log.info(well, LOG_LINES.relay.message);
      log.info({ ...well, relay: "flashbots", ...relay }, LOG_LINES.relay.message);
    }
    log[level]({ dataset: service, outcome: "done", seconds: 12, ...quiet, ...line }, LOG_LINES.tick.message);
  });
}

/** Ticks every five minutes, the newest so many minutes ago. */
function ticks(
  service: Service,
  from: number,
  to: number,
  options: Parameters<typeof tick>[2] = {},
): LogEntry[] {
  const entries: LogEntry[] = [];
  for (let minutes = from; minutes >= to; minutes -= 5) entries.push(...tick(service, minutes, options));
  return entries;
}

/** The labels of what an alert finds wrong, of a stack that is so old. */
function fires(
  service: Service,
  noun: string,
  entries: readonly LogEntry[],
  { minutesAgo = 0, ageMinutes = 30 * 24 * 60 } = {},
): Record<string, string>[] {
  const now = NOW - minutesAgo * MINUTE;
  const found = alert(service, noun).conditions.flatMap(({ conditionPrometheusQueryLanguage: condition }) =>
    firing(condition, metrics, entries, { now, madeAt: now - ageMinutes * MINUTE }),
  );
  return found.map(({ labels }) => ({ ...labels }));
}

const nouns = ["no-tick", "behind", "relay-silent", "quarantine", "objects", "errors"];

test("each service has each alert, with what to do in its text, and none is refused before its metric has reported", (t) => {
  for (const service of both) {
    const own = registered.filter(({ name }) => name.startsWith(`${service}-alerts-`));
    t.deepEqual(own.map(({ name }) => name.replace(`${service}-alerts-`, "")).toSorted(), nouns.toSorted());
    for (const noun of nouns) {
      const { documentation, conditions, enabled } = alert(service, noun);
      t.true(enabled);
      t.regex(documentation.content, /\n1\. .+/, noun);
      for (const { conditionPrometheusQueryLanguage: asked } of conditions)
        t.true(asked.disableMetricValidation);
    }
  }
});

test("hours of ticks that go well wake nobody", (t) => {
  const entries = both.flatMap((service) => ticks(service, 8 * 60, 1));
  for (const service of both)
    for (const noun of nouns) t.deepEqual(fires(service, noun, entries), [], `${service} ${noun}`);
});

const cases: readonly {
  readonly what: string;
  readonly noun: string;
  readonly fire: (service: Service) => LogEntry[];
  readonly calm: (service: Service) => LogEntry[];
  readonly labels?: Record<string, string>;
}[] = [
  {
    what: "no tick ever",
    noun: "no-tick",
    fire: () => [],
    calm: (service) => tick(service, 29),
  },
  {
    what: "ticks that stopped half an hour ago",
    noun: "no-tick",
    // It must have been so for half an hour, in which each moment looks back on five minutes.
    fire: (service) => ticks(service, 120, 35),
    calm: (service) => ticks(service, 119, 34),
  },
  {
    what: "ticks that all fail",
    noun: "no-tick",
    fire: (service) => ticks(service, 120, 1, { line: { outcome: "failed" }, level: "error" }),
    calm: (service) => ticks(service, 120, 1, { line: { outcome: "out-of-time" } }),
  },
  {
    what: "one relay far behind",
    noun: "behind",
    fire: (service) => ticks(service, 60, 1, { relay: { lag_slots: 700 } }),
    calm: (service) => ticks(service, 60, 1, { relay: { lag_slots: 500 } }),
    labels: { relay: "flashbots" },
  },
  {
    what: "one relay far behind for half an hour",
    noun: "behind",
    fire: (service) => ticks(service, 35, 1, { relay: { lag_slots: 32_000 } }),
    calm: (service) => ticks(service, 25, 1, { relay: { lag_slots: 32_000 } }),
    labels: { relay: "flashbots" },
  },
  {
    what: "one relay of which nothing was covered for hours",
    noun: "relay-silent",
    fire: (service) => ticks(service, 6 * 60 + 5, 1, { relay: { covered: 0, rows: 0 } }),
    calm: (service) => [
      ...tick(service, 8 * 60),
      ...ticks(service, 6 * 60 + 5, 201, { relay: { covered: 0, rows: 0 } }),
      ...tick(service, 200),
      ...ticks(service, 195, 1, { relay: { covered: 0, rows: 0 } }),
    ],
    labels: { relay: "flashbots" },
  },
  {
    what: "rows that no table can hold",
    noun: "quarantine",
    fire: (service) => ticks(service, 59, 1, { relay: { quarantined: 200 } }),
    calm: (service) => ticks(service, 59, 1, { relay: { quarantined: 90 } }),
  },
  {
    what: "an object that can't be loaded",
    noun: "objects",
    fire: (service) => [...ticks(service, 59, 11), ...tick(service, 6, { line: { load_failed: 1 } })],
    calm: (service) => tick(service, 61, { line: { load_failed: 1 } }),
  },
  {
    what: "an object that can't be trusted",
    noun: "objects",
    fire: (service) => tick(service, 6, { line: { faults: 2 } }),
    calm: (service) => ticks(service, 59, 1, { line: { load_waiting: 100, relays_failed: 1 } }),
  },
  {
    what: "ticks that fail for want of a grant",
    noun: "errors",
    fire: (service) => ticks(service, 14, 1, { line: { outcome: "failed" }, level: "error" }),
    // In the first minutes of a service that is waited for, and said as a warning.
    calm: (service) => [
      ...ticks(service, 14, 1, { line: { outcome: "failed" }, level: "warn" }),
      ...logged(service, 3, (log) =>
        log.warn({ dataset: service, fault: "403" } satisfies LineOf<"access">, LOG_LINES.access.message),
      ),
    ],
  },
];

for (const { what, noun, fire, calm, labels } of cases) {
  test(`alert ${noun}: ${what} wakes someone, something less doesn't`, (t) => {
    for (const service of both) {
      const other = both.find((name) => name !== service) ?? service;
      const found = fires(service, noun, [...fire(service), ...ticks(other, 6 * 60, 1)]);
      t.is(found.length, 1, JSON.stringify(found));
      if (labels) t.deepEqual(found, [labels]);
      t.deepEqual(fires(service, noun, calm(service)), []);
      // The other service's trouble is the other alert's.
      if (noun !== "no-tick") t.deepEqual(fires(other, noun, fire(service)), []);
    }
  });
}

/** Every alert that fires in a stack's first minutes, once; its lines are so many minutes after it was made. */
function firstAlerts(
  minutes: number,
  lines: (service: Service, age: (minutes: number) => number) => LogEntry[],
) {
  const found = new Map<string, number>();
  const entries = both.flatMap((service) => lines(service, (age) => minutes - age));
  for (const service of both)
    for (const noun of nouns)
      for (let age = 0; age <= minutes && !found.has(`${service} ${noun}`); age++) {
        const before = entries.filter(({ time }) => time <= NOW - (minutes - age) * MINUTE);
        if (fires(service, noun, before, { minutesAgo: minutes - age, ageMinutes: age }).length > 0)
          found.set(`${service} ${noun}`, age);
      }
  return Object.fromEntries(found);
}

test("a stack that has just been made wakes nobody, until its first tick is late by the whole time", (t) => {
  t.deepEqual(
    firstAlerts(45, () => []),
    { "bids no-tick": 30, "payloads no-tick": 30 },
  );
  t.deepEqual(
    firstAlerts(45, (service, age) => ticks(service, age(25), age(45))),
    {},
  );
});

test("a young stack whose first ticks cover nothing of a relay wakes nobody before its time", (t) => {
  const empty = { relay: { covered: 0, rows: 0, lag_slots: 32_000, missing: 32_000 } };
  // One tick after which all is well, and one relay that stays empty.
  t.deepEqual(
    firstAlerts(100, (service, age) => [
      ...tick(service, age(5), empty),
      ...ticks(service, age(10), age(100)),
    ]),
    {},
  );
  t.deepEqual(
    firstAlerts(6 * 60 + 10, (service, age) => ticks(service, age(5), age(6 * 60 + 10), empty)),
    {
      "bids behind": 35,
      "payloads behind": 35,
      "bids relay-silent": 6 * 60 + 5,
      "payloads relay-silent": 6 * 60 + 5,
    },
  );
});

test("a metric counts the lines of its stack's services and no others", (t) => {
  const entries = tick("bids", 1);
  for (const { filter } of metrics.filter(({ name }) => name.includes("_tick_")))
    t.is(entries.filter((entry) => takes(filter, entry)).length, 1);
  const elsewhere = entries.map((entry) => ({
    ...entry,
    resource: {
      ...entry.resource,
      labels: { ...entry.resource.labels, service_name: "mev-boost-etl-bids-test" },
    },
  }));
  for (const { filter } of metrics) t.false(elsewhere.some((entry) => takes(filter, entry)));
});

test("every field that a metric reads stands in the lines that it counts", (t) => {
  const entries = both.flatMap((service) => tick(service, 1));
  for (const metric of metrics.filter(({ labelExtractors }) => labelExtractors)) {
    const taken = entries.filter((entry) => takes(metric.filter, entry));
    t.true(taken.length > 0, metric.name);
    const reads = [...Object.values(metric.labelExtractors ?? {}), metric.valueExtractor].flatMap(
      (extractor) => /^EXTRACT\(jsonPayload\.(\w+)\)$/.exec(extractor ?? "")?.[1] ?? [],
    );
    for (const { jsonPayload } of taken) for (const field of reads) t.true(field in jsonPayload, field);
  }
});

test("while the scheduler is paused its silence is right", async (t) => {
  const paused = (await runStack("test")).registered;
  for (const service of both) {
    t.false(alert(service, "no-tick", paused).enabled);
    for (const noun of nouns.slice(1)) t.true(alert(service, noun, paused).enabled);
  }
});
