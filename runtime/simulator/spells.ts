import type { Clock } from "../chain/clock.ts";
import type { DatasetName } from "../datasets/dataset.ts";
import type { FaultKind } from "./faultKinds.ts";
import { mixText, unit } from "./random.ts";
import type { RawRow } from "./rows.ts";

/**
 * What is wrong with a relay as a whole for a while. `from` and `until` are ms from the simulator's start (0, for ever).
 * The truth knows nothing of it, unlike of a flaw: an ideal collector reads what the relay has before or after.
 */
export type Spell = { readonly from?: number; readonly until?: number } & (
  | { readonly kind: "starting"; readonly payloads?: boolean }
  | { readonly kind: "restart"; readonly payloads?: boolean }
  | { readonly kind: "head-stuck"; readonly behind: number }
  | { readonly kind: "exclusive-cursor" }
  | { readonly kind: "oldest-page" }
  | { readonly kind: "page-hole"; readonly share: number }
  | { readonly kind: "always-cut"; readonly rows: number; readonly keeps: "newest" | "oldest" }
  | { readonly kind: "clock-skew"; readonly ms: number }
  | { readonly kind: "replicas"; readonly behind: number; readonly share: number }
  | {
      readonly kind: "crash-loop";
      readonly upMs: number;
      readonly downMs: number;
      readonly startingMs: number;
    }
  | { readonly kind: "cached-witness"; readonly keepsMs: number }
  | { readonly kind: "lower-limit"; readonly limit: number }
  | { readonly kind: "poisoned"; readonly slot: number }
  | { readonly kind: "always"; readonly fault: FaultKind }
);

/** Every kind of spell; what each does to the relay. */
export const SPELLS = [
  "starting", // every bids question is answered [] until the first head event; with `payloads` those of payloads too
  "restart", // the same in the middle of its life
  "head-stuck", // its head stands still from then on, so many slots behind the head of that moment
  "exclusive-cursor", // payload pages begin below their cursor
  "oldest-page", // a payload page without a cursor holds the oldest rows instead of the newest, as Freelay's does
  "page-hole", // this share of the payloads is on no page, but shown by `slot=`
  "always-cut", // it shows so many of a slot's bids at most, always the same ones
  "clock-skew", // its clock, and with it its head and `Date`, is so many ms ahead (negative: behind)
  "replicas", // this share of the asks is answered by a process so many slots behind
  "crash-loop", // it comes up for `upMs`, of which it is starting for `startingMs`, then takes no connection for `downMs`
  "cached-witness", // a CDN in front keeps answers with rows for `keepsMs` and serves them with `Age`
  "lower-limit", // its payload pages hold so many rows at most; a larger `limit` is refused
  "poisoned", // questions for this slot are answered 500
  "always", // this fault strikes every ask
] as const satisfies readonly Spell["kind"][];

export type SpellKind = (typeof SPELLS)[number];

/** How the process that answers sees the relay's database. */
export interface SpellView {
  /** The newest slot that it shows anything of; below 0: nothing at all. */
  readonly newest: number | undefined;
  readonly excludesCursor: boolean;
  /** Whether a page without a cursor is of the oldest payloads. */
  readonly oldestPage: boolean;
  /** Whether a payload is left out of pages. */
  readonly hides: ((row: RawRow) => boolean) | undefined;
  readonly cut: { readonly rows: number; readonly keeps: "newest" | "oldest" } | undefined;
  readonly payloadLimit: number;
  readonly poisoned: ReadonlySet<number>;
}

/** What the spells in force make of one ask. */
export interface Condition {
  /** What strikes this ask whatever the chances. */
  readonly fault: FaultKind | undefined;
  /** Undefined where the relay shows all it has. */
  readonly view: SpellView | undefined;
  /** How far the relay's clock is ahead, ms. */
  readonly skewMs: number;
  /** How long a CDN in front keeps answers, ms; undefined: there is none. */
  readonly cachesMs: number | undefined;
}

const SOUND: Condition = { fault: undefined, view: undefined, skewMs: 0, cachesMs: undefined };
/** Newer than no slot. */
const NOTHING = -1;
const SALT = { replica: 0x5e11, hole: 0x401e } as const;

export interface SpellsOptions {
  readonly seed: number;
  readonly clock: Clock;
  /** All spells of each relay, by name. */
  readonly spells: ReadonlyMap<string, readonly Spell[]>;
  /** The newest slot that has begun at a Unix time, ms. */
  readonly headAt: (unixMs: number) => number;
}

/** Tells which spells are in force by the clock; it counts from when it is made. */
export class Spells {
  readonly #options: SpellsOptions;
  readonly #startedAt: number;
  readonly #startedUnixMs: number;

  constructor(options: SpellsOptions) {
    this.#options = options;
    this.#startedAt = options.clock.monotonic();
    this.#startedUnixMs = options.clock.now();
  }

  /** `luck`: what is drawn for the ask. */
  condition(relay: string, dataset: DatasetName, luck: number): Condition {
    const elapsed = this.#options.clock.monotonic() - this.#startedAt;
    const spells = this.#options.spells
      .get(relay)
      ?.filter(({ from = 0, until = Infinity }) => elapsed >= from && elapsed < until);
    if (!spells || spells.length === 0) return SOUND;
    const of = <K extends SpellKind>(kind: K) =>
      spells.filter((spell): spell is Extract<Spell, { kind: K }> => spell.kind === kind);
    const isDown = of("crash-loop").some((spell) => phaseOf(spell, elapsed) === "down");
    const skewMs = of("clock-skew").reduce((sum, { ms }) => sum + ms, 0);
    const head = this.#options.headAt(this.#options.clock.now() + skewMs);
    const newest = spells.map((spell) => this.#newest(spell, dataset, elapsed, head, luck));
    const shares = of("page-hole").map(({ share }) => share);
    const view: SpellView = {
      newest: skewMs === 0 && newest.every((slot) => slot === head) ? undefined : Math.min(...newest),
      excludesCursor: of("exclusive-cursor").length > 0,
      oldestPage: of("oldest-page").length > 0,
      hides:
        shares.length === 0
          ? undefined
          : ({ block }) => unit(this.#options.seed, SALT.hole, mixText(block.hash)) < Math.max(...shares),
      cut: of("always-cut")[0],
      payloadLimit: Math.min(Infinity, ...of("lower-limit").map(({ limit }) => limit)),
      poisoned: new Set(of("poisoned").map(({ slot }) => slot)),
    };
    return {
      fault: isDown ? "down" : of("always")[0]?.fault,
      view: isWhole(view) ? undefined : view,
      skewMs,
      cachesMs: of("cached-witness")[0]?.keepsMs,
    };
  }

  /** The newest slot that a spell leaves of those up to the head. */
  #newest(spell: Spell, dataset: DatasetName, elapsed: number, head: number, luck: number): number {
    switch (spell.kind) {
      case "starting":
      case "restart":
        return dataset === "bids" || spell.payloads === true ? NOTHING : head;
      case "crash-loop":
        return dataset === "bids" && phaseOf(spell, elapsed) === "starting" ? NOTHING : head;
      case "head-stuck": {
        const stood = this.#options.headAt(this.#startedUnixMs + (spell.from ?? 0));
        return Math.min(head, stood - spell.behind);
      }
      case "replicas":
        return unit(luck, SALT.replica) < spell.share ? head - spell.behind : head;
      default:
        return head;
    }
  }
}

function phaseOf(
  { from = 0, upMs, downMs, startingMs }: Extract<Spell, { kind: "crash-loop" }>,
  elapsed: number,
): "starting" | "up" | "down" {
  const phase = (elapsed - from) % (upMs + downMs);
  if (phase >= upMs) return "down";
  return phase < startingMs ? "starting" : "up";
}

function isWhole({
  newest,
  excludesCursor,
  oldestPage,
  hides,
  cut,
  payloadLimit,
  poisoned,
}: SpellView): boolean {
  return (
    newest === undefined &&
    !excludesCursor &&
    !oldestPage &&
    hides === undefined &&
    cut === undefined &&
    payloadLimit === Infinity &&
    poisoned.size === 0
  );
}
