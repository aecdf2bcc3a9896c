import type { Described } from "./described.ts";

type Simulated = Omit<Described, "url" | "pubkey" | "filtering"> & { readonly filtering?: "ofac" };

/**
 * The directory of the simulated network: ten active relays (`merlin` forgets what is older than a day), one that has ended and
 * one alias. They stand wherever the simulator does: a url is a path only. The simulator adds how each behaves, and its key.
 */
const simulated: readonly Simulated[] = [
  { name: "heron", filtering: "ofac" },
  { name: "kestrel", dialect: "ultrasound", adjusts: true },
  { name: "osprey", dialect: "helix", adjusts: true },
  { name: "plover", dialect: "helix", filtering: "ofac" },
  { name: "swift", dialect: "bloxroute", payloadLimit: 100 },
  { name: "tern", dialect: "bloxroute", payloadLimit: 100, filtering: "ofac" },
  { name: "dunlin", dialect: "dreamboat", payloadLimit: 450 },
  { name: "lapwing", dialect: "freelay" },
  { name: "wren" },
  { name: "merlin" },
  { name: "dotterel", state: "ended", activeFrom: 1_000, activeTo: 2_000_000 },
  {
    name: "kestrel-filtered",
    dialect: "ultrasound",
    state: "off",
    adjusts: true,
    aliasOf: "kestrel",
    filtering: "ofac",
  },
];

export const simulatedDirectory: readonly Described[] = simulated.map((relay) => ({
  ...relay,
  url: `/${relay.name}`,
  pubkey: null,
  requestsPerSecond: 100,
  filtering: relay.filtering ?? "none",
}));
