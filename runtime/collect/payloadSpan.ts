import { bids } from "../datasets/bids.ts";
import { type SlotRange, slotAt } from "../chain/slots.ts";
import type { DecodedAnswer } from "../datasets/answer.ts";
import { RelayError } from "../relays/http/errors.ts";
import { NO_PAYLOADS, type SlotPayloads, decided, isSame, rowsOfSlot, slotsOfRows } from "./payloadRows.ts";
import { keepPayloadHorizon } from "./payloadHorizon.ts";
import { type RelayJob, isOver, waitUntil } from "./relayJob.ts";
import { REST_MS } from "./sightings.ts";
import { sentRows } from "./slotAnswer.ts";

/** Paging begins so many slots above the range, and twice as many as long as no row above it shows. */
const FIRST_ABOVE = 100;
/** Times that a page which lacks the newest payload is asked again, each time from a cursor so much higher. */
const MAX_STALE_PAGES = 2;
const TRIED_APART = 2;
/** Times that a page without rows may turn out to have some after all. */
const MAX_STALE_ENDS = 3;
/** So many newer slots in a row with bids show that a relay is alive. */
const ALIVE_SLOTS = 4;

/** What the bids above a span have shown. */
interface SignsOfLife {
  /** Slots with rows. */
  readonly shown: number;
  readonly empty: readonly number[];
  /** By the clock's `monotonic()`, ms. */
  readonly askedAt: number;
}

interface Page {
  readonly cursor: number;
  readonly rows: DecodedAnswer;
  /** Slots of the rows, newest first; one for each row. */
  readonly slots: readonly number[];
  /** Lowest slot, whose rows may be cut off; undefined for a page without rows. */
  readonly lowest: number | undefined;
}

/**
 * Reads the payloads of a run of slots so that every slot is read by two different questions: the
 * first page is asked from two cursors, and each next one begins in the middle of the one before. A page passes over the slots
 * from its cursor down to, but without, its lowest; where two that passed over a slot differ, the slot is asked for by itself.
 */
export class PayloadSpan {
  readonly #job: RelayJob;
  readonly #range: SlotRange;
  /** Slots that aren't settled yet. */
  readonly #wanted: Set<number>;
  /** The same, ascending, as far as paging has not come past them. */
  readonly #open: number[];
  /** Slots that one page has passed over, and what it showed. */
  readonly #once = new Map<number, DecodedAnswer>();
  readonly #differing = new Map<number, DecodedAnswer[]>();
  /** What is known for certain, or as certain as it gets; taken out by whoever writes it. */
  readonly settled = new Map<number, SlotPayloads>();
  /** Slots of which nothing shows yet whether they are empty. */
  readonly unproven = new Set<number>();
  /** The slot of the relay's newest payload. */
  #newest: number | undefined;
  #signs: SignsOfLife = { shown: 0, empty: [], askedAt: -Infinity };
  /** The oldest slot that the relay remembers, where this span has found it. */
  horizon: number | undefined;

  constructor(job: RelayJob, range: SlotRange, wanted: ReadonlySet<number>) {
    this.#job = job;
    this.#range = range;
    this.#wanted = new Set(wanted);
    this.#open = [...wanted].toSorted((a, b) => a - b);
  }

  /** Reads all; `onProgress` is told from which slot on upwards all is read. Throws RelayError; what was read stays in hand. */
  async read(onProgress: (front: number) => Promise<void>): Promise<void> {
    const { source } = this.#job;
    [this.#newest] = slotsOfRows(await source.payloadNewest());
    if (this.#newest === undefined) {
      await waitUntil(this.#job, this.#job.clock.monotonic() + REST_MS);
      [this.#newest] = slotsOfRows(await source.payloadNewest());
    }
    if (this.#newest !== undefined) await this.#pageDown(onProgress);
    const above = this.#aboveNewest();
    if (above.length > 0 && !isOver(this.#job)) this.#signs = await this.#lookAbove(Math.max(...above));
  }

  /** Wanted slots that lie above the relay's newest payload, as far as that is known by now. */
  #aboveNewest(): number[] {
    return [...this.#wanted].filter((slot) => this.isAboveNewest(slot));
  }

  /** True for a slot above the relay's newest payload, as far as that is known by now. */
  isAboveNewest(slot: number): boolean {
    return slot > (this.#newest ?? -1);
  }

  async #pageDown(onProgress: (front: number) => Promise<void>): Promise<void> {
    let page = await this.#firstPage();
    let before = await this.#upToDate(page.cursor + 1);
    let isPair = true;
    for (let staleEnds = 0; !isOver(this.#job);) {
      const lowest = page.lowest;
      if (lowest === undefined || before.lowest === undefined) {
        if (staleEnds++ >= MAX_STALE_ENDS || (await this.#endsBelow(page.cursor))) break;
        before = await this.#page(page.cursor + 1);
        page = await this.#page(page.cursor);
        isPair = true;
        continue;
      }
      if (isPair && before.lowest === before.cursor) await this.#askSlot(before.lowest);
      // Above this slot two pages have passed over everything.
      const front = Math.max(lowest, before.lowest);
      await this.#askOpen(front);
      if (front < this.#range.first) break;
      await onProgress(front + 1);
      if ((lowest === before.lowest && !isPair) || lowest === page.cursor) {
        // One slot fills a page, or nothing older came: it is asked by itself, and paging goes on below it.
        await this.#askSlot(lowest);
        if (lowest <= this.#range.first || lowest === 1) break;
        before = await this.#page(lowest - 1);
        page = lowest > 2 ? await this.#page(lowest - 2) : before;
        isPair = true;
      } else {
        isPair = false;
        const middle = page.slots[Math.floor((page.slots.length - 1) / 2)] ?? lowest;
        before = page;
        page = await this.#page(Math.min(page.cursor - 1, Math.max(front, middle)));
      }
    }
    if (!isOver(this.#job)) await this.#askOpen(Math.max(this.#range.first, this.horizon ?? 0) - 1);
  }

  /** The first page from above the range that shows a row above it, or one from above the relay's newest payload. */
  async #firstPage(): Promise<Page> {
    for (let above = FIRST_ABOVE; ; above *= 2) {
      const page = await this.#upToDate(this.#range.last + above);
      const { cursor } = page;
      if ((page.slots[0] ?? 0) > this.#range.last || cursor >= (this.#newest ?? 0)) return page;
    }
  }

  /** A page that shows the relay's newest payload where it lies below the cursor; another one is tried where it doesn't. */
  async #upToDate(from: number): Promise<Page> {
    for (let cursor = from; ; cursor += TRIED_APART) {
      const page = await this.#page(cursor);
      const newest = this.#newest ?? 0;
      const isStale = newest <= cursor && (page.slots[0] ?? 0) < newest;
      if (!isStale || cursor >= from + MAX_STALE_PAGES * TRIED_APART) return page;
    }
  }

  async #page(cursor: number): Promise<Page> {
    const rows = await this.#job.source.payloadPage(cursor);
    const slots = slotsOfRows(rows);
    const page: Page = { cursor, rows, slots, lowest: slots.at(-1) };
    const [highest = 0] = slots;
    // A page that lacks the newest payload tells nothing of what lies above its own newest row.
    const lacksNewest = highest < (this.#newest ?? 0) && (this.#newest ?? 0) <= cursor;
    this.#newest = Math.max(this.#newest ?? 0, highest);
    if (page.lowest !== undefined) this.#pass(page, lacksNewest ? highest : Math.min(cursor, this.#newest));
    return page;
  }

  #pass({ rows, slots, lowest = 0 }: Page, from: number): void {
    const shown = new Set(slots);
    const last = Math.min(from, this.#range.last);
    for (let slot = last; slot > lowest && slot >= this.#range.first; slot--) {
      if (!this.#wanted.has(slot)) continue;
      const answer = shown.has(slot) ? rowsOfSlot(rows, slot) : NO_PAYLOADS;
      const first = this.#once.get(slot);
      const differing = this.#differing.get(slot);
      if (differing) differing.push(answer);
      else if (!first) this.#once.set(slot, answer);
      else if (isSame(first, answer)) this.#settle(slot, { answer, doubt: undefined });
      else this.#differing.set(slot, [first, answer]);
    }
  }

  #settle(slot: number, payloads: SlotPayloads): void {
    this.#once.delete(slot);
    this.#differing.delete(slot);
    this.#wanted.delete(slot);
    this.settled.set(slot, payloads);
  }

  /** Asks by itself each slot above `front` that pages have left open: they differ, or only one has passed over it. */
  async #askOpen(front: number): Promise<void> {
    for (; (this.#open.at(-1) ?? 0) > front; this.#open.pop()) {
      const slot = this.#open.at(-1) ?? 0;
      if (isOver(this.#job)) return;
      if (slot > (this.#newest ?? 0) || !this.#wanted.has(slot)) continue;
      // What no page has passed over lies above what pages showed, though the relay has newer payloads: one answer is too few.
      if (this.#once.has(slot) || this.#differing.has(slot)) await this.#askSlot(slot);
      else this.unproven.add(slot);
    }
  }

  async #askSlot(slot: number): Promise<void> {
    if (!this.#wanted.has(slot)) return;
    const once = this.#once.get(slot);
    const pages = this.#differing.get(slot) ?? (once ? [once] : []);
    const answer = await this.#bySlot(slot);
    this.#settle(slot, pages.length > 0 ? decided(pages, answer) : { answer, doubt: undefined });
  }

  async #bySlot(slot: number): Promise<DecodedAnswer> {
    this.#job.tally.payloads.secondAsks++;
    return rowsOfSlot(await this.#job.source.payloadSlot(slot), slot);
  }

  /**
   * No row at or below the cursor. Asked once more, later, and then the oldest payload must still show: where its rows are the
   * last, the relay's memory begins. True when the span is done.
   */
  async #endsBelow(cursor: number): Promise<boolean> {
    const { source, clock, tally } = this.#job;
    const askedAt = clock.monotonic();
    const oldest = await this.#oldestAbove(cursor);
    await waitUntil(this.#job, askedAt + REST_MS);
    if (isOver(this.#job) || oldest === undefined) return true;
    tally.payloads.secondAsks += 2;
    if (slotsOfRows(await source.payloadPage(cursor)).length > 0) return false;
    const shown = await source.payloadSlot(oldest);
    if (slotsOfRows(shown).length === 0) return true;
    this.horizon = oldest;
    this.#once.forEach((_, slot) => slot < oldest && this.#once.delete(slot));
    await keepPayloadHorizon(this.#job, oldest);
    return true;
  }

  /** The oldest slot above `empty` that has payloads, by bisecting: a page at cursor X has rows just when X isn't below it. */
  async #oldestAbove(empty: number): Promise<number | undefined> {
    let low = empty;
    let rows = this.#newest;
    while (rows !== undefined && rows - low > 1) {
      // What lies just above the empty run is the oldest more often than not.
      const middle = low === empty ? low + 1 : Math.floor((low + rows) / 2);
      this.#job.tally.payloads.probes++;
      const found = slotsOfRows(await this.#job.source.payloadPage(middle)).at(-1);
      if (found === undefined) low = middle;
      else rows = found;
    }
    return rows;
  }

  /**
   * Slots above the relay's newest payload, some time after `read`: covered as awaiting the next one where the relay's bids
   * show that it is alive above them; else unproven. Throws RelayError.
   */
  async finish(): Promise<void> {
    const above = this.#aboveNewest();
    if (above.length === 0 || isOver(this.#job)) return;
    const isAlive = await this.#isAlive();
    const [newest = -1] = isAlive ? slotsOfRows(await this.#job.source.payloadNewest()) : [];
    if (newest > (this.#newest ?? -1)) return this.#readAgain(above);
    for (const slot of above) {
      this.#once.delete(slot);
      if (isAlive) this.settled.set(slot, { answer: NO_PAYLOADS, doubt: "awaiting" });
      else this.unproven.add(slot);
    }
  }

  /** Slots above which there is a newer payload by now. What lies above that one waits for the next pass. */
  async #readAgain(slots: readonly number[]): Promise<void> {
    const range = { first: Math.min(...slots), last: Math.max(...slots) };
    const span = new PayloadSpan(this.#job, range, new Set(slots));
    await span.read(async () => {});
    for (const slot of slots) {
      const payloads = span.settled.get(slot);
      if (payloads) this.#settle(slot, payloads);
      else this.unproven.add(slot);
    }
  }

  /** Asks for the bids of slots above one until a few have shown rows. */
  async #lookAbove(top: number): Promise<SignsOfLife> {
    const { network, clock, newerQuestions } = this.#job;
    const head = slotAt(network, clock.now());
    const empty: number[] = [];
    let shown = 0;
    for (let n = 1; n <= newerQuestions && top + n <= head && shown < ALIVE_SLOTS; n++) {
      if (isOver(this.#job)) break;
      const answer = await this.#askBids(top + n);
      if (answer && sentRows(answer) === 0) empty.push(top + n);
      if (answer && sentRows(answer) > 0 && !answer.cached) shown++;
    }
    return { shown, empty, askedAt: clock.monotonic() };
  }

  /**
   * Whether slots above show bids, and nothing hints at a relay of which a part is behind: a few slots in a row that show
   * rows, or some among others that are empty twice.
   */
  async #isAlive(): Promise<boolean> {
    const { newerQuestions } = this.#job;
    const { shown, empty, askedAt } = this.#signs;
    // A tick has no questions left to ask the empty ones again.
    if (shown === 0 || (empty.length > 0 && newerQuestions <= ALIVE_SLOTS)) return false;
    if (empty.length > 0) await waitUntil(this.#job, askedAt + REST_MS);
    for (const slot of empty) {
      const answer = await this.#askBids(slot);
      if (!answer || sentRows(answer) > 0) return false;
    }
    return true;
  }

  async #askBids(slot: number) {
    const { source, bidsSeen, clock, tally } = this.#job;
    tally.payloads.probes++;
    try {
      const answer = await source.slot(bids, slot);
      bidsSeen.note(slot, sentRows(answer) > 0, clock.monotonic());
      return answer;
    } catch (error) {
      if (error instanceof RelayError) return undefined;
      throw error;
    }
  }
}
