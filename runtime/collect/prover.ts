import { RelayError } from "../relays/http/errors.ts";
import { slotAt } from "../chain/slots.ts";
import { type RelayJob, isOver, waitUntil } from "./relayJob.ts";
import type { Sightings } from "./sightings.ts";
import { type SlotAnswer, sentRows } from "./slotAnswer.ts";

/** One pair of witnesses speaks for so many empty slots, and so long, ms. */
const GROUP = 32;
const PAIR_MS = 60_000;
/** At a slow pace a group is smaller, so that its questions take no longer than this, s. */
const GROUP_SECONDS = 30;
/** Times that a group is gone through where its questions weren't all answered in time. */
const ATTEMPTS = 3;
/** Slots that are tried as a witness before there is none. */
const CANDIDATES = 3;
/**
 * So near to the head one of several replicas may be behind. Further newer slots are asked there, where some are known, and
 * a pass in which answers contradicted each other proves nothing there.
 */
const NEAR_HEAD_SLOTS = 7200;
const NEAR_HEAD_WITNESSES = 4;
/** Questions for further newer slots near the head, once one has shown rows. */
const FURTHER_QUESTIONS = 8;
/** So long a further witness is waited for, ms: it was found just after the first. */
const FURTHER_WAIT_MS = 5000;
/** So many empty answers of a pass that turned into rows are no chance any more. */
const MANY_TURNED = 3;
/** How far above the asked slots a newer one is looked for, where few questions may be put. */
const SPREAD = [1, 7, 19, 37];

/** Empty slots that one pair of witnesses speaks for at a pace, requests a second. */
export function groupSize(rate: number): number {
  return Math.max(1, Math.min(GROUP, Math.floor(rate * GROUP_SECONDS)));
}

/** A slot that was answered without rows, and when (by `monotonic()`) it may be asked again. */
export interface Empty {
  readonly slot: number;
  readonly restsUntil: number;
}

/** Asks a slot and notes what it shows; undefined when the relay gives no answer. */
export type AskSlot = (slot: number) => Promise<SlotAnswer | undefined>;

/**
 * Whether any slot newer than `slot` is known to have rows, or shows some now. Until two are known, or `wanted` where one has no rows, slots up to the head are
 * asked, as many as the job allows, and a few once one has shown rows; what they hold isn't kept.
 */
async function findNewer(
  job: RelayJob,
  seen: Sightings,
  ask: AskSlot,
  { slot, wanted }: { readonly slot: number; readonly wanted: number },
): Promise<boolean> {
  const { network, clock, newerQuestions } = job;
  const known = () => seen.witnesses("above", slot, 0).length;
  const head = slotAt(network, clock.now());
  let further = FURTHER_QUESTIONS;
  // A newer slot without rows may be empty, or the answer of a replica that is behind: then more are wanted.
  let enough = Math.min(wanted, 2);
  for (const offset of offsetsAbove(newerQuestions, head - slot)) {
    if (known() >= enough || (known() > 0 && further-- === 0)) break;
    if (isOver(job)) return false;
    if (!seen.isFull(slot + offset)) await ask(slot + offset);
    if (!seen.isFull(slot + offset)) enough = wanted;
  }
  return known() > 0;
}

/** How far above a slot newer ones are looked at: with few questions spread out; else one by one, and then ever further. */
function offsetsAbove(questions: number, most: number): number[] {
  if (questions <= SPREAD.length) return SPREAD.slice(0, questions).filter((offset) => offset <= most);
  const offsets: number[] = [];
  for (let offset = 1; offset <= most; offset += offset < questions ? 1 : offset) offsets.push(offset);
  return offsets;
}

/**
 * Shows that slots which were answered without rows are empty: each is asked once more, between a newer slot that shows rows
 * just before and an older one that does just after. Relays answer `[]` too when they have forgotten a slot, when
 * they have just started, when their head stands still, from caches and lagging replicas: then a witness fails.
 */
export class Prover {
  readonly #job: RelayJob;
  readonly #seen: Sightings;
  readonly #ask: AskSlot;
  readonly #others: ConstructorParameters<typeof Prover>[3];
  #newerSought = false;
  #turned = 0;
  #contradicted = false;

  /**
   * `byDelivery`: the slots are some in which the relay delivered, in a dataset that may be too sparse for witnesses of its own; where
   * none is known on a side, the relay's showing its payload of the outermost slot stands in for one. `findOlder` looks for a slot below one that shows rows, or for the horizon, and notes
   * what it finds.
   */
  constructor(
    job: RelayJob,
    seen: Sightings,
    ask: AskSlot,
    others: { readonly findOlder: (slot: number) => Promise<void>; readonly byDelivery: boolean },
  ) {
    this.#job = job;
    this.#seen = seen;
    this.#ask = ask;
    this.#others = others;
  }

  /** Answers for those of the slots that are empty for certain, or have shown rows; the others stay open. */
  async prove(empties: readonly Empty[]): Promise<SlotAnswer[]> {
    const open = await this.#witnessed(empties.toSorted((a, b) => b.slot - a.slot));
    const size = groupSize(this.#job.source.rate);
    const answers: SlotAnswer[] = [];
    for (let at = 0; at < open.length && !isOver(this.#job); at += size)
      answers.push(...(await this.#group(open.slice(at, at + size))));
    return answers;
  }

  /** Those of the slots, newest first, that have rows by now, or above and below which there is a slot with rows. */
  async #witnessed(empties: readonly Empty[]): Promise<readonly Empty[]> {
    if (this.#others.byDelivery) return empties;
    const seen = this.#seen;
    let open = empties;
    const [top] = open;
    if (!top) return open;
    // Looked for once a pass: where the relay shows nothing newer, what is above its newest slot with rows has to wait.
    const wanted = this.#wantedAbove(top.slot);
    const known = seen.witnesses("above", top.slot, 0).length;
    const isSought = !this.#newerSought && known < Math.min(wanted, 2);
    this.#newerSought ||= isSought;
    if (isSought ? !(await findNewer(this.#job, seen, this.#ask, { slot: top.slot, wanted })) : known === 0) {
      const { newest = -1 } = seen.ends() ?? {};
      open = open.filter(({ slot }) => slot < newest);
    }
    const bottom = open.at(-1);
    if (!bottom) return open;
    if (seen.witnesses("below", bottom.slot, 0).length === 0) await this.#others.findOlder(bottom.slot);
    const { oldest = Infinity } = seen.ends() ?? {};
    // The oldest itself may be one of them: the search has found that it has rows after all.
    return open.filter(({ slot }) => slot >= oldest);
  }

  /** Near the head as many newer slots are wanted as are asked there; a tick has no questions for more than one. */
  #wantedAbove(slot: number): number {
    const { newerQuestions } = this.#job;
    return this.#isNearHead(slot) && newerQuestions > NEAR_HEAD_WITNESSES ? NEAR_HEAD_WITNESSES : 1;
  }

  #isNearHead(slot: number): boolean {
    return slot > this.#job.target.last - NEAR_HEAD_SLOTS;
  }

  async #group(group: readonly Empty[]): Promise<SlotAnswer[]> {
    const { source, clock } = this.#job;
    const top = group[0]?.slot ?? 0;
    const bottom = group.at(-1)?.slot ?? 0;
    const nearHead = this.#isNearHead(top);
    for (let attempt = 1; attempt <= ATTEMPTS && !isOver(this.#job); attempt++) {
      const restsUntil = group.map((empty) => Math.max(empty.restsUntil, this.#seen.restsUntil(empty.slot)));
      await waitUntil(this.#job, Math.max(...restsUntil));
      const { breaks } = source;
      const newer = await this.#witness("above", top, nearHead ? NEAR_HEAD_WITNESSES : 1);
      if (newer === undefined) return [];
      const answers = await this.#askAll(group.map(({ slot }) => slot));
      const rows = answers.filter((answer) => sentRows(answer) > 0);
      this.#turned += rows.length;
      const older = await this.#witness("below", bottom, 1);
      if (older === undefined || rows.length > 0) return rows;
      if (nearHead && (this.#contradicted || this.#turned >= MANY_TURNED)) return [];
      // A relay that went away and came back between its witnesses may have answered from an empty memory.
      if (clock.monotonic() - newer <= PAIR_MS && source.breaks === breaks)
        return answers.filter(({ cached }) => !cached);
    }
    return [];
  }

  /**
   * Asks a slot on one side that is known to have rows, near the head up to `most`; returns when the first was asked, or
   * undefined where none shows rows now. One that had rows and has none any more contradicts what is to be shown.
   */
  async #witness(side: "above" | "below", slot: number, most: number): Promise<number | undefined> {
    const { clock } = this.#job;
    const tried = new Set<number>();
    let shownAt: number | undefined;
    let shown = 0;
    while (tried.size < CANDIDATES + most - 1 && shown < most && !isOver(this.#job)) {
      const candidates = this.#seen.witnesses(side, slot, clock.monotonic());
      const next = candidates.find((each) => !tried.has(each));
      if (next === undefined) break;
      // One witness is waited for; further ones are asked where they may be asked soon.
      const restsUntil = this.#seen.restsUntil(next);
      if (shown > 0 && restsUntil > clock.monotonic() + FURTHER_WAIT_MS) break;
      await waitUntil(this.#job, restsUntil);
      tried.add(next);
      const askedAt = clock.monotonic();
      const hadRows = restsUntil > -Infinity;
      const answer = await this.#ask(next);
      if (!answer) continue;
      if (sentRows(answer) > 0) {
        if (answer.cached) continue;
        shownAt ??= askedAt;
        shown++;
      } else if (hadRows) {
        this.#contradicted = true;
        return undefined;
      }
    }
    return shownAt ?? (this.#others.byDelivery && tried.size === 0 ? this.#shownDelivery(slot) : undefined);
  }

  /** Asks for the payload of a slot in which the relay delivered: its memory reaches there, and it is up and past it. */
  async #shownDelivery(slot: number): Promise<number | undefined> {
    const askedAt = this.#job.clock.monotonic();
    try {
      const { rows, refused, cached } = await this.#job.source.payloadSlot(slot);
      return rows.length + refused.length > 0 && !cached ? askedAt : undefined;
    } catch (error) {
      if (error instanceof RelayError) return undefined;
      throw error;
    }
  }

  async #askAll(slots: readonly number[]): Promise<SlotAnswer[]> {
    const answers: SlotAnswer[] = [];
    const queue = [...slots];
    const work = async () => {
      for (let slot = queue.shift(); slot !== undefined && !isOver(this.#job); slot = queue.shift()) {
        const answer = await this.#ask(slot);
        if (answer) answers.push(answer);
      }
    };
    await Promise.all(Array.from({ length: this.#job.source.concurrency }, work));
    return answers;
  }
}
