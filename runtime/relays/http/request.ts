import { type DatasetName, datasets, endpointOf } from "../../datasets/dataset.ts";
import type { Relay } from "../relay.ts";

/** What can be asked of the Data API (facts: relay-data-api §0): never `limit` or `cursor` together with `slot`. */
export type RelayRequest =
  /** All rows that a dataset has of a slot. */
  | { readonly kind: DatasetName; readonly slot: number }
  | { readonly kind: "payload-page"; readonly cursor: number; readonly limit?: number }
  /** The relay's newest payload. */
  | { readonly kind: "payload-newest" };

/**
 * The URL of a question; a page asks for `mostRows` at most. Throws RangeError for slot or cursor 0 and below: relays take
 * that for none given, and answer something else.
 */
export function urlOf(relay: Relay, request: RelayRequest, mostRows: number): string {
  const at = (dataset: DatasetName) => {
    const endpoint = endpointOf(dataset, relay.dialect);
    if (!endpoint) throw new RangeError(`${relay.name} doesn't serve ${dataset}, and can't be asked for it`);
    return relay.url + endpoint.path;
  };
  switch (request.kind) {
    case "payload-page": {
      const limit = Math.min(request.limit ?? relay.payloadLimit, mostRows);
      return `${at("payloads")}?limit=${limit}&cursor=${askable(request.cursor)}`;
    }
    case "payload-newest":
      return `${at("payloads")}?limit=1`;
    default:
      return `${at(request.kind)}?slot=${askable(request.slot)}`;
  }
}

/** What the answer to a URL has to begin with: a list, or the object that the relay wraps it in. */
export function openingOf({ url: base, dialect }: Relay, url: string): "[" | "{" {
  const endpoint = Object.values(datasets)
    .map(({ endpoints }) => endpoints[dialect])
    .find((each) => each !== undefined && url.startsWith(`${base}${each.path}?`));
  return endpoint?.envelope === undefined ? "[" : "{";
}

/** The dataset that a question is about. */
export function datasetAsked({ kind }: RelayRequest): DatasetName {
  return kind === "payload-page" || kind === "payload-newest" ? "payloads" : kind;
}

function askable(slot: number): number {
  if (!(slot >= 1))
    throw new RangeError(`slot or cursor ${slot} means none to a relay, and can't be asked for`);
  return slot;
}
