import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Clock } from "../chain/clock.ts";
import { simulatedNetwork } from "../chain/networks.ts";
import { settledSlot, slotStartMs, type Order } from "../chain/slots.ts";
import { answerDecoder } from "../datasets/answer.ts";
import type { Dataset, DatasetName } from "../datasets/dataset.ts";
import { payloads } from "../datasets/payloads.ts";
import { openFolderLake } from "../lake/folder/folder.ts";
import { type Lake, isBad } from "../lake/lake.ts";
import { silentLog } from "../log.ts";
import { RelayError } from "../relays/http/errors.ts";
import type { Relay } from "../relays/relay.ts";
import type { RelaySource } from "./relaySource.ts";
import { coverageOf } from "./coverage.ts";
import { recheck } from "./recheck.ts";
import { collect } from "./run.ts";
import { type DeliveredBlocks, packSlot } from "./slotAnswer.ts";

export const testNetwork = simulatedNetwork(1);
const NOW = slotStartMs(testNetwork, 1050);
export const SETTLED = settledSlot(testNetwork, NOW);

/** A clock on which waiting takes no time. */
function testClock(): Clock {
  let waited = 0;
  return {
    now: () => NOW + waited,
    monotonic: () => waited,
    sleep: async (ms) => {
      waited += ms;
    },
  };
}

export const relay: Relay = {
  name: "alpha",
  url: "http://127.0.0.1:1",
  pubkey: null,
  filtering: [],
  dialect: "flashbots",
  payloadLimit: 100,
  state: "active",
  activeFrom: null,
  activeTo: null,
  collectFrom: null,
  aliasOf: null,
  adjusts: false,
  requestsPerSecond: 100,
};

/** A bid or payload of a slot; those of other numbers differ. */
export function sentRow(slot: number, n: number): Record<string, unknown> {
  const hex = (digits: number, salt: string) =>
    `0x${Buffer.from(`${salt}${slot}${n}`).toString("hex").padStart(digits, "0")}`;
  return {
    slot: String(slot),
    parent_hash: hex(64, "p"),
    block_hash: hex(64, "b"),
    builder_pubkey: hex(96, "c"),
    proposer_pubkey: hex(96, "d"),
    proposer_fee_recipient: hex(40, "e"),
    value: String(n),
  };
}

/** A relay in memory: what it holds, what it has forgotten, and a log of what it was asked. */
export class MemoryRelay implements RelaySource {
  readonly concurrency = 3;
  readonly rate = 100;
  readonly down = false;
  readonly breaks = 0;
  /** Whether slots between the newest settled one and the head have rows. */
  isAlive = true;
  readonly asked: { kind: string; slot: number }[] = [];
  readonly held: Partial<Record<DatasetName, Map<number, number>>> &
    Record<"bids" | "payloads", Map<number, number>> = {
    bids: new Map(),
    payloads: new Map(),
  };
  horizon = 0;
  readonly failing = new Set<number>();
  /** Slots whose payloads no table can hold. */
  readonly odd = new Set<number>();
  /** Answers that differ from what is held, by how often the slot was asked: -1 takes a row away. */
  readonly short = new Map<number, number>();
  pageLimit = 100;
  /** Called as each question is put. */
  onAsk: () => void = () => {};
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  #rows(name: DatasetName, slot: number): Record<string, unknown>[] {
    const beyond = this.isAlive && slot > SETTLED && slot <= SETTLED + 50 ? 1 : 0;
    const count = slot < this.horizon ? 0 : (this.held[name]?.get(slot) ?? beyond);
    const quirk = name === "payloads" && this.odd.has(slot) ? { value: "none" } : {};
    return Array.from({ length: count }, (_, n) => ({ ...sentRow(slot, n), ...quirk }));
  }

  async slot(dataset: Dataset, slot: number, delivered?: DeliveredBlocks) {
    this.asked.push({ kind: dataset.name, slot });
    this.onAsk();
    await new Promise((resolve) => setImmediate(resolve));
    if (this.failing.has(slot)) throw new RelayError("alpha", "http://a", "server", "HTTP 500");
    const cut = this.short.get(slot) ?? 0;
    if (cut > 0) this.short.set(slot, 0);
    const rows = this.#rows(dataset.name, slot);
    const decoded = answerDecoder(dataset)(
      Buffer.from(JSON.stringify(rows.slice(0, rows.length - cut))),
      slot,
    );
    return packSlot(dataset, { network: testNetwork, relay: "alpha", slot }, decoded, {
      readAt: this.#clock.now(),
      delivered,
    });
  }

  async payloadPage(cursor: number) {
    this.asked.push({ kind: "page", slot: cursor });
    const rows: Record<string, unknown>[] = [];
    for (let slot = cursor; slot >= this.horizon && rows.length < this.pageLimit; slot--)
      rows.push(...this.#rows("payloads", slot));
    return {
      ...answerDecoder(payloads)(Buffer.from(JSON.stringify(rows.slice(0, this.pageLimit)))),
      cached: false,
    };
  }

  async payloadNewest() {
    const { rows, refused } = await this.payloadPage(SETTLED + 50);
    return { rows: rows.slice(0, 1), refused, cached: false };
  }

  async knock() {
    return true;
  }

  async payloadSlot(slot: number) {
    this.asked.push({ kind: "slot", slot });
    const decoded = answerDecoder(payloads)(Buffer.from(JSON.stringify(this.#rows("payloads", slot))));
    return { ...decoded, cached: false };
  }
}

/** A relay in memory, an empty lake in a folder, and what is done with them. */
export function setUp() {
  const clock = testClock();
  const source = new MemoryRelay(clock);
  const lake = openFolderLake(mkdtempSync(join(tmpdir(), "etl-collect-")), testNetwork.name);
  const run = (names: readonly DatasetName[], first: number, last: number, order: Order = "newest") =>
    collect({
      network: testNetwork,
      lake,
      clock,
      log: silentLog,
      sources: new Map([[relay, source]]),
      datasets: names,
      range: { first, last },
      order,
      stop: new AbortController().signal,
    });
  const cover = (name: DatasetName, first: number, last: number) =>
    coverageOf(
      lake,
      { network: testNetwork, range: { first, last }, nowMs: clock.now() },
      relay,
      name,
      (fault) => {
        throw new Error(fault);
      },
    );
  return { clock, source, lake, run, cover };
}

/** How many rows a lake holds of each covered slot. */
export async function stored(
  lake: Lake,
  name: DatasetName,
  first: number,
  last: number,
): Promise<Map<number, number>> {
  const counts = new Map<number, number>();
  for await (const entry of lake.list(name, "alpha", { first, last })) {
    if (isBad(entry)) throw new Error(entry.fault);
    const content = await lake.read(entry.chunk);
    for (const slot of entry.meta.covered.slots()) counts.set(slot, content?.lines.get(slot)?.length ?? 0);
  }
  return counts;
}

/** Asks all covered slots of both datasets again. */
export async function recheckAll(
  lake: Lake,
  clock: Clock,
  source: RelaySource,
  accept: boolean,
  onlyEmpty = false,
) {
  const sources = new Map([[relay, source]]);
  const stop = new AbortController().signal;
  const range = { first: 0, last: SETTLED };
  const names = ["payloads", "bids"] as const;
  return recheck({
    network: testNetwork,
    lake,
    clock,
    log: silentLog,
    sources,
    datasets: names,
    range,
    stop,
    chosen: () => true,
    onlyEmpty,
    accept,
  });
}
