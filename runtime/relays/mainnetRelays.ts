import { type Described, firstSlotOf, lastSlotOf } from "./described.ts";
import { findNetwork } from "../chain/networks.ts";

const network = findNetwork("mainnet", 0);
const since = (date: string) => firstSlotOf(network, date);
const until = (date: string) => lastSlotOf(network, date);

/**
 * Relays of mainnet, with the host of their Data API. Where nothing else is said of it, a relay in use is as eth-docker's
 * `ethd` (2026-08), smartnode's `mev-boost-config.go` and relayscan's `config-mainnet.yaml` list it. `activeFrom` stands where
 * the first slot is certain: third parties' oldest rows only say what they kept. Ended ones stay: what was collected of them
 * is still shown.
 */
export const mainnetRelays: readonly Described[] = [
  {
    name: "flashbots",
    url: "https://boost-relay.flashbots.net",
    pubkey:
      "0xac6e77dfe25ecd6110b8e780608cce0dab71fdd5ebea22a16c0205200f2f8e2e3ad3b71d3499c54ad14d6c21b41a37ae",
    filtering: "ofac",
    requestsPerSecond: 2,
  },
  {
    name: "ultrasound",
    // The relay hosts answer too, but the analytics host is the one meant for this; only its bandwidth is limited.
    url: "https://relay-analytics.ultrasound.money",
    pubkey:
      "0xa1559ace749633b997cb3fdacffb890aeebdb0f5a3b6aaa7eeeaf1a38af0a8fe88b9e4b1f61f236d2e64d95733327a62",
    dialect: "ultrasound",
    filtering: "none",
    adjusts: true,
    requestsPerSecond: 10,
  },
  {
    name: "ultrasound-filtered",
    // Both hosts share one key and one Data API: asking both would count every bid twice.
    url: "https://relay-filtered.ultrasound.money",
    pubkey:
      "0xa1559ace749633b997cb3fdacffb890aeebdb0f5a3b6aaa7eeeaf1a38af0a8fe88b9e4b1f61f236d2e64d95733327a62",
    dialect: "ultrasound",
    filtering: "ofac",
    adjusts: true,
    state: "off",
    aliasOf: "ultrasound",
  },
  {
    name: "bloxroute-max-profit",
    url: "https://bloxroute.max-profit.blxrbdn.com",
    pubkey:
      "0x8b5d2e73e2a3a55c6c87b8b6eb92e0149a125c852751db1422fa951e42a09b82c142c3ea98d0d9930b056a3bc9896b8f",
    // Announced by bloXroute: from 2023-12-18 on its relays leave out what is sanctioned.
    filtering: [
      { from: null, to: until("2023-12-17"), filtering: "none" },
      { from: since("2023-12-18"), to: null, filtering: "ofac" },
    ],
    dialect: "bloxroute",
    payloadLimit: 100,
  },
  {
    name: "bloxroute-regulated",
    url: "https://bloxroute.regulated.blxrbdn.com",
    pubkey:
      "0xb0b07cd0abef743db4260b0ed50619cf6ad4d82064cb4fbec9d3ec530f7c5e6793d9f286c4e082c0244ffb9f2658fe88",
    filtering: "ofac",
    dialect: "bloxroute",
    payloadLimit: 100,
  },
  {
    name: "titan",
    url: "https://titanrelay.xyz",
    pubkey:
      "0x8c4ed5e24fe5c6ae21018437bde147693f68cda427cd1122cf20819c30eda7ed74f72dece09bb313f2a1855595ab677d",
    filtering: "none",
    dialect: "helix",
    adjusts: true,
  },
  {
    name: "titan-global",
    // The same relay under the host that proposers are given.
    url: "https://global.titanrelay.xyz",
    pubkey:
      "0x8c4ed5e24fe5c6ae21018437bde147693f68cda427cd1122cf20819c30eda7ed74f72dece09bb313f2a1855595ab677d",
    filtering: "none",
    dialect: "helix",
    adjusts: true,
    state: "off",
    aliasOf: "titan",
  },
  {
    name: "titan-regional",
    // The same relay behind a host that leaves out what isn't filtered (helix #484).
    url: "https://regional.titanrelay.xyz",
    pubkey:
      "0x8c4ed5e24fe5c6ae21018437bde147693f68cda427cd1122cf20819c30eda7ed74f72dece09bb313f2a1855595ab677d",
    filtering: "ofac",
    dialect: "helix",
    adjusts: true,
    state: "off",
    aliasOf: "titan",
  },
  {
    name: "agnostic",
    // eth-docker lists it (2026-08), smartnode no longer does.
    url: "https://agnostic-relay.net",
    pubkey:
      "0xa7ab7a996c8584251c8f925da3170bdfd6ebc75d50f5ddc4050a6fdc77f2a3b5fce2cc750d0865e05d7228af97d69561",
    filtering: "none",
  },
  {
    name: "aestus",
    // Host and software (Helix) as Aestus' documentation has them.
    url: "https://mainnet.aestus.live",
    pubkey:
      "0xa15b52576bcbf1072f4a011c0f99f9fb6c66f3e1ff321f11f461d15e31b1cb359caa092c71bbded0bae5b5ea401aab7e",
    filtering: "none",
    dialect: "helix",
  },
  {
    name: "aestus-filtered",
    // The same relay and key behind a host that filters (Aestus' documentation).
    url: "https://filter.aestus.live",
    pubkey:
      "0xa15b52576bcbf1072f4a011c0f99f9fb6c66f3e1ff321f11f461d15e31b1cb359caa092c71bbded0bae5b5ea401aab7e",
    filtering: "ofac",
    dialect: "helix",
    state: "off",
    aliasOf: "aestus",
  },
  {
    name: "btcs",
    url: "https://relay.btcs.com",
    pubkey:
      "0xb66921e917a8f4cfc3c52e10c1e5c77b1255693d9e6ed6f5f444b71ca4bb610f2eff4fa98178efbf4dd43a30472c497e",
    filtering: "ofac",
  },
  {
    name: "ethgas",
    // Hosts of regions (ap-, eu-, us-relay) show the same data.
    url: "https://relay.ethgas.com",
    pubkey:
      "0x88ef3061f598101ca713d556cf757763d9be93d33c3092d3ab6334a36855b6b4a4020528dd533a62d25ea6648251e62e",
    // Its documentation offers both; which its rows are of isn't known.
    filtering: null,
    // Its database is given 15 s for an answer, five times the others'.
    requestsPerSecond: 0.5,
  },
  {
    name: "eden",
    url: "https://relay.edennetwork.io",
    pubkey:
      "0xb3ee7afcf27f1f1259ac1787876318c6584ee353097a50ed84f51a1f21a323b3736f271a895c7ce918c038e4265918be",
    // As it was announced and as papers on OFAC count it.
    filtering: "ofac",
    state: "off",
    // Answers by redirect to Titan (rbuilder #679); off the ethstaker list from that day.
    aliasOf: "titan",
    activeTo: until("2024-09-17"),
  },
  {
    name: "manifold",
    url: "https://mainnet-relay.securerpc.com",
    pubkey:
      "0x98650451ba02064f7b000f5768cf0cf4d4e492317d82871bdc87ef841a0743f69f0f1eea11168503240ac35d101c9135",
    // As it was announced and as papers on OFAC count it.
    filtering: "none",
    dialect: "freelay",
    state: "ended",
    // The true end isn't known, this is where it was last listed: relayscan took it off on 2025-10-06 (#65), eth-docker on
    // 2026-05-07 (#2600).
    activeTo: until("2025-10-31"),
  },
  {
    name: "wenmerge",
    url: "https://relay.wenmerge.com",
    pubkey:
      "0x8c7d33605ecef85403f8b7289c8058f440cbb6bf72b055dfe2f3e2c6695b6a1ea5a9cd0eb3a7982927a463feb4c3dae2",
    filtering: null,
    state: "ended",
    // Last listed, as manifold.
    activeTo: until("2025-10-31"),
  },
  {
    name: "bloxroute-ethical",
    url: "https://bloxroute.ethical.blxrbdn.com",
    pubkey:
      "0xad0a8bb54565c2211cee576363f3a347089d2f07cf72679d16911d740262694cadb62d7fd7483f27afd714ca0f1b9118",
    // As it was announced and as papers on OFAC count it.
    filtering: "none",
    dialect: "bloxroute",
    payloadLimit: 100,
    state: "ended",
    // The day of the announcement (relayscan, vars/relays.go); its last slot may be some days later.
    activeTo: until("2023-08-11"),
  },
  {
    name: "blocknative",
    url: "https://builder-relay-mainnet.blocknative.com",
    pubkey:
      "0x9000009807ed12c1f08bf4e81c6da3ba8e3fc3d953898ce0102433094e5f22f21102ec057841fcb81978ed1ea0fa8246",
    // As it was announced and as papers on OFAC count it.
    filtering: "ofac",
    dialect: "dreamboat",
    state: "ended",
    // Its own notice; the Data API answered for another week.
    activeTo: until("2023-09-27"),
  },
  {
    name: "frontier",
    url: "https://blockspace.frontier.tech",
    pubkey:
      "0x95a0a6af2566fa7db732020bb2724be61963ac1eb760aa1046365eb443bd4e3cc0fba0265d40a2d81dd94366643e986a",
    filtering: null,
    state: "ended",
    // relayscan, vars/relays.go: its Data API was dead from 2024-06-01 on.
    activeTo: until("2024-05-31"),
  },
  {
    name: "relayooor",
    url: "https://relayooor.wtf",
    pubkey: null,
    // As it was announced and as papers on OFAC count it.
    filtering: "none",
    state: "ended",
    // First and last slot that are known of it: ethstaker.tax keeps some by their extra_data, the last of them ten days after
    // the end was announced (DNP_DAPPMANAGER #1458, 2023-03-23).
    activeFrom: 5_246_635,
    activeTo: 6_130_893,
  },
  {
    name: "proof",
    // Header-only: it never had bids or payloads to be read.
    url: "https://proof-relay.ponrelay.com",
    pubkey:
      "0xa44f64faca0209764461b2abfe3533f9f6ed1d51844974e22d79d4cfd06eff858bb434d063e512ce55a1841e66977bfd",
    filtering: null,
    state: "off",
  },
];
