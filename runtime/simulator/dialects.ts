import type { DatasetName } from "../datasets/dataset.ts";
import type { Dialect } from "../datasets/definition.ts";
import { type Rules, rules } from "./dialectRules.ts";
import { cutOff } from "./flaws.ts";
import { Random } from "./random.ts";
import type { RawRow } from "./rows.ts";
import type { SpellView } from "./spells.ts";
import { type SimulatedData, firstOfEachHash } from "./truth.ts";

/** A query that the relay's software refuses. */
export interface RefusedQuestion {
  readonly status: number;
  readonly message: string;
}

/** A query, as a relay is sent it. */
export interface RowsQuestion {
  readonly relay: string;
  readonly dataset: DatasetName;
  readonly params: URLSearchParams;
}

/** What a relay's software answers to a query. */
export type ServedRows = { readonly rows: readonly RawRow[] } | RefusedQuestion;

/** A bids query without a slot looks through so many of the newest slots, one for payloads by key through so many. */
const RECENT_BID_SLOTS = 32;
const RECENT_PAYLOAD_SLOTS = 20_000;

const FILTERS: Readonly<Record<string, RegExp>> = {
  block_hash: /^0x[0-9a-fA-F]{64}$/,
  block_number: /^\d{1,15}$/,
  proposer_pubkey: /^0x[0-9a-fA-F]{96}$/,
  builder_pubkey: /^0x[0-9a-fA-F]{96}$/,
};

/** The reference's answer where a column of one row is NULL (facts: relay-data-api §7). */
const POISON: RefusedQuestion = {
  status: 500,
  message: 'sql: Scan error on column index 8, name "value": converting NULL to string is unsupported',
};

/** A parameter that the relay refuses. */
class Refusal extends Error {}

/**
 * Answers a query as the relay's software does. `turn` numbers the asks: where the software promises no order, rows come
 * in another one each time. `view`: how the process sees the database where that isn't whole. Not simulated: `order_by`.
 */
export function ask(data: SimulatedData, question: RowsQuestion, turn: number, view?: SpellView): ServedRows {
  const query = new Query(data, question, turn, view);
  try {
    if (question.dataset === "bids") return query.bids();
    return question.dataset === "payloads" ? query.payloads() : query.extras(question.dataset);
  } catch (error) {
    if (error instanceof Refusal) return { status: 400, message: error.message };
    throw error;
  }
}

/** The body of a refusal: JSON from all but Helix, which writes plain text. */
export function refusalBody(
  dialect: Dialect,
  status: number,
  message: string,
): { type: string; text: string } {
  return dialect === "helix"
    ? { type: "text/plain; charset=utf-8", text: message }
    : { type: "application/json", text: `${JSON.stringify({ code: status, message })}\n` };
}

/** What Freelay finds before it reaches its limit: it looks hashes up in rising order. */
function lowestHashes(rows: readonly RawRow[], limit: number): readonly RawRow[] {
  if (rows.length <= limit) return rows;
  const lowest = new Set(rows.toSorted((a, b) => (a.block.hash < b.block.hash ? -1 : 1)).slice(0, limit));
  return rows.filter((row) => lowest.has(row));
}

class Query {
  readonly #data: SimulatedData;
  readonly #relay: string;
  readonly #dialect: Dialect;
  readonly #rules: Rules;
  readonly #params: URLSearchParams;
  readonly #random: Random;
  readonly #view: SpellView | undefined;
  /** The slots that the process shows. */
  readonly #first: number;
  readonly #last: number;

  constructor(
    data: SimulatedData,
    { relay, dataset, params }: RowsQuestion,
    turn: number,
    view: SpellView | undefined,
  ) {
    const profile = data.profile(relay);
    this.#data = data;
    this.#relay = relay;
    this.#dialect = profile?.relay.dialect ?? "flashbots";
    this.#rules = rules[this.#dialect];
    this.#params = params;
    this.#random = new Random(turn, profile?.index ?? 0);
    this.#view = view;
    ({ first: this.#first, last: this.#last } = data.span(relay, dataset, view?.newest));
  }

  bids(): ServedRows {
    const { cursorOnBids, needsFilter, bidLimit, limitWithSlot } = this.#rules;
    if (cursorOnBids !== undefined && this.#has("cursor")) throw new Refusal(cursorOnBids);
    const slot = this.#slot("slot");
    const matches = this.#filter(["block_hash", "block_number", "builder_pubkey"]);
    const names = ["slot", "block_hash", "block_number", "builder_pubkey"];
    if (needsFilter !== undefined && !names.some((name) => this.#has(name))) throw new Refusal(needsFilter);

    const asked = this.#integer("limit", /^-?\d{1,9}$/);
    const narrow = slot !== undefined || this.#has("block_number");
    const free = this.#dialect === "helix" && narrow;
    if (asked !== undefined && asked > bidLimit && !free) throw new Refusal(this.#rules.tooHigh(bidLimit));
    if (asked !== undefined && asked < 0 && !narrow && !this.#has("block_hash"))
      return { status: 500, message: "pq: LIMIT must not be negative" };
    if (this.#isPoisoned(slot)) return POISON;

    const limit =
      narrow && limitWithSlot === "dropped"
        ? Infinity
        : (asked ?? (narrow && limitWithSlot === "honoured" ? Infinity : bidLimit));
    const slots = slot === undefined ? this.#recentSlots() : [slot];
    const found = (s: number) =>
      limitWithSlot === "always" ? lowestHashes(this.#shownBids(s), limit) : this.#shownBids(s);
    const rows = slots.flatMap((s) => this.#inOrder(found(s)).filter(matches));
    return { rows: this.#deduplicated(rows.slice(0, Math.max(0, limit))) };
  }

  payloads(): ServedRows {
    const { slotAndCursor } = this.#rules;
    const payloadLimit = Math.min(this.#rules.payloadLimit, this.#view?.payloadLimit ?? Infinity);
    if (slotAndCursor !== undefined && this.#has("slot") && this.#has("cursor"))
      throw new Refusal(slotAndCursor);
    const slot = this.#slot("slot");
    const cursor = this.#slot("cursor");
    const matches = this.#filter(Object.keys(FILTERS).filter((name) => !this.#rules.ignored.includes(name)));
    const limit = this.#integer("limit", /^\d{1,9}$/) ?? payloadLimit;
    if (limit > payloadLimit) throw new Refusal(this.#rules.tooHigh(payloadLimit));
    if (this.#isPoisoned(slot)) return POISON;

    const named = slot ?? this.#slotOfBlock();
    if (this.#view?.oldestPage === true && named === undefined && cursor === undefined)
      return { rows: this.#oldestPayloads(limit) };
    const top = cursor !== undefined && this.#view?.excludesCursor === true ? cursor - 1 : cursor;
    const newest = Math.min(named ?? top ?? this.#last, this.#last);
    const filtered = Object.keys(FILTERS).some((name) => this.#has(name));
    const oldest = Math.max(this.#first, named ?? (filtered ? newest - RECENT_PAYLOAD_SLOTS : this.#first));
    const isOnPage = (row: RawRow) => named !== undefined || this.#view?.hides?.(row) !== true;
    const rows: RawRow[] = [];
    for (let s = newest; s >= oldest && rows.length < limit; s--) {
      const stored = this.#stored("payloads", s);
      rows.push(...this.#inOrder(stored).filter((row) => matches(row) && isOnPage(row)));
    }
    return { rows: this.#deduplicated(rows.slice(0, limit)) };
  }

  /** What relays show of a slot besides: by slot alone. */
  extras(dataset: DatasetName): ServedRows {
    const slot = this.#slot("slot");
    if (slot === undefined) throw new Refusal(this.#rules.invalid("slot", ""));
    return { rows: this.#stored(dataset, slot) };
  }

  /** The oldest rows, newest first. */
  #oldestPayloads(limit: number): readonly RawRow[] {
    const rows: RawRow[] = [];
    for (let s = this.#first; s <= this.#last && rows.length < limit; s++)
      rows.unshift(...this.#inOrder(this.#stored("payloads", s)));
    return rows.slice(-limit);
  }

  #has(name: string): boolean {
    return (this.#params.get(name) ?? "") !== "";
  }

  #integer(name: string, form: RegExp): number | undefined {
    if (!this.#has(name)) return undefined;
    const text = this.#params.get(name) ?? "";
    if (!form.test(text)) throw new Refusal(this.#rules.invalid(name, text));
    return Number(text);
  }

  /** A slot parameter; 0 and negative count as given, but don't narrow anything. */
  #slot(name: string): number | undefined {
    const slot = this.#integer(name, /^-?\d{1,18}$/);
    return slot !== undefined && slot > 0 ? slot : undefined;
  }

  #filter(names: readonly string[]): (row: RawRow) => boolean {
    const wanted = names.flatMap((name) => {
      const text = this.#params.get(name) ?? "";
      if (text === "") return [];
      if (!FILTERS[name]?.test(text)) throw new Refusal(this.#rules.invalid(name, text));
      return [{ name, text: text.toLowerCase() }];
    });
    const value = ({ block, proposer }: RawRow, name: string) => {
      if (name === "block_hash") return block.hash;
      if (name === "block_number") return String(block.number);
      return name === "builder_pubkey" ? block.builder : proposer;
    };
    return (row) => wanted.every(({ name, text }) => value(row, name) === text);
  }

  #slotOfBlock(): number | undefined {
    return this.#has("block_number")
      ? this.#data.slotOfBlock(Number(this.#params.get("block_number")))
      : undefined;
  }

  /** The slots that a bids query without a slot looks through, newest first. */
  #recentSlots(): number[] {
    const last = this.#last;
    const of = this.#slotOfBlock();
    // A late block's number is bid for in its own slot and, on the older parent, in the next.
    if (of !== undefined) return [of + 2, of + 1, of].filter((slot) => slot <= last);
    return Array.from({ length: RECENT_BID_SLOTS }, (_, i) => last - i);
  }

  #stored(dataset: DatasetName, slot: number): readonly RawRow[] {
    return slot < this.#first || slot > this.#last
      ? []
      : this.#data.stored(dataset, this.#relay, slot, this.#last);
  }

  #shownBids(slot: number): readonly RawRow[] {
    const stored = this.#stored("bids", slot);
    const cut = this.#view?.cut;
    return cut ? cutOff(stored, cut) : stored;
  }

  #isPoisoned(slot: number | undefined): boolean {
    return slot !== undefined && this.#view?.poisoned.has(slot) === true;
  }

  #inOrder(stored: readonly RawRow[]): readonly RawRow[] {
    const { order } = this.#rules;
    if (order === "newest first" || stored.length < 2) return stored.toReversed();
    // De-duplication keeps the first stored row whatever the order, so that what is shown of a slot doesn't change.
    if (order === "any") return this.#random.shuffled(stored);
    return stored.toSorted((a, b) => b.block.hash.localeCompare(a.block.hash, "en"));
  }

  #deduplicated(rows: readonly RawRow[]): readonly RawRow[] {
    if (this.#dialect !== "helix") return rows;
    const byAge = rows.toSorted((a, b) => (a.received?.ms ?? 0) - (b.received?.ms ?? 0));
    const kept = new Set(firstOfEachHash(byAge));
    return rows.filter((row) => kept.delete(row));
  }
}
