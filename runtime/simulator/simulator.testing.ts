import { type Agent, type IncomingMessage, request } from "node:http";
import { simulatedNetwork } from "../chain/networks.ts";
import { VirtualClock } from "../chain/virtualClock.ts";
import { type DatasetName, endpointOf } from "../datasets/dataset.ts";
import { type Simulator, type SimulatorOptions, startSimulator } from "./server.ts";

const GENESIS = simulatedNetwork(1).genesis;
/** The head of most tests. */
export const HEAD = 5_000_000;

/** A clock that stands at the start of a slot until it is moved. */
export function clockAt(head = HEAD): VirtualClock {
  return new VirtualClock((GENESIS + 12 * head) * 1000);
}

/** An answer as it came. */
export interface Got {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly body: Buffer;
  /** False when the message stopped before its end. */
  readonly whole: boolean;
}

/** Asks over HTTP; `status` 0 where the connection was closed without an answer. */
export function fetchRaw(
  url: string,
  options: { headers?: Record<string, string>; agent?: Agent; method?: string } = {},
): Promise<Got> {
  return new Promise((resolve) => {
    const nothing = { status: 0, headers: {}, body: Buffer.alloc(0), whole: false };
    const asked = request(url, { agent: false, ...options }, (response) => {
      const parts: Buffer[] = [];
      const done = (whole: boolean) => {
        const { statusCode = 0, headers } = response;
        resolve({ status: statusCode, headers, body: Buffer.concat(parts), whole });
      };
      response.on("data", (part: Buffer) => parts.push(part));
      response.on("end", () => done(true));
      response.on("error", () => done(false));
    });
    asked.on("error", () => resolve(nothing));
    asked.end();
  });
}

/** The URL of a question. */
export function path(sim: Simulator, relay: string, dataset: DatasetName, query: string): string {
  const { dialect = "flashbots" } = sim.relays.find(({ name }) => name === relay) ?? {};
  return `${sim.url}/${relay}${endpointOf(dataset, dialect)?.path}?${query}`;
}

/** Rows of an honest answer, as JSON.parse sees them. */
export async function rowsIn(sim: Simulator, relay: string, dataset: DatasetName, query: string) {
  const { body, status } = await fetchRaw(path(sim, relay, dataset, query));
  if (status !== 200) throw new Error(`${status}: ${body.toString()}`);
  return JSON.parse(body.toString()) as Record<string, unknown>[];
}

/** The slots of rows, in order. */
export const answeredSlots = (rows: readonly Record<string, unknown>[]) =>
  rows.map((row) => Number(row["slot"]));

/** Serves the simulated relays, without faults unless others are wanted, by a clock that stands at the start of slot `HEAD`. */
export async function withSimulator(
  options: Partial<SimulatorOptions>,
  use: (sim: Simulator, clock: VirtualClock) => Promise<void>,
): Promise<void> {
  const clock = clockAt();
  const sim = await startSimulator({ seed: 1, faults: "none", clock, ...options });
  try {
    await use(sim, clock);
  } finally {
    await sim.close();
  }
}
