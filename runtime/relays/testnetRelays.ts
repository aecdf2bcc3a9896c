import type { Described } from "./described.ts";

/** Relays of Hoodi, as relayscan's `config-hoodi.yaml` lists them; those that it lists as not answering are left out. */
export const hoodiRelays: readonly Described[] = [
  {
    name: "flashbots",
    url: "https://boost-relay-hoodi.flashbots.net",
    pubkey:
      "0xafa4c6985aa049fb79dd37010438cfebeb0f2bd42b115b89dd678dab0670c1de38da0c4e9138c9290a398ecd9a0b3110",
    filtering: null,
  },
  {
    name: "ultrasound",
    url: "https://relay-analytics-hoodi.ultrasound.money",
    pubkey:
      "0xb1559beef7b5ba3127485bbbb090362d9f497ba64e177ee2c8e7db74746306efad687f2cf8574e38d70067d40ef136dc",
    dialect: "ultrasound",
    filtering: "none",
    adjusts: true,
    requestsPerSecond: 5,
  },
  {
    name: "titan",
    url: "https://hoodi.titanrelay.xyz",
    pubkey:
      "0xaa58208899c6105603b74396734a6263cc7d947f444f396a90f7b7d3e65d102aec7e5e5291b27e08d02c50a050825c2f",
    filtering: null,
    dialect: "helix",
    adjusts: true,
  },
  {
    name: "aestus",
    url: "https://hoodi.aestus.live",
    pubkey:
      "0x98f0ef62f00780cf8eb06701a7d22725b9437d4768bb19b363e882ae87129945ec206ec2dc16933f31d983f8225772b6",
    filtering: "none",
    // Helix, and a second host that filters, as on mainnet (Aestus' documentation).
    dialect: "helix",
  },
  {
    name: "aestus-filtered",
    url: "https://filter.hoodi.aestus.live",
    pubkey:
      "0x98f0ef62f00780cf8eb06701a7d22725b9437d4768bb19b363e882ae87129945ec206ec2dc16933f31d983f8225772b6",
    filtering: "ofac",
    dialect: "helix",
    state: "off",
    aliasOf: "aestus",
  },
  {
    name: "bloxroute",
    url: "https://bloxroute.hoodi.blxrbdn.com",
    pubkey:
      "0x821f2a65afb70e7f2e820a925a9b4c80a159620582c1766b1b09729fec178b11ea22abb3a51f07b288be815a1a2ff516",
    filtering: null,
    dialect: "bloxroute",
    payloadLimit: 100,
  },
  {
    name: "ethgas",
    url: "https://hoodi-relay.ethgas.com",
    pubkey:
      "0xb20c3fe59db9c3655088839ef3d972878d182eb745afd8abb1dd2abf6c14f93cd5934ed4446a5fe1ba039e2bc0cf1011",
    filtering: null,
    requestsPerSecond: 0.5,
  },
];

/** Relays of Sepolia. The published lists disagree on the key, and the Data API needs none: it is left open. */
export const sepoliaRelays: readonly Described[] = [
  {
    name: "flashbots",
    url: "https://boost-relay-sepolia.flashbots.net",
    pubkey: null,
    filtering: null,
  },
];
