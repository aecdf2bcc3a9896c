import type { ChainSource } from "../chain/chainSource.ts";
import { canonicalBy, type CanonicalChain } from "../chain/canonicalChain.ts";
import { simulatedNetwork, SLOTS_PER_EPOCH } from "../chain/networks.ts";
import { slotAt } from "../chain/slots.ts";
import type { Clock } from "../chain/clock.ts";
import { printable, UserError } from "../errors.ts";
import type { Warehouse } from "../warehouse/warehouse.ts";
import { numberOrNull, textIn } from "../warehouse/sql/values.ts";
import type { Context } from "./context.ts";
import type { CommonOptions } from "./options.ts";

/** Opens what tells of the chain. Throws UserError where that can't be asked or isn't of this network. */
export type ChainOpener = () => Promise<ChainSource>;

/** Opens what says which blocks are canonical. */
export type CanonicalSource = () => Promise<CanonicalChain>;

/**
 * What `--chain` names, or a node of the simulated chain; undefined where there is neither. Nothing is asked yet. Throws UserError
 * (exit 2) for a URL that is none.
 */
export async function chainOf(
  options: Pick<CommonOptions, "chain" | "canonical">,
  { network, clock }: Context,
  simulated?: string,
): Promise<ChainOpener | undefined> {
  const given = options.chain ?? options.canonical ?? simulated;
  if (given === undefined) return undefined;
  if (options.chain !== undefined && !given.includes("://")) {
    const { xatuChain } = await import("../nodes/xatuChain.ts");
    return () => xatuChain(given);
  }
  const { checkedUrl, openEndpoint } = await import("../nodes/nodeEndpoint.ts");
  const url = checkedUrl(given, options.chain === undefined ? "--canonical" : "--chain");
  return () => openEndpoint(url, network, clock);
}

/**
 * What `--chain` names, or the simulated network itself, for settling; undefined where there is neither. What was collected is
 * loaded first, whatever a node does.
 */
export async function canonicalOf(
  options: CommonOptions,
  context: Context,
): Promise<CanonicalSource | undefined> {
  const open = await chainOf(options, context);
  if (open) return async () => canonicalBy(await open());
  return context.network.simulated ? () => simulatedChain(options.seed, context.clock) : undefined;
}

/**
 * Settles what table chain_blocks tells of, and beyond it the chain itself; a line for the person where that can't be asked, with
 * what is left unsettled.
 */
export async function settleBy(
  source: CanonicalSource | undefined,
  warehouse: Warehouse,
  { network, clock }: Context,
): Promise<string[]> {
  const known = await knownHashes(warehouse);
  if (known.size > 0) await warehouse.settle(chainOfHashes(known));
  if (!source) return [];
  try {
    await warehouse.settle(await source());
    return [];
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    const newest = slotAt(network, clock.now()) - 2 * SLOTS_PER_EPOCH;
    const [row = {}] = await warehouse.query(unsettledSql(newest));
    const [slots, first, last] = ["slots", "first_slot", "last_slot"].map((name) => numberOrNull(row, name));
    const told = printable(error.message, 500);
    if (!slots) return [told];
    return [
      `${told}; the payloads of ${slots} slots (${first}-${last}) stay unsettled (reorged is null): run \`load\` again`,
    ];
  }
}

/** What the loaded chain says of slots whose payloads aren't settled. BigQuery's form settles by a table of its own. */
async function knownHashes(warehouse: Warehouse): Promise<ReadonlyMap<number, string | null>> {
  if (warehouse.url.startsWith("bigquery://")) return new Map();
  const rows =
    await warehouse.query(`SELECT slot, IF(status = 'canonical', block_hash, NULL) AS block_hash FROM blocks
WHERE slot IN (SELECT slot FROM payloads WHERE reorged IS NULL)`);
  return new Map(
    rows.map((row) => [
      numberOrNull(row, "slot") ?? 0,
      row["block_hash"] === null ? null : textIn(row, "block_hash"),
    ]),
  );
}

function chainOfHashes(known: ReadonlyMap<number, string | null>): CanonicalChain {
  return {
    settled: () => Promise.resolve([...known.keys()].reduce((newest, slot) => Math.max(newest, slot), 0)),
    blocks: () => Promise.resolve(known),
  };
}

/** The slots of payloads that a chain up to `newest` would settle. */
function unsettledSql(newest: number): string {
  return `SELECT count(DISTINCT slot) AS slots, min(slot) AS first_slot, max(slot) AS last_slot
FROM payloads WHERE reorged IS NULL AND slot <= ${newest}`;
}

async function simulatedChain(seed: number, clock: Clock): Promise<CanonicalChain> {
  const { SimulatedData } = await import("../simulator/truth.ts");
  const truth = new SimulatedData({ seed, clock });
  return {
    settled: () => Promise.resolve(slotAt(simulatedNetwork(seed), clock.now()) - 2 * SLOTS_PER_EPOCH),
    blocks: (slots) =>
      Promise.resolve(new Map(slots.map((slot) => [slot, truth.canonicalHash(slot) ?? null]))),
  };
}
