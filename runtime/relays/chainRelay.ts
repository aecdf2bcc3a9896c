import { relayOf } from "./described.ts";
import type { Relay, RelayState } from "./relay.ts";

/** What tells of the chain, where the lake has relays: asked while it is given, and shown for what it left ever after. */
export function chainRelay(name: string, state: RelayState): Relay {
  return relayOf({ name, url: "", pubkey: null, filtering: null, dialect: "chain", state });
}
