import test from "ava";
import { Random } from "../../runtime/simulator/random.ts";
import { lineOf } from "../program/line.ts";
import { startCloud } from "./cloud.ts";
import type { ProxyFault, Passing, FaultRule } from "./proxy.ts";
import { seed, world } from "./world.ts";

const cloud = await startCloud();
test.after.always(() => cloud.close());

const statuses = (...when: ("before" | "after")[]): ProxyFault[] =>
  [429, 500, 503].flatMap((status) =>
    when.map((each): ProxyFault => ({ kind: "status", status, when: each })),
  );

const onUploads: ProxyFault[] = [
  ...statuses("before", "after"),
  { kind: "cutUpload", bytes: 900 },
  { kind: "loseAnswer" },
  { kind: "flipUpload", byte: -60 },
];
const onReads: ProxyFault[] = [
  ...statuses("before"),
  { kind: "loseAnswer" },
  { kind: "cutDownload", bytes: 200 },
  { kind: "stallDownload", bytes: 200 },
  { kind: "flipDownload", byte: 30 },
];
const onBigQuery: ProxyFault[] = [...statuses("before", "after"), { kind: "loseAnswer" }];

const isUpload = ({ method, path }: Passing): boolean => method === "POST" && path.startsWith("/upload/");
const isMedia = ({ query }: Passing): boolean => query.get("alt") === "media";
const isLoadJob = ({ method, path, json }: Passing): boolean =>
  method === "POST" && path.endsWith("/jobs") && json.includes('"sourceUris"');
const isTransaction = ({ method, path, json }: Passing): boolean =>
  method === "POST" && path.endsWith("/jobs") && json.includes("BEGIN TRANSACTION");

/** Each kind of fault in turn, at moments drawn from a seed, and never more than thrice in a row for one thing. */
function faulty(
  random: Random,
  share: number,
  kindsOf: (request: Passing) => readonly ProxyFault[],
): FaultRule {
  const decks = new Map<readonly ProxyFault[], ProxyFault[]>();
  const inARow = new Map<string, number>();
  return (request) => {
    const kinds = kindsOf(request);
    const key = `${request.method} ${request.path} ${request.query.get("name") ?? ""}`;
    const before = inARow.get(key) ?? 0;
    if (kinds.length === 0 || before >= 3 || !random.chance(share)) {
      inARow.delete(key);
      return undefined;
    }
    const deck = decks.get(kinds) ?? [];
    if (deck.length === 0) deck.push(...random.shuffled(kinds));
    decks.set(kinds, deck);
    inARow.set(key, before + 1);
    return deck.pop();
  };
}

/** Two load jobs that fail at BigQuery, and two transactions that another's has aborted, as BigQuery says it. */
function withJobFaults(rule: FaultRule, met: { failed: number; aborted: number }): FaultRule {
  const aborted = new Set<string>();
  const failed = new Set<string>();
  const idOf = ({ path }: Passing): string => path.split("/").at(-1) ?? "";
  return (request) => {
    if (isTransaction(request) && met.aborted < 2) {
      met.aborted++;
      const { jobReference } = JSON.parse(request.json) as { jobReference: { jobId: string } };
      aborted.add(jobReference.jobId);
      return { kind: "answer", status: 200, json: { jobReference, status: { state: "RUNNING" } } };
    }
    if (request.method === "GET" && aborted.has(idOf(request))) {
      const message = "Transaction is aborted due to concurrent update against table test.bids_loads";
      const error = { code: 400, message, errors: [{ reason: "invalidQuery", message }] };
      return { kind: "answer", status: 400, json: { error } };
    }
    if (isLoadJob(request) && met.failed < 2) {
      met.failed++;
      const { jobReference } = JSON.parse(request.json) as { jobReference: { jobId: string } };
      failed.add(jobReference.jobId);
      return { kind: "answer", status: 200, json: { jobReference, status: { state: "RUNNING" } } };
    }
    if (request.method === "GET" && failed.has(idOf(request))) {
      const errorResult = {
        reason: "backendError",
        message: "Error encountered during execution. Retrying may help.",
      };
      return { kind: "answer", status: 200, json: { status: { state: "DONE", errorResult } } };
    }
    return rule(request);
  };
}

test.serial("under every fault of bucket and warehouse nothing is lost and nothing doubled", async (t) => {
  t.timeout(240_000);
  const project = await cloud.project(t);
  const { relays, clock, lake, warehouse, collectAll, isTheTruth } = await world(t, project, {
    only: 3,
  });
  const line = lineOf(seed, relays, lake, clock);
  const met = { failed: 0, aborted: 0 };
  // What a listing or metadata answers has no checksum; it is only checked for being whole.
  const onMetadata = onReads.filter(({ kind }) => kind !== "flipDownload");
  project.gcs.rule = faulty(new Random(seed, 1), 0.3, (request) =>
    isUpload(request) ? onUploads : isMedia(request) ? onReads : onMetadata,
  );
  project.bigQuery.rule = withJobFaults(
    faulty(new Random(seed, 2), 0.2, () => onBigQuery),
    met,
  );
  // Chunks are written again and again, and each time loaded.
  for (const last of [15, 50, 90]) {
    await line.run({ first: 1, last });
    t.deepEqual((await warehouse.load(lake, relays)).failed, []);
  }
  await collectAll();
  t.deepEqual((await warehouse.load(lake, relays)).failed, []);
  project.gcs.rule = project.bigQuery.rule = () => undefined;
  t.log(JSON.stringify({ gcs: [...project.gcs.faults], bigQuery: [...project.bigQuery.faults], ...met }));
  for (const [proxy, kinds] of [
    [project.gcs, [...onUploads, ...onReads]],
    [project.bigQuery, onBigQuery],
  ] as const)
    for (const fault of kinds) {
      const name = fault.kind === "status" ? `${fault.status} ${fault.when}` : fault.kind;
      t.true((proxy.faults.get(name) ?? 0) > 0, `${name} befell nothing: this shows nothing`);
    }
  t.deepEqual(met, { failed: 2, aborted: 2 });
  await isTheTruth();
  t.is((await warehouse.load(lake, relays)).rows, 0);
});

test.serial("a load job and a transaction whose answers are lost take effect once", async (t) => {
  t.timeout(120_000);
  const project = await cloud.project(t);
  const { relays, lake, warehouse, collectAll, isTheTruth } = await world(t, project, { only: 2 });
  await collectAll();
  const lost = new Map<string, number>();
  project.bigQuery.rule = (request) => {
    const kind = isLoadJob(request) ? "load job" : isTransaction(request) ? "transaction" : undefined;
    if (kind === undefined) return undefined;
    const count = lost.get(kind) ?? 0;
    lost.set(kind, count + 1);
    return count % 2 === 0 ? { kind: "loseAnswer" } : undefined;
  };
  const summary = await warehouse.load(lake, relays);
  t.true((lost.get("load job") ?? 0) > 1 && (lost.get("transaction") ?? 0) > 1);
  t.deepEqual(summary.failed, []);
  t.true(summary.rows > 0);
  await isTheTruth(100);
  // Each job ran once under one id: asked for twice, it was found.
  const loads = project.bigQuery.requests
    .filter(isLoadJob)
    .map(({ json }) => /"jobId":"(\w+)"/.exec(json)?.[1]);
  t.true(new Set(loads).size < loads.length);
});
