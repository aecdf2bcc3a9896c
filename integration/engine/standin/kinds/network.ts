import { drawn, type StandinKind, list, map, type Reference, textOrNone, type Values } from "../kind.ts";

const PROVIDER = "hashicorp/terraform-provider-google, google/services";
const api = "compute.googleapis.com";
const NETWORK = "gcp:compute/network:Network";
const ROUTER = "gcp:compute/router:Router";
const ADDRESS = "gcp:compute/address:Address";
const SUBNETWORK = "gcp:compute/subnetwork:Subnetwork";

const global = (v: Values, what: string) =>
  `projects/${textOrNone(v.project)}/global/${what}/${textOrNone(v.name)}`;
const regional = (v: Values, what: string) =>
  `projects/${textOrNone(v.project)}/regions/${textOrNone(v.region)}/${what}/${textOrNone(v.name)}`;
const HOST = "https://www.googleapis.com/compute/v1/";
const self = (id: string) => ({
  selfLink: `${HOST}${id}`,
  creationTimestamp: "2026-11-01T00:00:00.000-07:00",
});

/** The provider compares links by what they end in (CompareSelfLinkOrResourceName); the server gives whole ones. */
const sameLink = (stands: unknown, wanted: unknown) =>
  textOrNone(stands).split("/").at(-1) === textOrNone(wanted).split("/").at(-1);
const link = (value: unknown) =>
  textOrNone(value).startsWith("https:") || textOrNone(value) === "" ? value : `${HOST}${textOrNone(value)}`;
const unlink = (value: unknown) => textOrNone(value).replace(HOST, "");
const at = (type: string, link: unknown): Reference[] =>
  textOrNone(link) === "" ? [] : [[type, unlink(link)]];

export const network: Readonly<Record<string, StandinKind>> = {
  [NETWORK]: {
    id: (v) => global(v, "networks"),
    heldByUsers: true,
    api,
    source: `${PROVIDER}/compute/resource_compute_network.go (ForceNew)`,
    replaces: ["name", "project", "description", "autoCreateSubnetworks", "networkProfile"],
    defaults: {
      autoCreateSubnetworks: true,
      deleteDefaultRoutesOnCreate: false,
      mtu: 1460,
      routingMode: "REGIONAL",
    },
    computed: (_, id) => self(id),
  },
  [SUBNETWORK]: {
    id: (v) => regional(v, "subnetworks"),
    heldByUsers: true,
    api,
    source: `${PROVIDER}/compute/resource_compute_subnetwork.go (ForceNew)`,
    replaces: ["name", "region", "project", "network", "description", "purpose"],
    defaults: { purpose: "PRIVATE", stackType: "IPV4_ONLY", privateIpGoogleAccess: false },
    computed: (_, id) => self(id),
    echo: (v) => ({ ...v, network: link(v.network) }),
    same: { network: sameLink },
    refuse: (v) =>
      Number(textOrNone(v.ipCidrRange).split("/")[1] ?? 99) > 29
        ? `ipCidrRange ${textOrNone(v.ipCidrRange)}: at most /29`
        : undefined,
    needs: (v) => at(NETWORK, v.network),
  },
  [ADDRESS]: {
    id: (v) => regional(v, "addresses"),
    heldByUsers: true,
    api,
    source: `${PROVIDER}/compute/resource_compute_address.go (ForceNew)`,
    replaces: [
      "name",
      "region",
      "project",
      "address",
      "addressType",
      "description",
      "networkTier",
      "network",
      "subnetwork",
    ],
    defaults: { addressType: "EXTERNAL", networkTier: "PREMIUM" },
    computed: (v, id) => ({
      ...self(id),
      address: `203.0.113.${drawn(textOrNone(v.name)) % 256}`,
      effectiveLabels: map(v.labels),
    }),
  },
  [ROUTER]: {
    id: (v) => regional(v, "routers"),
    heldByUsers: true,
    api,
    source: `${PROVIDER}/compute/resource_compute_router.go (ForceNew)`,
    replaces: ["name", "region", "project", "network"],
    computed: (_, id) => self(id),
    echo: (v) => ({ ...v, network: link(v.network) }),
    same: { network: sameLink },
    needs: (v) => at(NETWORK, v.network),
  },
  "gcp:compute/routerNat:RouterNat": {
    id: (v) =>
      `${textOrNone(v.project)}/${textOrNone(v.region)}/${textOrNone(v.router)}/${textOrNone(v.name)}`,
    api,
    source: `${PROVIDER}/compute/resource_compute_router_nat.go (ForceNew)`,
    replaces: ["name", "region", "project", "router", "type"],
    defaults: { enableEndpointIndependentMapping: false, minPortsPerVm: 64, type: "PUBLIC" },
    sets: ["natIps", "subnetworks", "subnetworks[].sourceIpRangesToNats"],
    echo: (v) => ({
      ...v,
      natIps: list(v.natIps).map(link),
      subnetworks: list(v.subnetworks).map((one) => ({ ...map(one), name: link(map(one).name) })),
    }),
    same: { "natIps[]": sameLink, "subnetworks[].name": sameLink },
    needs: (v) => [
      [ROUTER, regional({ ...v, name: v.router }, "routers")],
      ...list(v.natIps).flatMap((one) => at(ADDRESS, one)),
      ...list(v.subnetworks).flatMap((one) => at(SUBNETWORK, map(one).name)),
    ],
  },
  "gcp:compute/firewall:Firewall": {
    id: (v) => global(v, "firewalls"),
    api,
    source: `${PROVIDER}/compute/resource_compute_firewall.go (ForceNew)`,
    replaces: ["name", "project", "network", "direction"],
    defaults: { direction: "INGRESS", priority: 1000 },
    computed: (_, id) => self(id),
    echo: (v) => ({ ...v, network: link(v.network) }),
    same: { network: sameLink },
    needs: (v) => at(NETWORK, v.network),
  },
};
