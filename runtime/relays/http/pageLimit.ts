import type { RelayError } from "./errors.ts";
import type { Relay } from "../relay.ts";

/** What the strictest of the relays known takes (bloXroute). */
const STRICTEST_LIMIT = 100;

/**
 * The page limit that a refusal (400) of a page of `asked` rows tells; always lower than that, and undefined when the refusal
 * is about something else. Texts: "maximum limit is 200", "limit is higher than 450"; freelay's "limit cannot be greater than
 * 500" isn't true: where no lower number is named, it is what the strictest relay known takes.
 */
export function limitTold(text: string, asked: number): number | undefined {
  const message = text.replaceAll(/"?\b(?:code|status|statusCode)\b"?\s*[:=]\s*\d+/g, "");
  if (!/limit/i.test(message) || /rate.?limit/i.test(message)) return undefined;
  const lower = [...message.matchAll(/\b\d{1,6}\b/g)].map(Number).filter((n) => n >= 1 && n < asked);
  if (lower.length > 0) return Math.max(...lower);
  return asked > STRICTEST_LIMIT ? STRICTEST_LIMIT : undefined;
}

/** How many rows a relay's pages have: what the directory says, until the relay itself says less. */
export class PageLimit {
  readonly #relay: Relay;
  readonly #onNotice: (line: string) => void;
  #told: number | undefined;

  /** `onNotice` is told, once, when the relay takes less than the directory says. */
  constructor(relay: Relay, onNotice: (line: string) => void) {
    this.#relay = relay;
    this.#onNotice = onNotice;
  }

  /** Rows that a page may ask for. */
  get rows(): number {
    return Math.min(this.#relay.payloadLimit, this.#told ?? Infinity);
  }

  /** What the relay said when it refused more; undefined while it hasn't. */
  get told(): number | undefined {
    return this.#told;
  }

  /** Looks for a lower limit in the refusal of a page; true when there is one. */
  learn({ url, excerpt }: RelayError): boolean {
    const told = limitTold(excerpt, Number(new URL(url).searchParams.get("limit")));
    if (told === undefined) return false;
    const before = this.rows;
    this.#told = Math.min(told, this.#told ?? Infinity);
    if (this.rows < before) {
      this.#onNotice(
        `${this.#relay.name}: takes ${this.rows} payloads a page, not ${before}: asked so from now on`,
      );
    }
    return true;
  }
}
