/** What a field of a log line holds; numbers can be drawn and alerted on. */
export interface LogField {
  readonly type: "text" | "number";
  /** One phrase for docs/configuration.md and for what is made of the lines. */
  readonly meaning: string;
}

const text = (meaning: string) => ({ type: "text", meaning }) as const satisfies LogField;
const number = (meaning: string) => ({ type: "number", meaning }) as const satisfies LogField;

/** How a tick ended. Only `failed` is an error: the others have done what the time allowed. */
export const TICK_OUTCOMES = ["done", "out-of-time", "stopped", "failed"] as const;
export type TickOutcome = (typeof TICK_OUTCOMES)[number];

/**
 * The lines that metrics and alerts are made of: what stands in `message`, and the fields beside it. In Cloud Logging a
 * line is `jsonPayload.message="tick"`, a field `jsonPayload.<name>`. Renaming one breaks what counts on it.
 */
export const LOG_LINES = {
  /** One a tick. */
  tick: {
    message: "tick",
    fields: {
      dataset: text("bids or payloads"),
      outcome: text(TICK_OUTCOMES.join(", ")),
      seconds: number("how long the tick took"),
      relays: number("active relays"),
      relays_failed: number("active relays that left a request unanswered"),
      load_rows: number("rows brought into the warehouse"),
      load_slots: number("slots brought into the warehouse, also those without rows"),
      load_objects: number("objects of which something was loaded"),
      load_bytes: number("compressed bytes of these objects"),
      load_waiting: number("objects that were seen and wait for the next ticks"),
      load_failed: number("objects that can't be loaded as they are"),
      faults: number("objects of the lake that can't be trusted"),
    },
  },
  /** One a tick and active relay. */
  relay: {
    message: "tick.relay",
    fields: {
      dataset: text("name of the dataset"),
      relay: text("the relay's name in the directory"),
      covered: number("slots that this tick covered"),
      missing: number("slots of the newest 32,000 that are still missing"),
      unproven: number("slots of these that were answered without rows, which isn't proven yet"),
      awaiting: number("covered slots of the newest 32,000 that wait for the relay's next payload"),
      rows: number("rows that this tick collected"),
      refused: number("requests that the relay refused (408, 425, 429, 503)"),
      quarantined: number("rows that no table can hold"),
      answers_kernel: number("answers with rows that the kernel took"),
      answers_fallback: number("answers with rows that the kernel left to the slower decoder"),
      reread: number("covered slots that this tick read again"),
      reread_differing: number("slots of these that were answered differently"),
      reread_rows_gained: number("rows that these have more than before"),
      lag_slots: number(
        "settled slots above the newest covered one; 32,000 and more: none of the newest is covered",
      ),
    },
  },
  /** One a page that was due. */
  page: {
    message: "tick.page",
    fields: {
      dataset: text("payloads: the service that writes pages"),
      page: text("day or week"),
      outcome: text("done, or failed: tried again after an hour, then two, four and so on"),
      seconds: number("how long it took"),
      bytes: number("the page's size; 0 for one that failed"),
    },
  },
  /** Credentials or grants are refused; a warning during a service's first minutes, since grants take time. */
  access: {
    message: "access refused",
    fields: {
      dataset: text("bids or payloads"),
      fault: text("what was refused, by whom"),
    },
  },
} as const satisfies Record<
  string,
  { readonly message: string; readonly fields: Readonly<Record<string, LogField>> }
>;

type Fields = typeof LOG_LINES;
type ValueOf<F extends LogField> = F["type"] extends "number" ? number : string;

/** The fields of a line, as the code must give them. */
export type LineOf<K extends keyof Fields> = {
  readonly [F in keyof Fields[K]["fields"]]: Fields[K]["fields"][F] extends LogField
    ? ValueOf<Fields[K]["fields"][F]>
    : never;
};
