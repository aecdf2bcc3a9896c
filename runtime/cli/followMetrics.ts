import { Counter, Gauge, Registry, Summary } from "prom-client";
import { DATASET_NAMES } from "../datasets/dataset.ts";
import { LOG_LINES, TICK_OUTCOMES } from "../services/logLines.ts";
import type { TickReport } from "./followTick.ts";

const PREFIX = "mev_boost_etl_";
const BY_RELAY = ["dataset", "relay"] as const;

/** Fields of a tick's coverage that are served as they stand now. */
const STANDING = {
  covered: "slots of the range that are covered",
  missing: "slots of the range that are missing",
  unproven: "missing slots that were answered without rows, which isn't proven yet",
  suspect: "covered slots that are doubtful",
  rows: "rows that the lake holds of the range",
} as const;

/** Fields of `tick.relay` lines that are summed from tick to tick, as the cloud's metrics of logs are. */
const SUMMED = ["covered", "rows", "quarantined", "answers_kernel", "answers_fallback", "lag_slots"] as const;

/** What `run --follow --listen` serves under `/metrics`: how the lake stands, and what ticks did since the program began. */
export class FollowMetrics {
  readonly #registry = new Registry();
  readonly #standing = new Map<keyof typeof STANDING, Gauge<"dataset" | "relay">>();
  readonly #lag: Gauge<"dataset" | "relay">;
  readonly #freeBytes: Gauge<"of">;
  readonly #summed = new Map<(typeof SUMMED)[number], Summary<"dataset" | "relay">>();
  readonly #ticks: Counter<"dataset" | "outcome">;
  readonly #refusals: Counter<"relay">;
  readonly #errors: Counter;
  readonly #tickSeconds: Summary;
  readonly #faults: Summary;
  readonly #loadFailed: Summary;

  constructor() {
    const { relay, tick } = LOG_LINES;
    for (const [name, help] of Object.entries(STANDING))
      this.#standing.set(name as keyof typeof STANDING, this.#gauge(name, help, BY_RELAY));
    this.#lag = this.#gauge("lag_slots", relay.fields.lag_slots.meaning, BY_RELAY);
    this.#freeBytes = this.#gauge("free_disk_bytes", "bytes free where lake and warehouse lie", ["of"]);
    for (const name of SUMMED)
      this.#summed.set(
        name,
        this.#summary(`relay_${name}`, `of each tick: ${relay.fields[name].meaning}`, BY_RELAY),
      );
    this.#ticks = this.#counter("tick_total", "ticks, by how they ended", ["dataset", "outcome"]);
    this.#refusals = this.#counter("refusals_total", relay.fields.refused.meaning, ["relay"]);
    this.#errors = this.#counter("errors_total", "ticks that failed", []);
    this.#tickSeconds = this.#summary("tick_seconds", tick.fields.seconds.meaning, []);
    this.#faults = this.#summary("faults", `of each tick: ${tick.fields.faults.meaning}`, []);
    this.#loadFailed = this.#summary("load_failed", `of each tick: ${tick.fields.load_failed.meaning}`, []);
    // A counter that only begins with its first event shows no rise by that one.
    for (const dataset of DATASET_NAMES)
      for (const outcome of TICK_OUTCOMES) this.#ticks.inc({ dataset, outcome }, 0);
  }

  /** Takes in what a tick did. What a tick that failed doesn't know stays as it was. */
  add({ outcome, seconds, counts, relays, coverage, refused, freeBytes }: TickReport): void {
    for (const dataset of DATASET_NAMES) this.#ticks.inc({ dataset, outcome });
    if (outcome === "failed") this.#errors.inc();
    this.#tickSeconds.observe(seconds);
    this.#faults.observe(counts.faults);
    this.#loadFailed.observe(counts.load_failed);
    for (const [relay, count] of refused) this.#refusals.inc({ relay }, count);
    for (const row of coverage)
      for (const [name, gauge] of this.#standing)
        gauge.set({ dataset: row.dataset, relay: row.relay }, row[name]);
    for (const one of relays) {
      const labels = { dataset: one.dataset, relay: one.relay };
      this.#lag.set(labels, one.lag_slots);
      for (const [name, summary] of this.#summed) summary.observe(labels, one[name]);
    }
    for (const [of, bytes] of Object.entries(freeBytes)) this.#freeBytes.set({ of }, bytes);
  }

  /** Prometheus' text form, and its content type. */
  async text(): Promise<{ readonly type: string; readonly body: string }> {
    return { type: this.#registry.contentType, body: await this.#registry.metrics() };
  }

  #gauge<L extends string>(name: string, help: string, labelNames: readonly L[]): Gauge<L> {
    return new Gauge({ name: PREFIX + name, help, labelNames, registers: [this.#registry] });
  }

  #counter<L extends string>(name: string, help: string, labelNames: readonly L[]): Counter<L> {
    return new Counter({ name: PREFIX + name, help, labelNames, registers: [this.#registry] });
  }

  /** A sum and a count alone: quantiles of a few ticks say nothing. */
  #summary<L extends string>(name: string, help: string, labelNames: readonly L[]): Summary<L> {
    const registers = [this.#registry];
    return new Summary({ name: PREFIX + name, help, labelNames, percentiles: [], registers });
  }
}
