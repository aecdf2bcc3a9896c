import type { ChainSource } from "../chain/chainSource.ts";
import type { SlotRange } from "../chain/slots.ts";
import { collectChain } from "../collect/chain.ts";
import type { SlotScope } from "../collect/scope.ts";
import type { Tally } from "../collect/tally.ts";
import { datasets as definitions } from "../datasets/dataset.ts";
import { UserError } from "../errors.ts";
import type { Lake } from "../lake/lake.ts";
import { chainRelay } from "../relays/chainRelay.ts";
import type { Relay } from "../relays/relay.ts";
import type { Asking } from "./asking.ts";
import { chainOf, type ChainOpener } from "./canonical.ts";
import type { Context } from "./context.ts";
import type { CommonOptions } from "./options.ts";
import { coverageOfAll } from "../collect/coverageOfAll.ts";

/** What is collected of the chain: what opens its source, undefined where there is none or it isn't wanted. */
export interface CollectedChain {
  /** Brings what the lake lacks of these slots into it. Of a source that can't be opened settling tells; its slots stay missing. */
  collect(range: SlotRange, stop: AbortSignal, onTally?: (tally: Tally) => void): Promise<readonly Tally[]>;
  /** Coverage of what was collected, as of when that began: what became final since is for the next time. */
  coverage(scope: SlotScope): ReturnType<typeof coverageOfAll>;
  close(): void;
}

/** The chain that a run collects. Throws UserError (exit 2) where it is all that is wanted, and there is no source. */
export async function chainToCollect(
  options: Pick<CommonOptions, "chain" | "canonical" | "dataset">,
  context: Context,
  lake: Lake,
  nodes: Asking["nodes"],
): Promise<CollectedChain> {
  const isWanted = context.datasets.some((name) => definitions[name].asked === "range");
  const open = isWanted ? await chainOf(options, context, nodes?.beacon) : undefined;
  if (isWanted && !open && options.dataset?.length === 1)
    throw new UserError("--dataset chain_blocks: say with --chain what tells of the chain", { exitCode: 2 });
  return new LazyChain(context, lake, open);
}

class LazyChain implements CollectedChain {
  #relays: readonly Relay[] = [];
  #begunMs = 0;
  readonly #context: Context;
  readonly #lake: Lake;
  readonly #open: ChainOpener | undefined;
  #source: ChainSource | undefined;

  constructor(context: Context, lake: Lake, open: ChainOpener | undefined) {
    this.#context = context;
    this.#lake = lake;
    this.#open = open;
  }

  async collect(
    range: SlotRange,
    stop: AbortSignal,
    onTally?: (tally: Tally) => void,
  ): Promise<readonly Tally[]> {
    if (!this.#open || stop.aborted) return [];
    const { network, clock, log } = this.#context;
    try {
      this.#source ??= await this.#open();
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      return [];
    }
    this.#begunMs = clock.now();
    this.#relays = [chainRelay(this.#source.name, "active")];
    const told = onTally ? { onTally } : {};
    return [
      await collectChain({ network, lake: this.#lake, clock, log, range, stop, ...told }, this.#source),
    ];
  }

  async coverage(scope: SlotScope): ReturnType<typeof coverageOfAll> {
    const { datasets } = this.#context;
    const then = { ...scope, nowMs: this.#begunMs };
    const { coverage, faults } = await coverageOfAll(this.#lake, then, this.#relays, datasets);
    // Of a range that isn't final yet there is nothing to say.
    return { coverage: coverage.filter(({ slots }) => slots > 0), faults };
  }

  close(): void {
    this.#source?.close();
  }
}
