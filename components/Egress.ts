import { Address } from "@pulumi/gcp/compute/address.js";
import { Network } from "@pulumi/gcp/compute/network.js";
import { Router } from "@pulumi/gcp/compute/router.js";
import { RouterNat } from "@pulumi/gcp/compute/routerNat.js";
import { Subnetwork } from "@pulumi/gcp/compute/subnetwork.js";
import type { ComponentResourceOptions, Output, Resource } from "@pulumi/pulumi";
import type { StackContext } from "./stackContext.ts";
import { EtlComponent } from "./component.ts";

export interface EgressArgs {
  readonly stack: StackContext;
}

/** Room for two services with two revisions each while one replaces the other; the network is the stack's own. */
const RANGE = "10.64.0.0/26";

/**
 * Connections at once to one address and port, an instance: 64 by default, and one beyond them is dropped until an old one has
 * ended, which takes two minutes. One address has 64,512 ports, so 252 instances fit where four may run.
 * https://docs.cloud.google.com/nat/docs/ports-and-addresses
 */
const PORTS = 256;

/**
 * One reserved address by which the services reach relays. Google's shared ones are used by strangers too, so that a
 * relay's refusal may not be meant for us.
 */
export class Egress extends EtlComponent {
  readonly address: Output<string>;
  readonly network: Output<string>;
  readonly subnetwork: Output<string>;
  /** What a service must wait for: without the NAT it reaches nothing. */
  readonly ready: readonly Resource[];

  constructor(name: string, { stack }: EgressArgs, opts?: ComponentResourceOptions) {
    super("Egress", name, stack, opts);
    const network = this.#network(stack);
    const subnetwork = this.#subnetwork(stack, network.id);
    const address = this.#address(stack);
    const nat = this.#nat(stack, { network, subnetwork, address });
    this.address = address.address;
    this.network = network.id;
    this.subnetwork = subnetwork.id;
    this.ready = [nat];
    this.registerOutputs({
      address: this.address,
      network: this.network,
      subnetwork: this.subnetwork,
    });
  }

  #network({ names, apis }: StackContext): Network {
    return new Network(
      this.child("network"),
      {
        name: names.network("network"),
        description: "Services of MEV-Boost ETL on their way to relays",
        autoCreateSubnetworks: false,
        routingMode: "REGIONAL",
      },
      this.options("free", { dependsOn: apis.of("compute") }),
    );
  }

  #subnetwork({ names, region }: StackContext, network: Output<string>): Subnetwork {
    return new Subnetwork(
      this.child("subnet"),
      {
        name: names.network("subnet"),
        network,
        region,
        ipCidrRange: RANGE,
        // Google's own APIs aren't reached by the NAT, which bills what passes it.
        privateIpGoogleAccess: true,
      },
      this.options("free"),
    );
  }

  #address({ names, region, labels, apis }: StackContext): Address {
    return new Address(
      this.child("address"),
      {
        name: names.network("address"),
        region,
        addressType: "EXTERNAL",
        description: "The address that relays see",
        labels,
      },
      this.options("address", { dependsOn: apis.of("compute") }),
    );
  }

  #nat({ names, region }: StackContext, { network, subnetwork, address }: NatParts): RouterNat {
    const router = new Router(
      this.child("router"),
      { name: names.network("router"), region, network: network.id },
      this.options("free"),
    );
    return new RouterNat(
      this.child("nat"),
      {
        name: names.network("nat"),
        router: router.name,
        region,
        natIpAllocateOption: "MANUAL_ONLY",
        natIps: [address.selfLink],
        minPortsPerVm: PORTS,
        sourceSubnetworkIpRangesToNat: "LIST_OF_SUBNETWORKS",
        subnetworks: [{ name: subnetwork.id, sourceIpRangesToNats: ["ALL_IP_RANGES"] }],
        logConfig: { enable: true, filter: "ERRORS_ONLY" },
      },
      this.options("free"),
    );
  }
}

/** What a NAT joins. */
interface NatParts {
  readonly network: Network;
  readonly subnetwork: Subnetwork;
  readonly address: Address;
}
