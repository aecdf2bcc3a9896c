/** More are no use: answers are judged chunk by chunk, soon after they came. */
const KEPT = 64;

/**
 * Slots that returned rows, and when. Relays forget oldest first, and go on forgetting while they are asked: an empty
 * answer is one of an empty slot only if an older slot returned rows to a question that was put after that answer had come.
 */
export class RowProofs {
  #shown: { readonly slot: number; readonly askedAt: number }[] = [];

  /** A slot returned rows to a question put at `askedAt`, Unix ms. */
  add(slot: number, askedAt: number): void {
    // Who is neither older nor later than another shows nothing more.
    this.#shown = this.#shown.filter((one) => one.slot < slot || one.askedAt > askedAt).slice(1 - KEPT);
    this.#shown.push({ slot, askedAt });
  }

  /** Whether a slot was remembered at a time (Unix ms), or up to `toleranceMs` before it. */
  remembers(slot: number, at: number, toleranceMs = 0): boolean {
    return this.#shown.some((one) => one.slot < slot && one.askedAt >= at - toleranceMs);
  }
}
