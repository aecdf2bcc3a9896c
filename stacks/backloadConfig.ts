import * as t from "io-ts";
import { findNetwork } from "../runtime/chain/networks.ts";
import { type RelayOverrides, overriddenRelays } from "../runtime/settings/relayOverrides.ts";
import * as E from "fp-ts/lib/Either.js";
import type { SlotRange } from "../runtime/chain/slots.ts";
import { type Format, fields, json, whole } from "../runtime/settings/formats.ts";
import { KNOWN_MACHINE_TYPES, askedFor, nodeRoom } from "../runtime/settings/nodes.ts";
import { NODE, shared } from "../runtime/settings/shared.ts";

export const BACKLOAD_DEFAULTS = {
  order: shared.order.default,
  machine_type: NODE.machineType,
  cpu: NODE.cpu,
  memory: NODE.memory,
  worker_hours: 20,
  hours: 24 * 30,
  // With Kubernetes' waiting times between tries, an hour and a half: an outage of an hour is outlived.
  retries: 20,
  run: "1",
} as const satisfies Partial<BackloadConfig>;

/** A value in an object, held to the rules of its text. */
const as = <A>(format: Format<A>) =>
  new t.Type<A>(
    format.name,
    format.is,
    (u, context) => (format.is(u) ? t.success(u) : t.failure(u, context)),
    t.identity,
  );
const between = (least: number, most: number) => as(whole("a whole number", least, most));
const matching = (form: RegExp) => t.refinement(t.string, (value) => form.test(value));

const backloadType = fields(
  {
    /** FIRST-LAST */
    range: matching(/^\d{1,10}-\d{1,10}$/),
    /** Parts that the range is cut into: each is one pod's work. */
    shards: as(shared.shards.format),
    /** Workers at once, each on a node and by an address of its own. */
    parallelism: between(1, 1000),
  },
  {
    /** Only these relays; all active ones without it. */
    relays: t.readonlyArray(t.string),
    order: as(shared.order.format),
    /** Requests a second to one relay from one worker, at most. */
    requests_per_second: as(shared.rate.format),
    machine_type: matching(/^[a-z][a-z0-9]*(?:-[a-z0-9]+)+$/),
    cpu: matching(/^[1-9]\d{0,5}m?$/),
    memory: matching(/^[1-9]\d{0,5}[MG]i$/),
    /** Zones for the nodes. */
    zones: t.readonlyArray(matching(/^[a-z]+-[a-z]+\d{1,2}-[a-z]$/)),
    /** Hours after which a worker stops and asks to be started again. */
    worker_hours: between(1, 24 * 7),
    /** Hours after which the whole back-load ends, done or not. */
    hours: between(1, 24 * 365),
    retries: between(0, 100),
    /** Shards that may fail for good before the rest is given up. */
    max_failed_shards: between(0, 100_000),
    /** Any text: another one is another Job over the same range. */
    run: matching(/^[\w.-]{1,40}$/),
  },
);

/** A back-load as config names it; what is absent has the value of `BACKLOAD_DEFAULTS`, or is open. */
export type BackloadConfig = Readonly<t.TypeOf<typeof backloadType>>;

/** `{}`, or a back-load. */
export const backloadFormat: Format<BackloadConfig | Record<string, never>> = json(
  "{} or {range: FIRST-LAST, shards: 1 to 100000, parallelism: 1 to 1000} and, of relays, order (newest or oldest), requests_per_second, machine_type, cpu, memory, zones, worker_hours, hours, retries, max_failed_shards and run, what differs",
  t.union([fields({}, {}), backloadType]),
);

/** Whether there is a back-load at all. */
export function isBackload(config: BackloadConfig | Record<string, never>): config is BackloadConfig {
  return "range" in config;
}

/** Its range; undefined where that isn't one. */
export function backloadSlots({ range }: BackloadConfig): SlotRange | undefined {
  const slots = shared.slots.format.decode(range);
  return E.isRight(slots) ? slots.right : undefined;
}

/** What is wrong with a back-load beside its form, each as `KEY: what; what is allowed`. */
export function backloadFaults(
  config: BackloadConfig,
  {
    network,
    region,
    relays: overrides,
  }: {
    readonly network: string | undefined;
    readonly region: string | undefined;
    readonly relays: RelayOverrides | undefined;
  },
): string[] {
  const faults: string[] = [];
  const { range, shards, parallelism, relays = [], zones = [], max_failed_shards: failed } = config;
  const { hours = BACKLOAD_DEFAULTS.hours, worker_hours: workerHours = BACKLOAD_DEFAULTS.worker_hours } =
    config;
  const slots = backloadSlots(config);
  if (!slots) faults.push(`range: "${range}" ends before it starts; give ${shared.slots.format.name}`);
  const floor = network === undefined ? undefined : findNetwork(network, 0)?.floor;
  if (floor !== undefined && slots && slots.last < floor)
    faults.push(
      `range: "${range}" ends before ${network}'s first slot with MEV-Boost; give slots from ${floor} on`,
    );
  if (parallelism > shards)
    faults.push(`parallelism: ${parallelism} is more than the shards; give 1 to ${shards}`);
  if (failed !== undefined && failed > shards)
    faults.push(`max_failed_shards: ${failed} is more than the shards; give 0 to ${shards}`);
  if (hours <= workerHours)
    faults.push(`hours: ${hours} is no more than worker_hours; give more than ${workerHours}`);
  const known =
    network === undefined ? undefined : overriddenRelays(network, overrides ?? {}).map(({ name }) => name);
  for (const relay of relays)
    if (known && !known.includes(relay))
      faults.push(`relays: no relay "${relay}"; there are ${known.join(", ")}`);
  for (const zone of zones)
    if (region !== undefined && !zone.startsWith(`${region}-`))
      faults.push(`zones: ${zone} isn't in region ${region}; give zones of it, such as ${region}-b`);
  return [...faults, ...sizeFaults(config)].map((fault) => `backload: ${fault}`);
}

/** Why a worker would never be put on its node. */
function sizeFaults(config: BackloadConfig): string[] {
  const { machine_type: machineType, ...pod } = { ...BACKLOAD_DEFAULTS, ...config };
  const room = nodeRoom(machineType);
  if (!room)
    return [
      `machine_type: there are no figures of ${machineType}; give one of ${KNOWN_MACHINE_TYPES.join(", ")}`,
    ];
  const asked = askedFor(pod);
  return (["cpu", "memory"] as const)
    .filter((resource) => asked[resource] > room[resource])
    .map((resource) => {
      const most = resource === "cpu" ? `${room.cpu}m` : `${room.memory}Mi`;
      return `${resource}: ${pod[resource]} is more than ${machineType} has beside the node's own pods; give at most ${most}, or a larger machine_type`;
    });
}
