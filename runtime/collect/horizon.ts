import type { SlotRange } from "../chain/slots.ts";

/** Questions that one search may cost. */
const BUDGET = 60;
/** Distances at which older (or newer) slots are looked at: 4, 128, 4,096 … reach ten million slots in five steps. */
const GALLOP_FIRST = 4;
const GALLOP_FACTOR = 32;
/** Slots that are looked at in one place, where an older one with rows is all that is wanted. */
const PLACE = 2;
/** Slots next to each other that are looked at for a relay whose slots are mostly empty. */
const NEIGHBOURS = 40;
/** So many slots are looked through by stretches alone. */
const FEW_SLOTS = 1024;
/** Slots without rows next to each other that show where a relay's memory ends, if most of its slots have rows. */
const STRETCH = 8;
/** Where, between slots with and without rows, a stretch is looked at: the cheapest in the worst case (x + x^8 = 1). */
const ROUGH_STEP = 0.19;
/** Share of the slots above a border that must have rows for a stretch without any to say something. */
const USUAL_SHARE = 0.5;

/**
 * Where a relay's memory of bids ends. `rows`: a slot below the asked one that still shows rows, so that what lies above is
 * remembered. `horizon`: the oldest slot that shows rows. `unknown`: neither could be shown.
 */
export type HorizonFinding =
  | { readonly kind: "rows"; readonly slot: number }
  | { readonly kind: "horizon"; readonly oldest: number }
  | { readonly kind: "unknown" };

/** What a search asks. All throw when the relay doesn't answer. */
export interface HorizonQuestions {
  /** Whether a slot shows rows, as was answered in this search before or is answered now. */
  readonly hasRows: (slot: number) => Promise<boolean>;
  /** The same, asked (again) once all that was asked may be asked again. */
  readonly again: (slots: readonly number[]) => Promise<readonly boolean[]>;
  /** Slots at or below a slot, newest first, in which the relay delivered a payload: as many as one look brings. */
  readonly delivered: (slot: number) => Promise<readonly number[]>;
}

/** What a search for the horizon begins with. */
export interface HorizonSearch extends HorizonQuestions {
  /** The oldest slot without rows for which an older witness is wanted. */
  readonly slot: number;
  /** What the relay should have. */
  readonly target: SlotRange;
  /** The oldest slot above that is known to show rows. */
  readonly rowsAbove: number | undefined;
  /** Share of the slots asked so far, from a slot on upwards, that are known to have rows; 0 where none was asked. */
  readonly shareFrom: (slot: number) => number;
}

/** The search has cost all that it may. */
class Spent extends Error {}

/**
 * Looks for an older slot that shows rows, and where there is none for the border of what the relay remembers: by bisecting
 * over slots in which it delivered, since those had rows for certain, and where none are known over stretches of slots, if
 * the relay's slots mostly have rows. The border counts when what lies below it has no rows twice and it shows its own after
 * that.
 */
export async function findHorizon(search: HorizonSearch): Promise<HorizonFinding> {
  try {
    return await new Search(search).find();
  } catch (error) {
    if (error instanceof Spent) return { kind: "unknown" };
    throw error;
  }
}

class Search {
  readonly #search: HorizonSearch;
  /** Slot 0 was never auctioned, and relays take `slot=0` for no slot at all. */
  readonly #oldest: number;
  #left = BUDGET;
  readonly #answers = new Map<number, boolean>();
  /** Slots that were delivered, as far as that was looked up, newest first. */
  #deliveries: readonly number[] = [];
  /** No payload is known between the slot without rows and this one. */
  #payloadless = -1;
  /** True once a stretch of slots has stood in for slots that were delivered. */
  #rough = false;

  constructor(search: HorizonSearch) {
    this.#search = search;
    this.#oldest = Math.max(search.target.first, 1);
  }

  async find(): Promise<HorizonFinding> {
    const older = await this.#anyOlder();
    if (older !== undefined) return { kind: "rows", slot: older };
    const above = this.#search.rowsAbove ?? (await this.#anyNewer());
    if (above === undefined) return { kind: "unknown" };
    const border = await this.#border(above);
    return (await this.#holds(border)) ? { kind: "horizon", oldest: border.rows } : { kind: "unknown" };
  }

  async #hasRows(slot: number): Promise<boolean> {
    const known = this.#answers.get(slot);
    if (known !== undefined) return known;
    this.#spend(1);
    const has = await this.#search.hasRows(slot);
    this.#answers.set(slot, has);
    return has;
  }

  #spend(questions: number): void {
    this.#left -= questions;
    if (this.#left < 0) throw new Spent();
  }

  async #first(slots: Iterable<number>): Promise<number | undefined> {
    for (const slot of slots) if (slot >= this.#oldest && (await this.#hasRows(slot))) return slot;
    return undefined;
  }

  async #anyOlder(): Promise<number | undefined> {
    const { slot, rowsAbove, shareFrom } = this.#search;
    const isSparse = rowsAbove !== undefined && shareFrom(rowsAbove) < USUAL_SHARE;
    const near = isSparse ? NEIGHBOURS : PLACE;
    const nearby = await this.#first(down(slot - 1, near));
    if (nearby !== undefined) return nearby;
    // What was delivered had bids: where two such slots show none, looking further down is no use.
    const delivered = await this.#deliveredBelow(slot - 1, this.#oldest);
    if (delivered.length > 0) return this.#first(delivered);
    for (let distance = GALLOP_FIRST; slot - distance >= this.#oldest; distance *= GALLOP_FACTOR) {
      if (await this.#isFull(slot - distance)) return slot - distance;
    }
    return (await this.#isFull(this.#oldest)) ? this.#oldest : undefined;
  }

  async #isFull(slot: number): Promise<boolean> {
    return (await this.#first([slot])) !== undefined;
  }

  async #anyNewer(): Promise<number | undefined> {
    const { slot, target } = this.#search;
    for (let distance = GALLOP_FIRST; ; distance *= GALLOP_FACTOR) {
      const from = Math.min(slot + distance, target.last);
      if (from <= slot) return undefined;
      const found = await this.#first(down(from, PLACE).filter((each) => each > slot));
      if (found !== undefined || from === target.last) return found;
    }
  }

  /** Two slots, from one on downwards to another, in which the relay delivered; known ones near to the first cost nothing. */
  async #deliveredBelow(slot: number, oldest: number): Promise<readonly number[]> {
    const within = (from: number) =>
      this.#deliveries.filter((each) => each <= slot && each >= from).slice(0, PLACE);
    const near = within(slot - (slot - oldest) / 2);
    if (near.length === PLACE || slot < this.#oldest) return near;
    this.#spend(1);
    const more = await this.#search.delivered(slot);
    this.#deliveries = [...new Set([...this.#deliveries, ...more])].toSorted((a, b) => b - a);
    return within(oldest);
  }

  /** The oldest slot with rows between the asked one, which has none, and one that has; and a slot below that has none. */
  async #border(above: number): Promise<{ rows: number; none: number }> {
    let rows = above;
    let none = this.#search.slot;
    while (rows - none > STRETCH) {
      const place = await this.#place(none, rows);
      const found = await this.#first(place);
      if (found === undefined) none = place[0] ?? none;
      else rows = found;
    }
    for (let slot = none + 1; slot < rows; slot++) if (await this.#hasRows(slot)) return { rows: slot, none };
    return { rows, none };
  }

  /** Slots between two that show where the border lies if none of them has rows, newest first. */
  async #place(none: number, rows: number): Promise<readonly number[]> {
    while (!this.#rough) {
      const low = Math.max(none, this.#payloadless);
      const middle = Math.floor((rows + low) / 2);
      const delivered = rows - low > STRETCH ? await this.#deliveredBelow(middle, none + 1) : [];
      if (delivered.length > 0) return delivered;
      // Where no delivery is known at all, few slots are soon looked through without them.
      if (rows - low <= (this.#deliveries.length > 0 ? STRETCH : FEW_SLOTS)) {
        this.#rough = true;
        // A relay's memory of bids mostly begins where that of its payloads does.
        return down(rows - 1, STRETCH).filter((slot) => slot > none);
      }
      this.#payloadless = middle;
    }
    // A stretch without rows costs eight questions, one with rows mostly one: so it is looked for nearer to the rows.
    const near = Math.max(none + 1, Math.floor(rows - ROUGH_STEP * (rows - none)));
    return down(near, Math.min(STRETCH, near - none));
  }

  /** Asks what lies just below the border once more, and then the border itself. */
  async #holds({ rows: border, none }: { rows: number; none: number }): Promise<boolean> {
    // A stretch without rows says nothing where the relay's slots are mostly empty anyway.
    if (this.#rough && this.#search.shareFrom(border) < USUAL_SHARE) return false;
    const nearby = this.#rough ? down(border - 1, STRETCH) : [...down(border - 1, PLACE), none];
    const below = [...new Set(nearby)].filter((slot) => slot >= this.#oldest);
    for (const slot of below) if (await this.#hasRows(slot)) return false;
    this.#spend(below.length + 1);
    const answers = await this.#search.again([...below, border]);
    return answers.at(-1) === true && answers.slice(0, -1).every((has) => !has);
  }
}

/** So many slots from one on downwards. */
function down(from: number, count: number): number[] {
  return Array.from({ length: Math.max(0, count) }, (_, i) => from - i);
}
