/** What the ETL knows of a network: its clock's origin and where collecting begins. */
export interface Network {
  /** `mainnet`, `hoodi`, `sepolia`, or `simulated-<seed>`: the first folder of a lake and the name a warehouse is bound to. */
  readonly name: string;
  /** Unix time (s) of slot 0. */
  readonly genesis: number;
  /** First slot that can hold MEV-Boost data; never slot 0, the genesis: relays take 0 for no slot at all. */
  readonly floor: number;
  /** EIP-155's id of its execution chain; the simulated ones have none. */
  readonly chainId?: number;
  /** True where relays run on this machine: plain http and loopback are right there. */
  readonly simulated: boolean;
}

/** Slots are 12 s on every network that has MEV-Boost relays (consensus-specs, SECONDS_PER_SLOT). */
export const SECONDS_PER_SLOT = 12;
/** consensus-specs, SLOTS_PER_EPOCH. */
export const SLOTS_PER_EPOCH = 32;
/** Relays write bids late and answer from replicas: a slot is read once it is this many slots behind the head. */
export const SETTLE_LAG_SLOTS = 50;
/** What is final is at least so old on a chain that finalizes: two epochs before the one that the head is in, and the block behind. */
export const FINAL_LAG_SLOTS = 3 * SLOTS_PER_EPOCH;
/** The largest slot that a chunk name (10 digits) holds. */
export const MAX_SLOT = 9_999_999_999;

const named: Record<string, Network> = {
  mainnet: { name: "mainnet", genesis: 1606824023, floor: 4_700_567, chainId: 1, simulated: false },
  hoodi: { name: "hoodi", genesis: 1742213400, floor: 1, chainId: 560_048, simulated: false },
  sepolia: { name: "sepolia", genesis: 1655733600, floor: 1, chainId: 11_155_111, simulated: false },
};

/** The values that `--network` takes. */
export const NETWORK_NAMES = [...Object.keys(named), "simulated"] as const;

/** The largest seed of a simulated network. */
export const MAX_SEED = 2 ** 32 - 1;

/** The simulated network of one seed; its data is kept apart from other seeds' by its name. */
export function simulatedNetwork(seed: number): Network {
  return { name: `simulated-${seed}`, genesis: 1_700_000_000, floor: 1, simulated: true };
}

/** The network that `--network` names, or undefined when there is none of that name. */
export function findNetwork(name: string, seed: number): Network | undefined {
  if (name === "simulated") return simulatedNetwork(seed);
  return Object.hasOwn(named, name) ? named[name] : undefined;
}
