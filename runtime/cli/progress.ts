import type { Tally } from "../collect/tally.ts";
import type { RelayClient } from "../relays/http/client.ts";
import { relayBars } from "./bars.ts";

/** What a run shows while it works. */
export interface Progress {
  add(tally: Tally): void;
  stop(): void;
}

const SILENT: Progress = { add() {}, stop() {} };

/** A line per relay on a terminal (slots, rows, requests a second, ETA); nothing elsewhere, where logs say it. */
export function progressOn(
  stream: NodeJS.WriteStream,
  quiet: boolean,
  clients: ReadonlyMap<string, RelayClient>,
  slotsPerRelay: (relay: string) => number,
): Progress {
  if (quiet || !stream.isTTY) return SILENT;
  const tallies: Tally[] = [];
  const stop = relayBars(stream, (seconds) =>
    tallies.map((tally) => {
      const { relay } = tally;
      const counts = [tally.bids, tally.payloads];
      const sum = (key: "passed" | "read" | "failed" | "wanted" | "rows") =>
        counts.reduce((total, count) => total + count[key], 0);
      const asked = sum("read") + sum("failed");
      // A recheck learns how much there is as it goes.
      const total = Math.max(slotsPerRelay(relay), sum("wanted"));
      const done = Math.min(asked + sum("passed"), total);
      const left = asked === 0 ? undefined : ((total - done) * seconds) / asked;
      const requests = clients.get(relay)?.counters.requests ?? 0;
      return { relay, done, total, rows: sum("rows"), requests, left };
    }),
  );
  return { add: (tally) => void tallies.push(tally), stop };
}
