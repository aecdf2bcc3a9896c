import test from "ava";
import { type LogMetric, takes } from "../components/logMetrics.testing.ts";
import { runStack } from "./golden.ts";
import { bothServices, type TickedService, oneTick } from "./logged.testing.ts";

// When each alert fires, promtool says: integration/provider/alerts.test.ts.
const { registered } = await runStack("production");

const metrics = registered
  .filter(({ type }) => type === "gcp:logging/metric:Metric")
  .map(({ inputs }) => inputs as unknown as LogMetric);

test("a metric counts the lines of its stack's services and no others", (t) => {
  const entries = oneTick("bids", 1);
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
  const entries = bothServices.flatMap((service) => oneTick(service, 1));
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
  const enabled = (service: TickedService) =>
    Object.fromEntries(
      paused
        .filter(({ name }) => name.startsWith(`${service}-alerts-`))
        .map(({ name, inputs }) => [name.slice(`${service}-alerts-`.length), inputs["enabled"]]),
    );
  for (const service of bothServices)
    t.deepEqual(enabled(service), {
      "no-tick": false,
      behind: true,
      "relay-silent": true,
      quarantine: true,
      objects: true,
      errors: true,
    });
});
