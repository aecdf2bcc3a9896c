import { type Column } from "../../runtime/datasets/definition.ts";
import { type Dataset, datasets } from "../../runtime/datasets/dataset.ts";
import type { ServiceName } from "../../components/names.ts";
import { overriddenRelays } from "../../runtime/settings/relayOverrides.ts";
import { REPORT_DAYS } from "../../runtime/settings/serviceSettings.ts";
import type { StackConfig } from "../../stacks/config.ts";
import { isPublish, PUBLISH_DEFAULTS } from "../../stacks/publishConfig.ts";
import { Bill, shown } from "./bill.ts";
import given from "./volumes.json" with { type: "json" };

const DAYS = 365 / 12;
const HOURS = DAYS * 24;
const SECONDS_PER_DAY = 86_400;
const SECONDS_PER_SLOT = 12;
const SLOTS_PER_DAY = SECONDS_PER_DAY / SECONDS_PER_SLOT;
/** After so many days without a change a partition is long-term storage. */
const LONG_TERM_DAYS = 90;
const MIB = 2 ** 20;
const GIB = 2 ** 30;
const TIB = 2 ** 40;

const SERVICES: readonly ServiceName[] = ["bids", "payloads"];
const { bytes, work } = given;

/** What the stack watches itself with, as it is registered. */
export interface WatchedStack {
  /** Conditions of all alert policies. */
  readonly conditions: number;
  /** Log-based metrics with a series a relay, and those with one. */
  readonly metricsByRelay: number;
  readonly metrics: number;
}

/** What passes through a stack, a day. */
interface Volume {
  readonly relays: number;
  /** Requests a second that the slowest relay may be asked. */
  readonly slowest: number;
  readonly ticks: Readonly<Record<ServiceName, number>>;
  readonly rows: Readonly<Record<ServiceName, number>>;
}

/** What a stack costs in its n-th month (from 1), in US dollars: lake and tables grow, all else stays. */
export function monthlyBill(config: StackConfig, month: number, watched: WatchedStack): Bill {
  const bill = new Bill();
  const volume = volumeOf(config);
  const age = (month - 0.5) * DAYS;
  for (const service of SERVICES) addService(bill, config, volume, service);
  const jobs = SERVICES.length + (isPublish(config.publish) ? 1 : 0);
  bill.add("schedulers", "schedulerJobs", jobs, `${jobs} jobs`);
  addLake(bill, config, volume, age);
  addWarehouse(bill, config, volume, age);
  addChain(bill, config, volume);
  addPages(bill, config, volume);
  addPublishing(bill, config, volume, age);
  if (config.egress === "static") addNetwork(bill, volume);
  addWatching(bill, volume, watched);
  const images = work.imagesKept * bytes.image;
  bill.add("images", "registryStorage", images / GIB, `${work.imagesKept} × ${shown(bytes.image / MIB)} MiB`);
  bill.add("key of the state", "keys", 1, "1 key version");
  return bill;
}

function volumeOf(config: StackConfig): Volume {
  const relays = overriddenRelays(config.network, config.relays).filter(({ state }) => state === "active");
  const { bidsPerDay, payloadsPerDay } = given.networks[config.network];
  const on = config.schedulerEnabled ? 1 : 0;
  return {
    relays: relays.length,
    slowest: Math.min(...relays.map(({ requestsPerSecond }) => requestsPerSecond)),
    ticks: {
      bids: (on * SECONDS_PER_DAY) / config.bidsInterval,
      payloads: (on * SECONDS_PER_DAY) / config.payloadsInterval,
    },
    rows: { bids: on * bidsPerDay, payloads: on * payloadsPerDay },
  };
}

/** Relays are asked side by side, so a tick takes as long as the slowest one, and then the load. */
function addService(bill: Bill, config: StackConfig, volume: Volume, service: ServiceName): void {
  const ticks = volume.ticks[service] * DAYS;
  const percent = service === "payloads" ? config.payloadsRatePercent : 100 - config.payloadsRatePercent;
  const requests = service === "bids" ? config.bidsInterval / SECONDS_PER_SLOT : work.payloadRequestsPerTick;
  const asking = requests / ((volume.slowest * percent) / 100);
  const seconds = Math.min(config.tickSeconds, asking + work.loadSeconds);
  const kept = config.minInstances > 0;
  const busy = kept ? DAYS * SECONDS_PER_DAY : ticks * seconds;
  const how = kept ? `${shown(busy)} s, kept between ticks` : `${shown(ticks)} ticks × ${shown(seconds)} s`;
  const cpu = config[`${service}Cpu`];
  const memory = gibibytes(config[`${service}Memory`]);
  bill.add(`${service}: CPU`, "runCpu", busy * cpu, `${how} × ${cpu} vCPU`);
  bill.add(`${service}: memory`, "runMemory", busy * memory, `${how} × ${memory} GiB`);
  bill.add(`${service}: requests`, "runRequests", ticks, `${shown(ticks)} ticks`);
}

function addLake(bill: Bill, { softDeleteDays }: StackConfig, { relays, ticks, rows }: Volume, age: number) {
  const on = ticks.bids > 0 ? 1 : 0;
  const bidsBytes = rows.bids * bytes.bidInTheLake;
  const payloadsBytes = rows.payloads * bytes.payloadInTheLake;
  const perDay = bidsBytes + payloadsBytes;
  bill.add(
    "lake: storage",
    "bucketStorage",
    (perDay * age) / GIB,
    `${shown(perDay / GIB)} GiB a day × ${shown(age)} days`,
  );
  // A payloads chunk is replaced at every tick until it is full; until then it is half full on average.
  const replaced =
    bidsBytes * work.rewrittenBidsChunks +
    (ticks.payloads * (payloadsBytes / SLOTS_PER_DAY) * datasets.payloads.chunkSlots) / 2;
  bill.add(
    "lake: replaced, kept",
    "bucketStorage",
    (replaced * softDeleteDays) / GIB,
    `${shown(replaced / GIB)} GiB a day × ${softDeleteDays} days`,
  );
  const bidsWrites = on * (SLOTS_PER_DAY / datasets.bids.chunkSlots) * (1 + work.rewrittenBidsChunks);
  const writes = (bidsWrites + ticks.payloads) * relays * DAYS;
  const lists = (ticks.bids + ticks.payloads) * relays * work.listPagesPerRelay * DAYS;
  bill.add(
    "lake: writes, lists",
    "bucketWrites",
    writes + lists,
    `${shown(writes)} chunks + ${shown(lists)} pages`,
  );
  bill.add(
    "lake: reads",
    "bucketReads",
    writes * work.readsPerWrite,
    `${shown(writes)} chunks × ${work.readsPerWrite}`,
  );
}

function addWarehouse(bill: Bill, { canonicalBlocks }: StackConfig, { ticks, rows }: Volume, age: number) {
  const perDay = rows.bids * bytes.bidInTheTable + rows.payloads * bytes.payloadInTheTable;
  const active = Math.min(age, LONG_TERM_DAYS);
  const grown = `${shown(perDay / GIB)} GiB a day`;
  bill.add("tables: 90 days", "tableActive", (perDay * active) / GIB, `${grown} × ${shown(active)} days`);
  const old = age - active;
  bill.add("tables: older", "tableLongTerm", (perDay * old) / GIB, `${grown} × ${shown(old)} days`);
  const loaded = SERVICES.reduce((sum, name) => sum + rows[name] * rowBytes(datasets[name]), 0);
  bill.add("staging", "stagingActive", loaded / GIB, `${shown(loaded / GIB)} GiB a day × 1 day`);
  const settled = "table" in canonicalBlocks ? ticks.payloads * work.tableReadsPerSettling : 0;
  const reads = (ticks.bids + ticks.payloads) * work.tableReadsPerLoad + settled;
  const least = reads * work.leastBytesPerTableRead;
  bill.add(
    "queries",
    "queries",
    ((loaded + least) * DAYS) / TIB,
    `(${shown(loaded / GIB)} GiB inserted + ${shown(least / GIB)} GiB of ledgers) a day × ${shown(DAYS)} days`,
  );
}

/** Each page asks its days anew, once a day. */
function addPages(bill: Bill, { reportPages }: StackConfig, { ticks, rows }: Volume): void {
  const pages = ticks.payloads > 0 ? [...new Set(reportPages)] : [];
  const days = pages.reduce((sum, page) => sum + REPORT_DAYS[page], 0);
  const perDay = rows.bids * work.pageBytesPerBid;
  const least = pages.length * work.pageTableReads * work.leastBytesPerTableRead;
  bill.add(
    "queries: pages",
    "queries",
    ((days * perDay + least) * DAYS) / TIB,
    `(${days} × ${shown(perDay / GIB)} GiB of bids + ${shown(least / GIB)} GiB) a day × ${shown(DAYS)} days`,
  );
}

/** A run reads the day before, and what changed of those that it looks back on, which isn't counted; nor is what readers download. */
function addPublishing(bill: Bill, { publish }: StackConfig, { ticks, rows }: Volume, age: number): void {
  if (!isPublish(publish)) return;
  const { cpu, memory, datasets: chosen } = { ...PUBLISH_DEFAULTS, ...publish };
  const on = ticks.bids > 0 ? 1 : 0;
  const isChosen = (name: ServiceName) => chosen?.includes(name) ?? true;
  const perDay = SERVICES.filter(isChosen).reduce((sum, name) => sum + rows[name], 0);
  const seconds = on * (work.publishStartSeconds + perDay * work.publishSecondsPerRow) * DAYS;
  const how = `${shown(on * DAYS)} runs × ${shown(on === 0 ? 0 : seconds / DAYS)} s`;
  bill.add("publishing: CPU", "runJobCpu", seconds * cpu, `${how} × ${cpu} vCPU`);
  bill.add(
    "publishing: memory",
    "runJobMemory",
    seconds * gibibytes(memory),
    `${how} × ${gibibytes(memory)} GiB`,
  );
  const size = perDay * bytes.rowPublished;
  bill.add(
    "published files",
    "bucketStorage",
    (size * age) / GIB,
    `${shown(size / GIB)} GiB a day × ${shown(age)} days`,
  );
}

/** Once an hour the public table is asked how far it has come, and for a day's blocks. */
function addChain(bill: Bill, { canonicalBlocks }: StackConfig, { ticks }: Volume): void {
  const hours = "table" in canonicalBlocks && ticks.payloads > 0 ? HOURS : 0;
  const asked = chainQuestionBytes();
  bill.add(
    "queries: the chain",
    "queries",
    (hours * asked) / TIB,
    `${shown(hours)} hours × ${shown(asked / MIB)} MiB`,
  );
}

/** Bytes that an hour's questions to the public table of blocks bill, its partitions read whole. */
export function chainQuestionBytes(): number {
  const partition = work.publicPartitionDays * SLOTS_PER_DAY * bytes.blockInPublicTable;
  return partition + work.leastBytesPerTableRead;
}

function addNetwork(bill: Bill, { rows }: Volume): void {
  const wire = rows.bids * bytes.bidOnTheWire + rows.payloads * bytes.payloadOnTheWire;
  bill.add("address", "natAddress", HOURS, `${shown(HOURS)} hours`);
  bill.add("NAT", "natHours", HOURS * SERVICES.length, `${shown(HOURS)} hours × 2 instances`);
  bill.add(
    "NAT: data",
    "natData",
    (wire * DAYS) / GIB,
    `${shown(wire / GIB)} GiB a day × ${shown(DAYS)} days`,
  );
}

function addWatching(bill: Bill, { relays, ticks }: Volume, watched: WatchedStack): void {
  const all = (ticks.bids + ticks.payloads) * DAYS;
  const lines = relays + work.otherLinesPerTick;
  bill.add(
    "logs",
    "logs",
    (all * lines * bytes.logLine) / GIB,
    `${shown(all)} ticks × ${lines} lines × ${bytes.logLine} B`,
  );
  const points = watched.metricsByRelay * relays + watched.metrics;
  bill.add(
    "metrics",
    "metrics",
    (all * points * bytes.metricPoint) / MIB,
    `${shown(all)} ticks × ${points} points × ${bytes.metricPoint} B`,
  );
  const { conditions } = watched;
  bill.add("alerts", "alertConditions", conditions, `${conditions} conditions`);
  const minutes = HOURS * 60;
  bill.add(
    "alerts: evaluation",
    "alertSeries",
    conditions * work.seriesPerAlert * minutes,
    `${conditions} conditions × ${work.seriesPerAlert} series × ${shown(minutes)} minutes`,
  );
}

/** Logical bytes of a row, as BigQuery counts them. */
export function rowBytes({ columns }: Dataset): number {
  return columns.reduce((sum, column) => sum + columnBytes(column), 0);
}

/** Logical bytes of a column's value: 8 an integer or a time, 16 a NUMERIC, 2 and its length a text. */
export function columnBytes({ name, type, field }: Column): number {
  const lengths: Readonly<Record<string, number>> = { hash: 66, pubkey: 98, address: 42 };
  if (type === "NUMERIC") return 16;
  if (type === "BOOL") return 1;
  if (type !== "STRING") return 8;
  // Nearly always null, which takes nothing.
  if (name === "extra") return 0;
  return 2 + (lengths[field?.format ?? ""] ?? bytes.relayName);
}

function gibibytes(memory: string): number {
  return Number.parseInt(memory, 10) / (memory.endsWith("Gi") ? 1 : 1024);
}
