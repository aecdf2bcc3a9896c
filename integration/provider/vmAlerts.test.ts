import test from "ava";
import { prometheusRules } from "../../deploy/vm/alerts.ts";
import { checkRules, type RuleCase, testRules } from "../promtool.ts";

const RULES = prometheusRules();
const PREFIX = "mev_boost_etl_";
const MINUTES = 500;

const tick = (outcome: string, values: string, dataset = "bids") => ({
  series: `${PREFIX}tick_total{dataset="${dataset}",outcome="${outcome}"}`,
  values,
});
const ofRelay = (
  name: string,
  part: "sum" | "count",
  values: string,
  dataset = "bids",
  relay = "lapwing",
) => ({
  series: `${PREFIX}relay_${name}_${part}{dataset="${dataset}",relay="${relay}"}`,
  values,
});
/** A value that grows by so much every five minutes. */
const stairs = (step: number, minutes = MINUTES) =>
  Array.from({ length: minutes + 1 }, (_, minute) => step * Math.floor(minute / 5)).join(" ");

/** All that a program that is well serves. */
const well = [
  ...["bids", "payloads"].flatMap((dataset) => [
    tick("done", stairs(1), dataset),
    tick("failed", `0x${MINUTES}`, dataset),
    ofRelay("lag_slots", "sum", stairs(12), dataset),
    ofRelay("lag_slots", "count", stairs(1), dataset),
    ofRelay("covered", "sum", stairs(25), dataset),
    ofRelay("rows", "sum", stairs(3000), dataset),
    ofRelay("quarantined", "sum", stairs(1), dataset),
  ]),
  { series: `${PREFIX}faults_sum`, values: `0x${MINUTES}` },
  { series: `${PREFIX}load_failed_sum`, values: `0x${MINUTES}` },
  { series: `${PREFIX}errors_total`, values: `0x${MINUTES}` },
  // 240 GB that fill by 24 GB a day.
  { series: `${PREFIX}free_disk_bytes{of="lake"}`, values: `240000000000-16666667x${MINUTES}` },
];

/** The same, with some series in the place of those of their names. */
function withSeries(...others: readonly { series: string; values: string }[]) {
  const names = new Set(others.map(({ series }) => series));
  return [...well.filter(({ series }) => !names.has(series)), ...others];
}

const lapwing = { relay: "lapwing", dataset: "bids" };

const CASES: readonly RuleCase[] = [
  {
    name: "nothing fires where all is well",
    series: well,
    expected: [10, 60, 400, MINUTES].map((minute) => ({ minute, firing: [] })),
  },
  {
    name: "ticks that fail fire NoTick after half an hour, and ServiceErrors before",
    series: withSeries(tick("done", `${stairs(1, 99)} 19x400`), {
      series: `${PREFIX}errors_total`,
      values: `0x99 ${stairs(1, 400)}`,
    }),
    expected: [
      { minute: 120, alert: "NoTick", firing: [] },
      {
        minute: 140,
        alert: "NoTick",
        firing: [{ alertname: "NoTick", dataset: "bids", severity: "critical" }],
      },
      {
        minute: 140,
        alert: "ServiceErrors",
        firing: [{ alertname: "ServiceErrors", severity: "error" }],
      },
    ],
  },
  {
    name: "a program that has ended fires NoTick for both datasets",
    series: [tick("done", `${stairs(1, 99)} stale`), tick("done", `${stairs(1, 99)} stale`, "payloads")],
    expected: [
      {
        minute: 150,
        alert: "NoTick",
        firing: ["bids", "payloads"].map((dataset) => ({
          alertname: "NoTick",
          dataset,
          severity: "critical",
        })),
      },
    ],
  },
  {
    name: "a relay 700 slots behind fires Behind after half an hour",
    series: withSeries(ofRelay("lag_slots", "sum", stairs(700))),
    expected: [
      { minute: 30, alert: "Behind", firing: [] },
      { minute: 60, alert: "Behind", firing: [{ alertname: "Behind", ...lapwing, severity: "error" }] },
    ],
  },
  {
    name: "a relay that brings nothing for six hours fires RelaySilent",
    series: withSeries(ofRelay("covered", "sum", `0x${MINUTES}`)),
    expected: [
      { minute: 300, alert: "RelaySilent", firing: [] },
      {
        minute: 370,
        alert: "RelaySilent",
        firing: [{ alertname: "RelaySilent", ...lapwing, severity: "warning" }],
      },
    ],
  },
  {
    name: "two percent of the rows in quarantine fire Quarantine",
    series: withSeries(ofRelay("quarantined", "sum", stairs(130))),
    expected: [{ minute: 90, firing: [{ alertname: "Quarantine", severity: "warning" }] }],
  },
  {
    name: "one object at fault fires ObjectsAtFault for an hour",
    series: withSeries({ series: `${PREFIX}faults_sum`, values: `0x99 1x400` }),
    expected: [
      { minute: 99, firing: [] },
      { minute: 105, firing: [{ alertname: "ObjectsAtFault", severity: "error" }] },
      { minute: 180, firing: [] },
    ],
  },
  {
    name: "one failed tick is no alert",
    series: withSeries({ series: `${PREFIX}errors_total`, values: `0x99 1x400` }),
    expected: [{ minute: 105, firing: [] }],
  },
  {
    name: "a disk that will be full in a day fires DiskFilling",
    series: withSeries({
      series: `${PREFIX}free_disk_bytes{of="lake"}`,
      values: `30000000000-16666667x${MINUTES}`,
    }),
    expected: [{ minute: 120, firing: [{ alertname: "DiskFilling", of: "lake", severity: "error" }] }],
  },
];

test("promtool takes the rules of a VM, and each fires on what it is for and on nothing else", async (t) => {
  t.is(await checkRules(RULES), "");
  t.is(await testRules(RULES, CASES), "");
});
