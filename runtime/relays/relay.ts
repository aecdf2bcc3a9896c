import { type DatasetName, endpointOf } from "../datasets/dataset.ts";
import type { Dialect } from "../datasets/definition.ts";

/** `active` relays are asked and count for exit codes; what `ended` and `off` ones left is still shown. */
export type RelayState = "active" | "ended" | "off";

/** Slots in which a relay left out the same transactions, from `from` to `to`, both included; null where open or unknown. */
export interface FilteringPeriod {
  readonly from: number | null;
  readonly to: number | null;
  readonly filtering: "none" | "ofac";
}

/** A relay of the directory. */
export interface Relay {
  /** `^[a-z0-9][a-z0-9-]{0,39}$` */
  readonly name: string;
  /** Origin (and path prefix) of the host that serves the Data API, without credentials and without a slash at the end. */
  readonly url: string;
  /** The relay's BLS public key, 0x hex; null where it isn't known. */
  readonly pubkey: string | null;
  /** Which transactions it left out when: oldest first, without overlap; empty where it isn't known. */
  readonly filtering: readonly FilteringPeriod[];
  readonly dialect: Dialect;
  /** Rows in a full page of payloads. */
  readonly payloadLimit: number;
  readonly state: RelayState;
  /** First and last slot that it worked in; null where open. */
  readonly activeFrom: number | null;
  readonly activeTo: number | null;
  /** True for a relay that has ended and is asked all the same, since its URL was given: above its newest row it has nothing. */
  readonly hasEnded?: boolean;
  /** First slot that is to be collected; null: from activeFrom. */
  readonly collectFrom: number | null;
  /** The relay whose data this one repeats; such a relay isn't asked. */
  readonly aliasOf: string | null;
  /** True where the relay adjusts or merges blocks: what it delivers need not be among its bids. */
  readonly adjusts: boolean;
  /** Requests a second that it may be asked, at most. */
  readonly requestsPerSecond: number;
}

/** Whether a relay's software serves a dataset. */
export function serves({ dialect }: Pick<Relay, "dialect">, dataset: DatasetName): boolean {
  return endpointOf(dataset, dialect) !== undefined;
}

/** Which transactions a relay leaves out now, or left out at its end; null where it isn't known. */
export function newestFiltering({ filtering }: Pick<Relay, "filtering">): "none" | "ofac" | null {
  return filtering.at(-1)?.filtering ?? null;
}

/** Rows in a full page of payloads that a person may say a relay has. */
export const PAYLOAD_LIMITS = { least: 10, most: 1000 } as const;

export const RELAY_NAME = /^[a-z0-9][a-z0-9-]{0,39}$/;
