import { VirtualClock } from "../../runtime/chain/virtualClock.ts";
import { type GcsOptions, GcsStore } from "../../runtime/lake/gcs/bucket.ts";
import type { Lake } from "../../runtime/lake/lake.ts";
import { openLake } from "../../runtime/lake/objectLake.ts";

/** A store of a bucket on which waiting between attempts costs nothing, and a stall as long as ETL_TEST_STALL_MS says. */
export function hastyStore(url: string, options: GcsOptions = {}): GcsStore {
  const clock = new VirtualClock(0, { idleMs: 0 });
  return new GcsStore(url, { clock, stallMs: Number(process.env["ETL_TEST_STALL_MS"]), ...options });
}

/** Opens the lake of such a store, for other processes of the lake's contract. */
export function openHastyLake(url: string, network: string): Lake {
  return openLake(hastyStore(url), network);
}
