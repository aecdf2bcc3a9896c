import type { Clock } from "../chain/clock.ts";
import type { Dialect } from "../datasets/definition.ts";
import { FAULTS, type FaultKind } from "./faultKinds.ts";
import { mix, mixText, unit } from "./random.ts";
import { SPELLS, type Spell, type SpellKind } from "./spells.ts";

/** Chances of faults per ask: of `500-for-an-hour` per URL, of `down` per relay. */
export type FaultRates = Readonly<Partial<Record<FaultKind, number>>>;

export interface FaultPlan {
  readonly rates: FaultRates;
  /** Rates of single relays, by name, instead of `rates`. */
  readonly relays?: Readonly<Record<string, FaultRates>>;
  /** Passing faults that one URL may meet in a row (3); then it is answered. */
  readonly inARow?: number;
  /** True: one of the active relays, drawn when the simulator starts, is down for a while. */
  readonly oneDown?: boolean;
  /** What is wrong with whole relays for a while, by name; `*`: with every relay. */
  readonly spells?: Readonly<Record<string, readonly Spell[]>>;
  /** Chances that a relay meets a spell of a kind, once, within an hour of the simulator's start. */
  readonly spellRates?: Readonly<Partial<Record<SpellKind, number>>>;
}

/** `mild`: what an ordinary day brings. */
const mild: FaultRates = {
  refused: 0.004,
  reset: 0.01,
  "429": 0.004,
  "429-retry-after": 0.004,
  "500-html": 0.004,
  "502": 0.003,
  "503": 0.003,
  "cut-json": 0.003,
  "html-200": 0.002,
};

/** `harsh`: everything at once. */
const harsh: FaultRates = {
  refused: 0.015,
  reset: 0.02,
  hang: 0.002,
  drip: 0.002,
  "429": 0.012,
  "429-retry-after": 0.008,
  "408": 0.01,
  "500-html": 0.015,
  "502": 0.01,
  "503": 0.01,
  "500-for-an-hour": 0.004,
  "cut-json": 0.015,
  "cut-gzip": 0.01,
  "204": 0.005,
  "content-type": 0.01,
  "html-200": 0.01,
  redirect: 0.005,
  "stale-empty": 0.02,
  short: 0.01,
  late: 0.01,
};

/** What `all` adds to `harsh`. */
const odd: FaultRates = {
  "403-cdn": 0.005,
  "429-cdn": 0.01,
  "error-row": 0.01,
  "404-empty": 0.05,
  "null-empty": 0.05,
  bom: 0.01,
  "encoding-odd": 0.01,
  "typed-html": 0.01,
};
const SPELL_RATE = 0.1;

/** `none`, `mild` and `harsh` are the command line's; `all` has spells too and is for tests. */
export const FAULT_PLANS: Readonly<Record<"none" | "mild" | "harsh" | "all", FaultPlan>> = {
  none: { rates: {} },
  mild: { rates: mild },
  harsh: { rates: harsh, oneDown: true },
  all: {
    rates: { ...harsh, ...odd },
    oneDown: true,
    spellRates: Object.fromEntries(SPELLS.map((kind) => [kind, SPELL_RATE])),
  },
};

/** A plan without some faults and spells, such as `without(FAULT_PLANS.all, "short", "late", "page-hole")`. */
export function without(plan: FaultPlan, ...kinds: readonly (FaultKind | SpellKind)[]): FaultPlan {
  const less = <K extends FaultKind | SpellKind>(rates: Readonly<Partial<Record<K, number>>>) =>
    Object.fromEntries(Object.entries(rates).filter(([kind]) => !kinds.includes(kind as K))) as Partial<
      Record<K, number>
    >;
  const map = <T>(byRelay: Readonly<Record<string, T>> | undefined, change: (of: T) => T) =>
    Object.fromEntries(Object.entries(byRelay ?? {}).map(([name, of]) => [name, change(of)]));
  return {
    ...plan,
    rates: less(plan.rates),
    relays: map(plan.relays, less),
    oneDown: plan.oneDown === true && !kinds.includes("down"),
    spells: map(plan.spells, (spells) => spells.filter(({ kind }) => !kinds.includes(kind))),
    spellRates: less(plan.spellRates ?? {}),
  };
}

/** Faults that change what is answered with a sound status: only on the first answer of a URL. */
const firstAnswerOnly: ReadonlySet<FaultKind> = new Set(["204", "stale-empty", "short", "late"]);
/** Faults under which the right answer is given all the same. */
const answersAll: ReadonlySet<FaultKind | undefined> = new Set([
  undefined,
  ...firstAnswerOnly,
  "reset",
  "content-type",
  "404-empty",
  "null-empty",
] as const);

const HOUR_MS = 3_600_000;
const TEN_MINUTES_MS = 600_000;
/** A relay that is down takes no connection for so long, or for so many asks (and up to as many again). */
const DOWN_MS = TEN_MINUTES_MS;
const DOWN_ASKS = 20;

/** What is known of one URL's asks. */
interface AskedUrl {
  asks: number;
  /** Answers with rows, whole or not. */
  answers: number;
  inARow: number;
  brokenUntil: number;
}

export interface FaultyAsk {
  readonly relay: string;
  readonly dialect: Dialect;
  /** Endpoint and query in a form that is equal for equal questions. */
  readonly url: string;
}

/** What happens to an ask, and a number to draw the details from. */
export interface FaultVerdict {
  readonly fault: FaultKind | undefined;
  readonly luck: number;
  /** How often the URL had been asked before. */
  readonly turn: number;
}

/**
 * Decides what goes wrong, from the seed, the relay, the URL and how often that was asked. The minute (for long faults
 * the hour) is drawn in too: a simulator that is started anew for every command would else repeat the faults of the one
 * before for ever. On a clock that stands still all is the same each time.
 */
export class Faults {
  readonly #seed: number;
  readonly #plan: FaultPlan;
  readonly #clock: Clock;
  readonly #urls = new Map<string, AskedUrl>();
  readonly #downs = new Map<string, { until: number; asks: number }>();
  readonly #oneDown: string | undefined;

  /** `relays`: the names of which one may be down. */
  constructor(seed: number, plan: FaultPlan, clock: Clock, relays: readonly string[]) {
    this.#seed = seed;
    this.#plan = plan;
    this.#clock = clock;
    this.#oneDown = plan.oneDown
      ? relays[mix(seed, 0xd1, this.#era(TEN_MINUTES_MS)) % relays.length]
      : undefined;
  }

  judge({ relay, dialect, url }: FaultyAsk): FaultVerdict {
    const rates = this.#plan.relays?.[relay] ?? this.#plan.rates;
    const now = this.#clock.monotonic();
    const parts = [this.#seed, mixText(relay), mixText(url)];
    const known = this.#url(`${relay} ${url}`, parts, rates);
    const turn = known.asks++;
    const luck = mix(...parts, turn, this.#era(60_000));
    if (this.#isDown(relay, rates, now)) return { fault: "down", luck, turn };
    if (now < known.brokenUntil) return { fault: "500-for-an-hour", luck, turn };

    const fault = this.#draw(rates, dialect, known, unit(luck));
    if (answersAll.has(fault)) {
      known.answers++;
      known.inARow = 0;
    } else known.inARow++;
    return { fault, luck, turn };
  }

  #url(key: string, parts: readonly number[], rates: FaultRates): AskedUrl {
    const known = this.#urls.get(key);
    if (known) return known;
    const broken = unit(...parts, 0xb0, this.#era(HOUR_MS)) < (rates["500-for-an-hour"] ?? 0);
    const brokenUntil = broken ? this.#clock.monotonic() + HOUR_MS : -Infinity;
    const fresh = { asks: 0, answers: 0, inARow: 0, brokenUntil };
    this.#urls.set(key, fresh);
    return fresh;
  }

  #draw(rates: FaultRates, dialect: Dialect, known: AskedUrl, u: number): FaultKind | undefined {
    let rest = u;
    for (const kind of FAULTS) {
      if (kind === "500-for-an-hour" || kind === "down") continue;
      const rate = rates[kind] ?? 0;
      if (rest >= rate) {
        rest -= rate;
        continue;
      }
      if (kind === "stale-empty" && dialect !== "helix") return undefined;
      if (firstAnswerOnly.has(kind)) return known.answers === 0 ? kind : undefined;
      return known.inARow < (this.#plan.inARow ?? 3) ? kind : undefined;
    }
    return undefined;
  }

  #isDown(relay: string, rates: FaultRates, now: number): boolean {
    let down = this.#downs.get(relay);
    if (!down) {
      const u = unit(this.#seed, mixText(relay), 0xd0, this.#era(TEN_MINUTES_MS));
      const isHit = relay === this.#oneDown || u < (rates.down ?? 0);
      down = { until: isHit ? now + DOWN_MS : -Infinity, asks: DOWN_ASKS + Math.floor(u * DOWN_ASKS) };
      this.#downs.set(relay, down);
    }
    return now < down.until && down.asks-- > 0;
  }

  #era(length: number): number {
    return Math.floor(this.#clock.now() / length);
  }
}
