import type { ChainSource } from "../chain/chainSource.ts";
import type { SlotRange } from "../chain/slots.ts";
import { type ChainOptions, collectChain } from "../collect/chain.ts";
import { newTally, type Tally } from "../collect/tally.ts";
import { datasets } from "../datasets/dataset.ts";
import { UserError } from "../errors.ts";
import { chainRelay } from "../relays/chainRelay.ts";
import type { Listings } from "./listings.ts";
import { type LiveState, liveState } from "./liveState.ts";

/** What a tick brought of the chain, and how the newest slots stand. */
export interface TickChain {
  readonly tally: Tally;
  readonly live: LiveState;
}

/**
 * Collects what is lacking of the newest slots (`live`) of the chain, as far as its source is final. Slots that the source doesn't
 * have yet aren't missing: they show as its lag.
 */
export async function collectNewest(
  options: Omit<ChainOptions, "lake" | "range">,
  lake: Listings,
  source: ChainSource,
  live: SlotRange,
): Promise<TickChain> {
  const { network, clock } = options;
  const nowMs = clock.now();
  let final = live.first - 1;
  let tally = newTally(source.name);
  try {
    final = await source.final();
    const range = { first: live.first, last: Math.min(final, live.last) };
    if (range.first <= range.last) tally = await collectChain({ ...options, lake, range }, source, [live]);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    tally.lastError = error.message;
  }
  const relay = chainRelay(source.name, "active");
  const stateTo = async (last: number) =>
    liveState(
      lake,
      { network, range: { first: live.first, last }, nowMs },
      relay,
      datasets.chain_blocks.name,
      live,
    );
  const { lagSlots } = await stateTo(live.last);
  return { tally, live: { ...(await stateTo(Math.min(final, live.last))), lagSlots } };
}
