import type { Clock } from "../chain/clock.ts";
import type { Dialect } from "../relay/relay.ts";
import { mix, mixText, unit } from "./random.ts";

/** Everything that can go wrong with one ask. */
export const FAULTS = [
  "refused", // the connection is closed at once
  "reset", // this ask is answered, the next one on the same connection isn't
  "hang", // no answer, ever
  "drip", // the answer, a few bytes at a time
  "429",
  "429-retry-after", // in seconds or as a date
  "408",
  "500-html",
  "502", // without a body
  "503",
  "500-for-an-hour", // of simulated time, from the first ask on, whatever was asked
  "cut-json", // with a complete message around it, or with the connection lost in the middle
  "cut-gzip",
  "204",
  "content-type", // the right rows as text/plain
  "html-200",
  "redirect", // to another relay's rows
  "stale-empty", // Helix: [] on the first ask, kept until it hasn't been asked for 12 s
  "short", // fewer rows on the first ask, with 200
  "late", // rows that were stored last are missing on the first ask
  "down", // the relay as a whole doesn't take connections for a while
] as const;

export type FaultKind = (typeof FAULTS)[number];

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

export const FAULT_PLANS: Readonly<Record<"none" | "mild" | "harsh", FaultPlan>> = {
  none: { rates: {} },
  mild: { rates: mild },
  harsh: { rates: harsh, oneDown: true },
};

/** A plan without some faults, such as `without(FAULT_PLANS.harsh, "short", "late")`. */
export function without(plan: FaultPlan, ...kinds: readonly FaultKind[]): FaultPlan {
  const less = (rates: FaultRates): FaultRates =>
    Object.fromEntries(FAULTS.flatMap((kind) => (kinds.includes(kind) ? [] : [[kind, rates[kind] ?? 0]])));
  const relays = Object.entries(plan.relays ?? {}).map(([name, rates]) => [name, less(rates)] as const);
  const oneDown = plan.oneDown === true && !kinds.includes("down");
  return { ...plan, rates: less(plan.rates), relays: Object.fromEntries(relays), oneDown };
}

/** Faults that change what is answered with a sound status: only on the first answer of a URL. */
const firstAnswerOnly: ReadonlySet<FaultKind> = new Set(["204", "stale-empty", "short", "late"]);

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
export interface Verdict {
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

  judge({ relay, dialect, url }: FaultyAsk): Verdict {
    const rates = this.#plan.relays?.[relay] ?? this.#plan.rates;
    const now = this.#clock.monotonic();
    const parts = [this.#seed, mixText(relay), mixText(url)];
    const known = this.#url(`${relay} ${url}`, parts, rates);
    const turn = known.asks++;
    const luck = mix(...parts, turn, this.#era(60_000));
    if (this.#isDown(relay, rates, now)) return { fault: "down", luck, turn };
    if (now < known.brokenUntil) return { fault: "500-for-an-hour", luck, turn };

    const fault = this.#draw(rates, dialect, known, unit(luck));
    if (fault === undefined || firstAnswerOnly.has(fault) || fault === "reset" || fault === "content-type") {
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
