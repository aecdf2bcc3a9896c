import type { Relay } from "../relay.ts";

/** What can be asked of the Data API (facts: relay-data-api §0): never `limit` or `cursor` together with `slot`. */
export type RelayRequest =
  | { readonly kind: "bids"; readonly slot: number }
  | { readonly kind: "payload-page"; readonly cursor: number; readonly limit?: number }
  | { readonly kind: "payload-slot"; readonly slot: number }
  /** The relay's newest payload. */
  | { readonly kind: "payload-newest" };

/**
 * The URL of a question; a page asks for `mostRows` at most. Throws RangeError for slot or cursor 0 and below: relays take
 * that for none given, and answer something else.
 */
export function urlOf(relay: Relay, request: RelayRequest, mostRows: number): string {
  const base = `${relay.url}/relay/v1/data/bidtraces`;
  switch (request.kind) {
    case "bids":
      return `${base}/builder_blocks_received?slot=${askable(request.slot)}`;
    case "payload-page": {
      const limit = Math.min(request.limit ?? relay.payloadLimit, mostRows);
      return `${base}/proposer_payload_delivered?limit=${limit}&cursor=${askable(request.cursor)}`;
    }
    case "payload-slot":
      return `${base}/proposer_payload_delivered?slot=${askable(request.slot)}`;
    case "payload-newest":
      return `${base}/proposer_payload_delivered?limit=1`;
  }
}

function askable(slot: number): number {
  if (!(slot >= 1))
    throw new RangeError(`slot or cursor ${slot} means none to a relay, and can't be asked for`);
  return slot;
}
