import type { ChunkPlan } from "./plan.ts";
import { relate } from "./merge.ts";
import type { Empty } from "./prover.ts";
import { type SlotAnswer, blockLines, sentRows } from "./slotAnswer.ts";

/** A chunk that is being read: its answers, and what of it has to be asked once more before it is written. */
export class OpenChunk {
  readonly plan: ChunkPlan;
  /** By the clock's `monotonic()`, ms. */
  readonly openedAt: number;
  readonly #answers = new Map<number, SlotAnswer>();
  readonly #empties = new Map<number, Empty>();
  readonly #suspects = new Map<number, Empty>();
  readonly #unproven = new Set<number>();
  readonly #answered = new Set<number>();
  #heldBytes = 0;

  constructor(plan: ChunkPlan, openedAt: number) {
    this.plan = plan;
    this.openedAt = openedAt;
  }

  /** Counts the bytes of the answers that are held from now on, and returns them. */
  hold(): number {
    for (const { block } of this.#answers.values()) this.#heldBytes += block.deflate.length;
    return this.#heldBytes;
  }

  /** Returns the bytes that were counted as held, and counts none any more. */
  release(): number {
    const bytes = this.#heldBytes;
    this.#heldBytes = 0;
    return bytes;
  }

  /** Slots that are to be asked once more. */
  get waiting(): number {
    return this.#empties.size + this.#suspects.size;
  }

  get empties(): Empty[] {
    return [...this.#empties.values()];
  }

  get suspects(): Empty[] {
    return [...this.#suspects.values()];
  }

  addAnswer(answer: SlotAnswer): void {
    this.#answers.set(answer.slot, answer);
    this.#answered.add(answer.slot);
  }

  addEmpty(empty: Empty): void {
    this.#empties.set(empty.slot, empty);
  }

  /** A doubtful answer's slot, and when it may be asked again. */
  addSuspect(suspect: Empty): void {
    this.#suspects.set(suspect.slot, suspect);
  }

  /** A slot answered as it is stored. */
  addSame(slot: number): void {
    this.#answered.add(slot);
  }

  /** Slots of the plan that gave no answer which could be believed. */
  get unanswered(): number[] {
    return this.plan.missing.filter((slot) => !this.#answered.has(slot));
  }

  /** Second asks of empties are over: those without an answer stay unproven. */
  settle(asked: readonly Empty[], answers: ReadonlyMap<number, SlotAnswer>): void {
    for (const { slot } of asked) {
      if (!this.#empties.delete(slot)) continue;
      const answer = answers.get(slot);
      if (answer) this.addAnswer(answer);
      else this.#unproven.add(slot);
    }
  }

  /** A doubtful slot was asked once more (undefined: it gave no answer). */
  settleSuspect(slot: number, second: SlotAnswer | undefined): void {
    this.#suspects.delete(slot);
    const first = this.#answers.get(slot);
    // Written already, or asked in vain: what was read stands.
    if (!second || sentRows(second) === 0) return;
    if (!first) {
      this.#answers.set(slot, second);
      return;
    }
    const relation = relate(blockLines(first.block), blockLines(second.block));
    if (relation === "same") return;
    const better = relation === "new-contains-stored" ? second : first;
    this.#answers.set(slot, { ...better, doubt: "differs" });
  }

  /** Hands over what is to be written; what is still to be asked again stays, and is unproven meanwhile. */
  take(): { answers: SlotAnswer[]; unproven: number[] } {
    const answers = [...this.#answers.values()];
    const unproven = [...this.#unproven, ...this.#empties.keys()];
    this.#answers.clear();
    this.#unproven.clear();
    return { answers, unproven };
  }
}
