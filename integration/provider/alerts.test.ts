import test, { type ExecutionContext } from "ava";
import type { LogEntry } from "../../components/logMetrics.testing.ts";
import { LOG_LINES, type LineOf } from "../../runtime/services/logLines.ts";
import { runStack } from "../../stacks/golden.ts";
import { bothServices, logged, manyTicks, oneTick, type TickedService } from "../../stacks/logged.testing.ts";
import { type RuleCase, testRules } from "../promtool.ts";
import { rulesOf } from "./alertRuleFile.ts";

const { rules, series } = rulesOf((await runStack("production")).registered);

const nouns = ["no-tick", "behind", "relay-silent", "quarantine", "objects", "errors"];
const named = (service: TickedService, noun: string) => `${service}-alerts-${noun}`;

/** Minutes after the stack was made at which the cases look; longer than any alert looks back. */
const NOW = 9 * 60;
const ago = (minutes: number): number => NOW - minutes;

/** What fires now of one alert, after lines. */
function fires(
  name: string,
  lines: readonly LogEntry[],
  firing: readonly Record<string, string>[],
  alert: string,
): RuleCase {
  const labelled = firing.map((labels) => ({ alertname: alert, ...labels }));
  return {
    name,
    series: series(lines, { minutes: NOW }),
    expected: [{ minute: NOW, alert, firing: labelled }],
  };
}

test("hours of ticks that go well wake nobody", async (t) => {
  const lines = bothServices.flatMap((service) => manyTicks(service, ago(8 * 60), ago(1)));
  // Before the first one there was none for an hour.
  const minutes = Array.from({ length: 8 * 60 }, (_, minute) => ago(minute));
  const expected = minutes.map((minute) => ({ minute, firing: [] }));
  t.is(await testRules(rules(), [{ name: "well", series: series(lines, { minutes: NOW }), expected }]), "");
});

const cases: readonly {
  readonly what: string;
  readonly noun: string;
  readonly fire: (service: TickedService) => LogEntry[];
  readonly calm: (service: TickedService) => LogEntry[];
  readonly labels?: Record<string, string>;
}[] = [
  {
    what: "no tick ever",
    noun: "no-tick",
    fire: () => [],
    calm: (service) => oneTick(service, ago(29)),
  },
  {
    what: "ticks that stopped half an hour ago",
    noun: "no-tick",
    // It must have been so for half an hour, in which each moment looks back on five minutes.
    fire: (service) => manyTicks(service, ago(120), ago(35)),
    calm: (service) => manyTicks(service, ago(119), ago(34)),
  },
  {
    what: "ticks that all fail",
    noun: "no-tick",
    fire: (service) => manyTicks(service, ago(120), ago(1), { line: { outcome: "failed" }, level: "error" }),
    calm: (service) => manyTicks(service, ago(120), ago(1), { line: { outcome: "out-of-time" } }),
  },
  {
    what: "one relay far behind",
    noun: "behind",
    fire: (service) => manyTicks(service, ago(60), ago(1), { relay: { lag_slots: 700 } }),
    calm: (service) => manyTicks(service, ago(60), ago(1), { relay: { lag_slots: 500 } }),
    labels: { relay: "flashbots" },
  },
  {
    what: "one relay far behind for half an hour",
    noun: "behind",
    fire: (service) => manyTicks(service, ago(35), ago(1), { relay: { lag_slots: 32_000 } }),
    calm: (service) => manyTicks(service, ago(25), ago(1), { relay: { lag_slots: 32_000 } }),
    labels: { relay: "flashbots" },
  },
  {
    what: "one relay of which nothing was covered for hours",
    noun: "relay-silent",
    fire: (service) => manyTicks(service, ago(6 * 60 + 5), ago(1), { relay: { covered: 0, rows: 0 } }),
    calm: (service) => [
      ...oneTick(service, ago(8 * 60)),
      ...manyTicks(service, ago(6 * 60 + 5), ago(201), { relay: { covered: 0, rows: 0 } }),
      ...oneTick(service, ago(200)),
      ...manyTicks(service, ago(195), ago(1), { relay: { covered: 0, rows: 0 } }),
    ],
    labels: { relay: "flashbots" },
  },
  {
    what: "rows that no table can hold",
    noun: "quarantine",
    fire: (service) => manyTicks(service, ago(59), ago(1), { relay: { quarantined: 200 } }),
    calm: (service) => manyTicks(service, ago(59), ago(1), { relay: { quarantined: 90 } }),
  },
  {
    what: "an object that can't be loaded",
    noun: "objects",
    fire: (service) => [
      ...manyTicks(service, ago(59), ago(11)),
      ...oneTick(service, ago(6), { line: { load_failed: 1 } }),
    ],
    calm: (service) => oneTick(service, ago(61), { line: { load_failed: 1 } }),
  },
  {
    what: "an object that can't be trusted",
    noun: "objects",
    fire: (service) => oneTick(service, ago(6), { line: { faults: 2 } }),
    calm: (service) => manyTicks(service, ago(59), ago(1), { line: { load_waiting: 100, relays_failed: 1 } }),
  },
  {
    what: "ticks that fail for want of a grant",
    noun: "errors",
    fire: (service) => manyTicks(service, ago(14), ago(1), { line: { outcome: "failed" }, level: "error" }),
    // In the first minutes of a service that is waited for, and said as a warning.
    calm: (service) => [
      ...manyTicks(service, ago(14), ago(1), { line: { outcome: "failed" }, level: "warn" }),
      ...logged(service, ago(3), (log) =>
        log.warn({ dataset: service, fault: "403" } satisfies LineOf<"access">, LOG_LINES.access.message),
      ),
    ],
  },
];

for (const { what, noun, fire, calm, labels = {} } of cases)
  test(`alert ${noun}: ${what} wakes someone, something less doesn't`, async (t) => {
    const tried = bothServices.flatMap((service) => {
      const other = bothServices.find((name) => name !== service) ?? service;
      const [own, others] = [named(service, noun), named(other, noun)];
      return [
        fires(
          `${service} fires`,
          [...fire(service), ...manyTicks(other, ago(6 * 60), ago(1))],
          [labels],
          own,
        ),
        fires(`${service} is calm`, calm(service), [], own),
        // The other service's trouble is the other alert's.
        ...(noun === "no-tick" ? [] : [fires(`${other} isn't concerned`, fire(service), [], others)]),
      ];
    });
    t.is(await testRules(rules(`-alerts-${noun}`), tried), "");
  });

/** Holds what fires in a stack's first minutes: each alert from its minute on and not before, the others never. */
async function firstAlerts(
  t: ExecutionContext,
  minutes: number,
  lines: readonly LogEntry[],
  first: Readonly<Record<string, { readonly from: number; readonly labels: Record<string, string> }>>,
): Promise<void> {
  const expected = bothServices.flatMap((service) =>
    nouns.flatMap((noun) => {
      const { from = Infinity, labels = {} } = first[noun] ?? {};
      const alert = named(service, noun);
      return Array.from({ length: minutes + 1 }, (_, minute) => minute)
        .filter((minute) => minute <= from)
        .map((minute) => ({
          minute,
          alert,
          firing: minute === from ? [{ alertname: alert, ...labels }] : [],
        }));
    }),
  );
  t.is(await testRules(rules(), [{ name: "young", series: series(lines, { minutes }), expected }]), "");
}

test("a stack that has just been made wakes nobody, until its first tick is late by the whole time", async (t) => {
  await firstAlerts(t, 45, [], { "no-tick": { from: 30, labels: {} } });
  await firstAlerts(
    t,
    45,
    bothServices.flatMap((service) => manyTicks(service, 25, 45)),
    {},
  );
});

test("a young stack whose first ticks cover nothing of a relay wakes nobody before its time", async (t) => {
  const empty = { relay: { covered: 0, rows: 0, lag_slots: 32_000, missing: 32_000 } };
  const flashbots = { relay: "flashbots" };
  // One tick after which all is well, and one relay that stays empty.
  await firstAlerts(
    t,
    100,
    bothServices.flatMap((service) => [...oneTick(service, 5, empty), ...manyTicks(service, 10, 100)]),
    {},
  );
  await firstAlerts(
    t,
    6 * 60 + 10,
    bothServices.flatMap((service) => manyTicks(service, 5, 6 * 60 + 10, empty)),
    {
      behind: { from: 35, labels: flashbots },
      "relay-silent": { from: 6 * 60 + 5, labels: flashbots },
    },
  );
});
