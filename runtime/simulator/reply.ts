import type { ServerResponse } from "node:http";

/** Bytes that a response is written in at a time. */
const SLICE = 32_768;
/** A dripping body: so many bytes so often, ms. */
const DRIP_BYTES = 16;
const DRIP_MS = 100;

/**
 * Writes one response and remembers its status. Like the reference relay's server, it announces no keep-alive time-out.
 * It is dated by the simulation's clock. Nothing is written to a client that has left.
 */
export class Reply {
  readonly #response: ServerResponse;
  /** 0 while nothing was sent. */
  status = 0;
  /** Unix ms that it is dated with. */
  dateMs: number;
  /** Seconds for which a cache in front of the relay has had it; undefined: it comes from the relay. */
  ageS: number | undefined;

  constructor(response: ServerResponse, dateMs: number) {
    this.#response = response;
    this.dateMs = dateMs;
    response.removeHeader("connection");
  }

  /** A whole body with its length. */
  send(status: number, headers: Readonly<Record<string, string>>, body: Buffer | string = ""): void {
    if (this.#response.destroyed) return;
    this.#head(status, { ...headers, "content-length": String(Buffer.byteLength(body)) });
    this.#response.end(body);
  }

  /** A body in chunks without its length. */
  sendChunked(headers: Readonly<Record<string, string>>, body: Buffer): void {
    if (this.#response.destroyed) return;
    this.#head(200, headers);
    for (let at = 0; at < body.length; at += SLICE) this.#response.write(body.subarray(at, at + SLICE));
    this.#response.end();
  }

  /** A chunked body that stops without its last chunk, as when a server's write time-out strikes. */
  breakOff(headers: Readonly<Record<string, string>>, body: Buffer): void {
    if (this.#response.destroyed) return;
    this.#head(200, headers);
    this.#response.write(body, () => this.#response.destroy());
  }

  /** A whole body, a few bytes at a time; ends early when the client leaves or the server closes. */
  drip(headers: Readonly<Record<string, string>>, body: Buffer): void {
    if (this.#response.destroyed) return;
    this.#head(200, headers);
    let at = 0;
    const timer = setInterval(() => {
      this.#response.write(body.subarray(at, at + DRIP_BYTES));
      at += DRIP_BYTES;
      if (at >= body.length) this.#response.end();
    }, DRIP_MS);
    timer.unref();
    this.#response.once("close", () => clearInterval(timer)).once("finish", () => clearInterval(timer));
  }

  /** Closes the connection without an answer. */
  drop(): void {
    this.#response.destroy();
  }

  #head(status: number, headers: Readonly<Record<string, string>>): void {
    this.status = status;
    const date = new Date(this.dateMs).toUTCString();
    const age = this.ageS === undefined ? {} : { age: String(this.ageS) };
    this.#response.writeHead(status, { ...headers, ...age, date });
  }
}
