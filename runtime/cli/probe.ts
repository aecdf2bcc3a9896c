import { settledSlot } from "../chain/slots.ts";
import { answerDecoder } from "../datasets/answer.ts";
import { payloads } from "../datasets/dataset.ts";
import { printable } from "../errors.ts";
import type { RelayClient } from "../relay/client.ts";
import { RelayError } from "../relay/errors.ts";
import type { Relay } from "../relay/relay.ts";
import { startAsking } from "./asking.ts";
import { contextOf, stopSignal } from "./context.ts";
import type { CommonOptions } from "./options.ts";

/** What a relay showed when it was asked a few questions. */
interface Probe {
  readonly relay: string;
  readonly url: string;
  readonly reachable: boolean;
  /** Of a page of payloads, ms. */
  readonly latency_ms: number | null;
  /** Rows that a page of the directory's size held. */
  readonly page_rows: number | null;
  readonly page_limit: number;
  /** Oldest slot that it still shows a payload of. */
  readonly oldest_slot: number | null;
  readonly gzip: boolean | null;
  readonly error: string | null;
}

/** `probe`: asks each active relay a few questions. Exit 3 when one can't be reached. */
export async function probe(options: CommonOptions): Promise<number> {
  const context = contextOf(options);
  const stop = stopSignal(context.say);
  const asking = await startAsking(options, context, stop);
  try {
    const newest = settledSlot(context.network, context.clock.now());
    const active = asking.relays.filter(({ state }) => state === "active");
    const probes = await Promise.all(
      active.map(async (relay) => {
        const client = asking.clients.get(relay.name);
        if (!client) throw new Error(`${relay.name} has no client`);
        return probeRelay(relay, client, context.network.floor, newest, stop);
      }),
    );
    if (options.json) process.stdout.write(`${JSON.stringify(probes, null, 1)}\n`);
    else process.stdout.write(probes.map(line).join(""));
    return probes.every(({ reachable }) => reachable) ? 0 : 3;
  } finally {
    await asking.close();
  }
}

async function probeRelay(
  relay: Relay,
  client: RelayClient,
  floor: number,
  newest: number,
  stop: AbortSignal,
): Promise<Probe> {
  const decode = answerDecoder(payloads);
  const page = (cursor: number, limit: number) =>
    client.ask(
      { kind: "payload-page", cursor, limit },
      ({ body, status, ms, gzip }) => {
        const { rows, refused } = status === 204 ? { rows: [], refused: [] } : decode(body);
        return { slots: [...rows, ...refused].map(({ slot }) => slot), ms, gzip };
      },
      stop,
    );
  const known = { relay: relay.name, url: relay.url, page_limit: relay.payloadLimit };
  try {
    const first = await page(newest, relay.payloadLimit);
    let empty = Math.max(floor, relay.activeFrom ?? 0) - 1;
    let oldest = first.slots.at(-1);
    // A page at cursor X has rows just when the relay remembers a payload at X or below.
    while (oldest !== undefined && oldest - empty > 1) {
      const middle = Math.floor((empty + oldest) / 2);
      const found = (await page(middle, 1)).slots.at(-1);
      if (found === undefined) empty = middle;
      else oldest = found;
    }
    return {
      ...known,
      reachable: true,
      latency_ms: Math.round(first.ms),
      page_rows: first.slots.length,
      oldest_slot: oldest ?? null,
      gzip: first.gzip,
      error: null,
    };
  } catch (error) {
    if (!(error instanceof RelayError)) throw error;
    const unknown = { latency_ms: null, page_rows: null, oldest_slot: null, gzip: null };
    return { ...known, ...unknown, reachable: false, error: error.message };
  }
}

function line(probed: Probe): string {
  const { relay, reachable, latency_ms, page_rows, page_limit, oldest_slot, gzip, error } = probed;
  if (!reachable) return `${relay}: can't be reached: ${printable(error ?? "")}\n`;
  const page = `page ${page_rows} of ${page_limit} rows`;
  return `${relay}: ${latency_ms} ms, ${page}, oldest payload ${oldest_slot ?? "none"}, gzip ${gzip ? "yes" : "no"}\n`;
}
