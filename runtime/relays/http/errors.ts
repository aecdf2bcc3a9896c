import { printable } from "../../errors.ts";

/**
 * What went wrong with a request. `unreachable`: no connection (DNS, refused, TLS); `reset`: the connection broke;
 * `timeout`; `refused`: asked too fast or too much (408, 425, 429, 503, or a network's page about that); `server`: another 5xx; `malformed`: an answer that
 * can't be taken; `too-large`; `redirect`; `bad-request`: another 4xx; `forbidden-address`: the host leads to this machine or a
 * private network; `aborted`: the caller stopped it.
 */
export type RelayFault = keyof typeof RETRYABLE;

/** Whether the same request may be answered if it is sent again. */
const RETRYABLE = {
  unreachable: true,
  reset: true,
  timeout: true,
  refused: true,
  server: true,
  malformed: true,
  "too-large": false,
  redirect: false,
  "bad-request": false,
  "forbidden-address": false,
  aborted: false,
};

/** What is known of a failed request beyond its kind. */
export interface RelayFaultDetails {
  readonly status?: number;
  /** First bytes of the body as they came; they are escaped here. */
  readonly body?: Buffer | undefined;
  readonly retryAfterMs?: number | undefined;
  /** Texts that are crossed out wherever the relay repeats them. */
  readonly secrets?: readonly string[];
  readonly retryable?: boolean;
  readonly cause?: unknown;
}

/** Characters of a body that an error shows. */
const EXCERPT_CHARACTERS = 160;
/** Bytes of it that are looked through for what must not be shown: a header's value has 4 KiB at most. */
const SEARCHED_BYTES = 8192;

/** A relay gave no answer that can be taken. The message is one line for a person; nothing in it can steer a terminal. */
export class RelayError extends Error {
  override readonly name = "RelayError";
  readonly relay: string;
  readonly url: string;
  readonly kind: RelayFault;
  /** What happened, without the relay's name and the URL. */
  readonly what: string;
  readonly status: number | undefined;
  /** First bytes of the body, escaped; empty when there was none. */
  readonly excerpt: string;
  /** True when the same request may be answered if it is sent again. */
  readonly retryable: boolean;
  /** How long the relay asked not to be asked, from when it said so. */
  readonly retryAfterMs: number | undefined;

  constructor(relay: string, url: string, kind: RelayFault, what: string, details: RelayFaultDetails = {}) {
    // A relay may repeat what it was sent.
    const hidden = (text: string) =>
      (details.secrets ?? []).reduce((shown, secret) => shown.replaceAll(secret, "***"), text);
    const beginning = (details.body?.subarray(0, SEARCHED_BYTES) ?? "").toString("utf8").trim();
    const excerpt = printable(hidden(beginning).slice(0, EXCERPT_CHARACTERS));
    const shown = `${printable(hidden(what), 300)}${excerpt === "" ? "" : `: ${excerpt}`}`;
    super(
      `${relay}: ${shown} (${printable(url, 300)})`,
      details.cause === undefined ? {} : { cause: details.cause },
    );
    this.relay = relay;
    this.url = url;
    this.kind = kind;
    this.what = shown;
    this.status = details.status;
    this.excerpt = excerpt;
    this.retryable = details.retryable ?? RETRYABLE[kind];
    this.retryAfterMs = details.retryAfterMs;
  }
}
