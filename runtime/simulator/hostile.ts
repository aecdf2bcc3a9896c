import { once } from "node:events";
import { type ServerResponse, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";

/** Ways in which a relay may attack who asks it; each is served under `/<case>`. */
export const HOSTILE_CASES = [
  "endless", // a body of sound rows that never ends
  "bomb", // gzip that inflates to 4 GiB of white space
  "drip", // a byte every 50 ms
  "redirect", // to an address inside the cloud
  "redirect-home", // to loopback: `/secret` on this server
  "deep", // an array nested 100,000 deep
  "deep-field", // a row with an unknown field nested 100,000 deep
  "outside", // rows of the next slot, or above the cursor
  "rising", // payloads in rising order
  "stuck", // the same page whatever the cursor
  "long-string", // an unknown field of 10 MB
  "long-value", // a value of 10 million digits
  "escapes", // 500 with terminal control sequences and a fake log line
  "escapes-in-row", // the same in a row that goes into quarantine
  "prototype", // fields named after what objects inherit
  "same-field-twice",
  "not-rows", // an array of things that aren't objects
] as const;

export type HostileCase = (typeof HOSTILE_CASES)[number];

export interface HostileRelay {
  /** Base URL of a relay that attacks in one way. */
  url(attack: HostileCase): string;
  /** Paths that were asked for, in order. */
  readonly visits: readonly string[];
  close(): Promise<void>;
}

const JSON_TYPE = { "content-type": "application/json" };
const TEN_MILLION = 10_000_000;
const DEPTH = 100_000;
const BOMB_PART = 16 << 20;
const BOMB_PARTS = 256;
/** Clears the screen, retitles the terminal, writes red, and ends with a line that looks like another log entry. */
const ESCAPES =
  '\u001b[2J\u001b]0;owned\u0007\u001b[31mred\r\n{"level":30,"msg":"all slots covered"}\n\u202e\u0085';

/** Serves every hostile case on loopback. */
export async function startHostileRelay(): Promise<HostileRelay> {
  const visits: string[] = [];
  const server = createServer((request, response) => {
    visits.push(request.url ?? "");
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://127.0.0.1");
    const slot = Number(searchParams.get("slot") ?? searchParams.get("cursor") ?? 1);
    const attack = HOSTILE_CASES.find((name) => name === pathname.split("/")[1]);
    if (attack) attacks[attack](response, slot);
    else send(response, "[]");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url: (attack) => `${base}/${attack}`,
    visits,
    async close() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

const attacks: Readonly<Record<HostileCase, (response: ServerResponse, slot: number) => void>> = {
  endless(response, slot) {
    response.writeHead(200, JSON_TYPE);
    response.write("[");
    const part = `${row(slot)},`.repeat(100);
    pump(response, () => part);
  },
  bomb(response) {
    response.writeHead(200, { ...JSON_TYPE, "content-encoding": "gzip" });
    // Members of gzip one behind another inflate to their texts one behind another.
    const part = gzipSync(Buffer.alloc(BOMB_PART, " "), { level: 9 });
    let left = BOMB_PARTS;
    pump(response, () => (left-- > 0 ? part : undefined));
  },
  drip(response, slot) {
    response.writeHead(200, JSON_TYPE);
    const text = `[${row(slot)}]`;
    let at = 0;
    const timer = setInterval(() => response.write(text.charAt(at++ % text.length)), 50);
    timer.unref();
    response.once("close", () => clearInterval(timer));
  },
  redirect: (response) => redirect(response, "http://169.254.169.254/computeMetadata/v1/"),
  "redirect-home": (response) => redirect(response, "/secret"),
  deep: (response) => send(response, "[".repeat(DEPTH) + "]".repeat(DEPTH)),
  "deep-field": (response, slot) =>
    send(response, `[${row(slot, { more: "[".repeat(DEPTH) + "]".repeat(DEPTH) })}]`),
  outside: (response, slot) => send(response, `[${row(slot + 1)},${row(slot)}]`),
  rising: (response, slot) => send(response, `[${row(slot - 2)},${row(slot - 1)},${row(slot)}]`),
  stuck: (response) => send(response, `[${Array.from({ length: 200 }, (_, i) => row(1_000 - i)).join(",")}]`),
  "long-string": (response, slot) =>
    send(response, `[${row(slot, { more: `"${"x".repeat(TEN_MILLION)}"` })}]`),
  "long-value": (response, slot) =>
    send(response, `[${row(slot, { value: `"${"9".repeat(TEN_MILLION)}"` })}]`),
  escapes(response) {
    response.writeHead(500, { "content-type": "text/plain" });
    response.end(ESCAPES);
  },
  "escapes-in-row": (response, slot) =>
    send(response, `[${row(slot, { value: JSON.stringify(ESCAPES), more: JSON.stringify(ESCAPES) })}]`),
  prototype: (response, slot) =>
    send(
      response,
      `[${row(slot, { ["__proto__"]: '{"value":"1"}', constructor: '"x"', toString: "null" })}]`,
    ),
  "same-field-twice": (response, slot) =>
    send(response, `[${row(slot).replace(/}$/, ',"value":"99999999999999999999999999999","value":"2"}')}]`),
  "not-rows": (response) => send(response, '[1,null,"x",[]]'),
};

function send(response: ServerResponse, body: string): void {
  response.writeHead(200, JSON_TYPE);
  response.end(body);
}

function redirect(response: ServerResponse, location: string): void {
  response.writeHead(302, { location });
  response.end();
}

/** Writes parts as fast as the client takes them, until there are no more or it leaves. */
function pump(response: ServerResponse, next: () => string | Buffer | undefined): void {
  const more = () => {
    for (;;) {
      if (response.destroyed) return;
      const part = next();
      if (part === undefined) {
        response.end();
        return;
      }
      if (!response.write(part)) break;
    }
    response.once("drain", more);
  };
  more();
}

/** A sound row, with fields replaced or added as JSON text. */
function row(slot: number, fields: Readonly<Record<string, string>> = {}): string {
  const hex = (digits: number) => `"0x${slot.toString(16).padStart(digits, "0")}"`;
  const members = new Map([
    ["slot", `"${slot}"`],
    ["parent_hash", hex(64)],
    ["block_hash", hex(64)],
    ["builder_pubkey", hex(96)],
    ["proposer_pubkey", hex(96)],
    ["proposer_fee_recipient", hex(40)],
    ["gas_limit", '"36000000"'],
    ["gas_used", '"21000"'],
    ["value", '"1"'],
    ["num_tx", '"1"'],
    ["block_number", '"1"'],
    ...Object.entries(fields),
  ]);
  return `{${Array.from(members, ([name, json]) => `"${name}":${json}`).join(",")}}`;
}
