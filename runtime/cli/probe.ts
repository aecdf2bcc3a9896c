import { withTimeLimit } from "../chain/timeLimit.ts";
import { settledSlot } from "../chain/slots.ts";
import { MalformedAnswerError, answerDecoder } from "../datasets/answer.ts";
import { payloads } from "../datasets/payloads.ts";
import { printable } from "../errors.ts";
import type { RelayClient } from "../relays/http/client.ts";
import { RelayError } from "../relays/http/errors.ts";
import type { RelayRequest } from "../relays/http/request.ts";
import { offlineText } from "./offline.ts";
import { prose, terminalColumns, wrapped } from "./numbers.ts";
import { startAsking } from "./asking.ts";
import { contextOf, stopSignal } from "./context.ts";
import type { CommonOptions } from "./options.ts";

/** What a relay showed when it was asked a few questions; null where it wasn't found out. */
interface Probe {
  readonly relay: string;
  readonly url: string;
  readonly reachable: boolean;
  /** Of a page of payloads, ms. */
  readonly latency_ms: number | null;
  /** Rows of that page. */
  readonly page_rows: number | null;
  /** What the relay said when it was asked for more; the directory's figure where it takes any. */
  readonly page_limit: number;
  /** Newest and oldest slot that it shows a payload of. */
  readonly newest_slot: number | null;
  readonly oldest_slot: number | null;
  readonly gzip: boolean | null;
  /** How it writes refusals: Helix as text, others as JSON. */
  readonly errors: "json" | "text" | null;
  readonly requests: number;
  /** Why it can't be reached, or why something stands open. */
  readonly error: string | null;
}

/** What is found out one after another. */
type Findings = {
  -readonly [K in "latency_ms" | "page_rows" | "newest_slot" | "oldest_slot" | "gzip" | "error"]: Probe[K];
};

/** More rows than any known relay takes a page: it says what it takes. */
const TOO_MANY_ROWS = 1000;
/** A probe takes a minute and 60 requests at most: a question may take 20 with all its retries. */
const LONGEST_S = 60;
const LAST_REQUEST = 40;

/** `probe`: asks each active relay a few questions, and shows each as it has answered. Exit 3 when one can't be reached. */
export async function probe(options: CommonOptions): Promise<number> {
  const context = contextOf(options);
  const stop = stopSignal(context.note);
  const asking = await startAsking(options, context, stop);
  const limited = withTimeLimit(stop, context.clock, LONGEST_S);
  try {
    const newest = settledSlot(context.network, context.clock.now());
    let shown = 0;
    const active = asking.relays.filter(({ state }) => state === "active");
    const row = probeRows(active.map(({ name }) => name));
    const faults: RelayError[] = [];
    const reachable = await Promise.all(
      active.map(async ({ name, activeFrom }) => {
        const client = asking.clients.get(name);
        if (!client) return true;
        const first = Math.max(context.network.floor, activeFrom ?? 0, 1);
        const probed = await probeRelay(client, first, newest, limited.stop, (fault) => faults.push(fault));
        const begin = shown++ === 0 ? "[\n" : ",\n";
        if (options.json) process.stdout.write(`${begin}${JSON.stringify(probed)}`);
        else context.print(row(probed));
        return probed.reachable;
      }),
    );
    if (options.json) process.stdout.write(shown === 0 ? "[]\n" : "\n]\n");
    const offline = faults.length === active.length ? offlineText(faults, asking.clients) : undefined;
    if (offline !== undefined) context.say(prose(offline, process.stderr));
    return reachable.every(Boolean) ? 0 : 3;
  } finally {
    await limited.end();
    await asking.close();
  }
}

/** Asks one relay until all is found out, or `ended`. `first`, `settled`: oldest and newest slot that may be asked for. */
export async function probeRelay(
  client: RelayClient,
  first: number,
  settled: number,
  ended: AbortSignal,
  onFault: (fault: RelayError) => void = () => {},
): Promise<Probe> {
  const found: Findings = {
    latency_ms: null,
    page_rows: null,
    newest_slot: null,
    oldest_slot: null,
    gzip: null,
    error: null,
  };
  let reachable = false;
  try {
    const { slots } = await ask(client, { kind: "payload-newest" }, ended);
    reachable = true;
    found.newest_slot = slots[0] ?? null;
    await askPage(client, found, found.newest_slot ?? settled, ended);
    await findOldest(client, found, first, ended);
  } catch (error) {
    if (!(error instanceof RelayError)) throw error;
    const { kind, what } = error;
    onFault(error);
    found.error = kind === "aborted" ? `not all was answered within ${LONGEST_S} s` : what;
  }
  return {
    relay: client.relay.name,
    url: client.relay.url,
    reachable,
    page_limit: client.toldLimit ?? client.payloadLimit,
    errors: client.errorForm ?? null,
    requests: client.counters.requests,
    ...found,
  };
}

/** A page of as many rows as the relay takes; a refusal of too many tells how many that are. */
async function askPage(client: RelayClient, found: Findings, cursor: number, ended: AbortSignal) {
  const page = { kind: "payload-page", cursor } as const;
  let answer;
  try {
    answer = await ask(client, { ...page, limit: TOO_MANY_ROWS }, ended);
  } catch (error) {
    // It may have been the limit after all, whatever it said.
    if (!(error instanceof RelayError) || error.kind === "aborted") throw error;
    answer = await ask(client, page, ended);
  }
  found.latency_ms = Math.round(answer.ms);
  found.page_rows = answer.slots.length;
  found.gzip = answer.gzip;
  found.oldest_slot = answer.slots.at(-1) ?? null;
}

/** Looks for the oldest payload by bisecting: a page at cursor X has rows just when the relay remembers one at X or below. */
async function findOldest(client: RelayClient, found: Findings, first: number, ended: AbortSignal) {
  let empty = first - 1;
  while (found.oldest_slot !== null && found.oldest_slot - empty > 1) {
    if (client.counters.requests >= LAST_REQUEST) {
      found.error = `the oldest payload wasn't found with ${client.counters.requests} requests`;
      return;
    }
    const cursor = Math.floor((empty + found.oldest_slot) / 2);
    const [slot] = (await ask(client, { kind: "payload-page", cursor, limit: 1 }, ended)).slots;
    if (slot === undefined) empty = cursor;
    else if (slot > cursor) {
      found.error = `a page with cursor ${cursor} shows slot ${slot}: the cursor isn't heeded`;
      return;
    } else found.oldest_slot = slot;
  }
}

async function ask(client: RelayClient, request: RelayRequest, ended: AbortSignal) {
  const decode = answerDecoder(payloads);
  return client.ask(
    request,
    ({ body, status, ms, gzip }) => {
      if (status === 404 && request.kind === "payload-newest")
        throw new MalformedAnswerError("nothing at all (404)");
      const { rows, refused } = status === 200 ? decode(body) : { rows: [], refused: [] };
      const slots = [...rows, ...refused].map(({ slot }) => slot).toSorted((a, b) => b - a);
      return { slots, ms, gzip };
    },
    ended,
  );
}

/** What is shown of a relay, and how wide: relays answer in any order, so that no row can wait for the widest. */
const COLUMNS: readonly { head: string; width: number; value: (of: Probe) => string }[] = [
  { head: "ms", width: 6, value: ({ latency_ms }) => String(latency_ms ?? "-") },
  { head: "page", width: 9, value: ({ page_rows, page_limit }) => `${page_rows ?? "-"}/${page_limit}` },
  { head: "oldest", width: 9, value: ({ oldest_slot }) => String(oldest_slot ?? "none") },
  { head: "newest", width: 9, value: ({ newest_slot }) => String(newest_slot ?? "none") },
  { head: "gzip", width: 5, value: ({ gzip }) => (gzip === true ? "yes" : "no") },
  { head: "errors", width: 7, value: ({ errors }) => errors ?? "-" },
];

/** Writes each relay's row as it comes, within 80 columns and the relays' names whole: the first one below the head. */
export function probeRows(names: readonly string[], columns = terminalColumns(process.stdout)) {
  const width = names.reduce((most, { length }) => Math.max(most, length), "relay".length);
  let head = `${"relay".padEnd(width)}${COLUMNS.map((one) => one.head.padStart(one.width)).join("")}\n`;
  return (probed: Probe): string => {
    const error = printable(probed.error ?? "", 500);
    const cells = COLUMNS.map((one) => one.value(probed).padStart(one.width)).join("");
    const row = `${probed.relay.padEnd(width)}${probed.reachable ? cells : ` ${error}`}`;
    const lines = [row, ...(probed.reachable && error !== "" ? [`  ${error}`] : [])];
    const text = `${head}${lines.flatMap((line) => wrapped(line, columns)).join("\n")}\n`;
    head = "";
    return text;
  };
}
