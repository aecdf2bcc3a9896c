import { isIP } from "node:net";
import type { networking } from "@pulumi/kubernetes/types/input.js";
import type { BackloadSettings } from "../../runtime/settings/backloadSettings.ts";
import { askedRelays } from "../../runtime/settings/relayOverrides.ts";

/** What a pod may not reach: networks that aren't the Internet. */
const PRIVATE_RANGES = [
  "10.0.0.0/8",
  "100.64.0.0/10",
  "127.0.0.0/8",
  "169.254.0.0/16",
  "172.16.0.0/12",
  "192.168.0.0/16",
];

/**
 * Names and time out; relays by https and, for redirects of Google's, http, or by ports of their own; the metadata server,
 * which gives out identities.
 */
export function networkPolicy(settings: Omit<BackloadSettings, "lake">): networking.v1.NetworkPolicySpec {
  const relays = askedRelays(settings.network, settings.relays, settings.relay)
    .filter(({ url }) => URL.canParse(url))
    .map(({ name, url }) => {
      const { hostname, protocol, port } = new URL(url);
      const isPrivate = settings.relays[name]?.private === true;
      return { hostname, isPrivate, port: Number(port) || (protocol === "https:" ? 443 : 80) };
    });
  const ports = new Set([443, 80, ...relays.filter(({ isPrivate }) => !isPrivate).map(({ port }) => port)]);
  const tcp = (port: number) => ({ protocol: "TCP", port });
  const dns = [tcp(53), { protocol: "UDP", port: 53 }];
  const inKubeSystem = (app: string) => ({
    namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "kube-system" } },
    podSelector: { matchLabels: { "k8s-app": app } },
  });
  return {
    podSelector: {},
    policyTypes: ["Ingress", "Egress"],
    egress: [
      {
        to: [
          inKubeSystem("kube-dns"),
          // NodeLocal DNSCache is on by default from 1.34.1-gke.3720000 on, and Dataplane V2 knows a pod by its labels and not by
          // the address that it is asked at: https://docs.cloud.google.com/kubernetes-engine/docs/how-to/nodelocal-dns-cache
          inKubeSystem("node-local-dns"),
          // The same cache where it counts as its node, and the metadata server, which answers where the cluster has Cloud DNS:
          // no pod's label stands for either. https://github.com/tektoncd/operator/issues/4000
          { ipBlock: { cidr: "169.254.20.10/32" } },
          { ipBlock: { cidr: "169.254.169.254/32" } },
        ],
        ports: dns,
      },
      { to: [{ ipBlock: { cidr: "0.0.0.0/0", except: PRIVATE_RANGES } }], ports: [...ports].map(tcp) },
      ...relays
        .filter(({ isPrivate }) => isPrivate)
        .map(({ hostname, port }) => ({ to: [{ ipBlock: blockOf(hostname) }], ports: [tcp(port)] })),
      { to: [{ ipBlock: { cidr: "169.254.169.254/32" } }], ports: [tcp(80)] },
      { to: [{ ipBlock: { cidr: "169.254.169.252/32" } }], ports: [tcp(988)] },
    ],
  };
}

/** The address of a relay in a private network; where a name leads isn't known here: anywhere but to the node itself. */
function blockOf(hostname: string): networking.v1.IPBlock {
  const address = hostname.replaceAll(/[[\]]/g, "");
  if (isIP(address) !== 0) return { cidr: `${address}/${isIP(address) === 4 ? 32 : 128}` };
  return { cidr: "0.0.0.0/0", except: ["127.0.0.0/8", "169.254.0.0/16"] };
}
