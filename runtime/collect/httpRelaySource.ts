import { setMaxListeners } from "node:events";
import type { Clock } from "../chain/clock.ts";
import type { Network } from "../chain/networks.ts";
import { type DecodedAnswer, MalformedAnswerError, answerDecoder } from "../datasets/answer.ts";
import { AUCTION, type Dataset, endpointOf, forEachDataset } from "../datasets/dataset.ts";
import { payloads } from "../datasets/payloads.ts";
import type { Relay } from "../relays/relay.ts";
import { RelayError } from "../relays/http/errors.ts";
import type { RelayClient } from "../relays/http/client.ts";
import type { RelayRequest } from "../relays/http/request.ts";
import type { Answer } from "../relays/http/sender.ts";
import { NO_PAYLOADS } from "./payloadRows.ts";
import type { RelaySource } from "./relaySource.ts";
import { type Kernel, type PackQuestion, type PackedAnswer, kernelOf } from "../kernel/kernel.ts";
import { isKernelOn } from "../kernel/switch.ts";
import { type PackOptions, type SlotAnswer, packSlot, packedSlot } from "./slotAnswer.ts";

/**
 * Asks a relay by HTTP, and takes an answer only if every row in it is inside what was asked for. `warn` is told, once, where
 * the relay's clock differs from ours.
 */
export function httpRelaySource(
  {
    network,
    clock,
    warn,
  }: { readonly network: Network; readonly clock: Clock; readonly warn: (line: string) => void },
  client: RelayClient,
  stop: AbortSignal,
): RelaySource {
  // Every request under way listens to it.
  setMaxListeners(0, stop);
  const { relay } = client;
  const noteTime = clockWatch(relay, clock, warn);
  const decoders = forEachDataset((dataset) =>
    answerDecoder(dataset, endpointOf(dataset.name, relay.dialect)?.envelope),
  );
  // A word that it doesn't know is the user's mistake, which belongs before all questions.
  isKernelOn();
  const ask: Ask = async (request, decode) => client.ask(request, decode, stop);
  const bodyOf = (answer: Answer) => {
    noteTime(answer.dateMs, answer.ageS);
    return answer.status === 200 ? answer.body : EMPTY_LIST;
  };
  return {
    concurrency: client.concurrency,
    get rate() {
      return client.rate;
    },
    get down() {
      return client.down;
    },
    get breaks() {
      return client.counters.breaks;
    },
    async knock() {
      return client.knock(stop);
    },
    async slot(dataset, slot, delivered) {
      const asked = { network, relay: relay.name, slot };
      try {
        return await ask({ kind: dataset.name, slot }, async (answer) => {
          const body = bodyOf(answer);
          const how: PackOptions = {
            readAt: clock.now(),
            cached: answer.ageS > 0,
            absent: answer.status === 404,
            delivered,
          };
          if (answer.status !== 200) return packSlot(dataset, asked, NO_PAYLOADS, how);
          const question = { ...asked, decode: decoders[dataset.name] };
          return takenAnswer(dataset, body, question, how, warn);
        });
      } catch (error) {
        // Of a dataset that not every relay has, a router that doesn't know the path says the same as a relay that has nothing.
        const isAbsent = error instanceof RelayError && error.kind === "bad-request" && error.status === 404;
        if (!isAbsent || AUCTION.some((name) => name === dataset.name)) throw error;
        return packSlot(dataset, asked, NO_PAYLOADS, { readAt: clock.now(), absent: true });
      }
    },
    ...payloadQuestions(ask, bodyOf),
  };
}

/** What an answer shows of the slot that was asked for: by the kernel, or where that declines, by the decoder alone. */
function takenAnswer(
  dataset: Dataset,
  body: Buffer,
  question: PackQuestion,
  how: PackOptions,
  warn: (line: string) => void,
): SlotAnswer {
  const { slot, decode } = question;
  const kernel = kernelOf(dataset);
  const packed = kernel && packedBy(kernel, body, question, warn);
  if (packed) return packedSlot(dataset, slot, packed, how);
  const decoded = decode(body, slot);
  refuseOutside(decoded, ({ slot: sent }) => sent === slot, `slot ${slot}`);
  return packSlot(dataset, question, decoded, { ...how, ...(kernel && { way: "fallback" }) });
}

/** By the kernel; undefined, too, where its module fails: one body must not end a process that the decoder alone can serve. */
function packedBy(
  kernel: Kernel,
  body: Buffer,
  question: PackQuestion,
  warn: (line: string) => void,
): PackedAnswer | undefined {
  try {
    return kernel.pack(body, question);
  } catch (error) {
    if (!(error instanceof WebAssembly.RuntimeError)) throw error;
    const { relay, slot } = question;
    warn(
      `the kernel failed at the bids of relay ${relay}, slot ${slot} (${error.message}): they were decoded without it`,
    );
    return undefined;
  }
}

type Ask = <T>(request: RelayRequest, decode: (answer: Answer) => T | Promise<T>) => Promise<T>;

/** The questions about payloads. `bodyOf` takes the body of an answer. */
function payloadQuestions(
  ask: Ask,
  bodyOf: (answer: Answer) => Buffer,
): Pick<RelaySource, "payloadNewest" | "payloadPage" | "payloadSlot"> {
  const decode = answerDecoder(payloads);
  return {
    async payloadNewest() {
      return ask({ kind: "payload-newest" }, (answer) => ({
        ...decode(bodyOf(answer)),
        cached: answer.ageS > 0,
      }));
    },
    async payloadPage(cursor) {
      return ask({ kind: "payload-page", cursor }, (answer) => {
        const page = decode(bodyOf(answer));
        refuseOutside(page, ({ slot }) => slot <= cursor, `at or below the cursor ${cursor}`);
        for (let i = 1; i < page.rows.length; i++) {
          if ((page.rows[i]?.slot ?? 0) > (page.rows[i - 1]?.slot ?? 0)) {
            throw new MalformedAnswerError("rows in rising order of slots, where a page is newest first");
          }
        }
        return { ...page, cached: answer.ageS > 0 };
      });
    },
    async payloadSlot(slot) {
      return ask({ kind: "payloads", slot }, (answer) => {
        const decoded = decode(bodyOf(answer), slot);
        refuseOutside(decoded, ({ slot: sent }) => sent === slot, `slot ${slot}`);
        return { ...decoded, cached: answer.ageS > 0 };
      });
    },
  };
}

/** A relay's time that differs from ours by more, s, is told once: one of the two clocks is wrong. */
const MAX_SKEW_S = 60;

/** Compares the times that answers carry with ours. */
function clockWatch(
  relay: Relay,
  clock: Clock,
  warn: (line: string) => void,
): (dateMs: number | undefined, ageS: number) => void {
  let told = clock.isFixed ?? false;
  return (dateMs, ageS) => {
    if (told || dateMs === undefined) return;
    // What a cache on the way has kept bears the date of when it was made.
    const seconds = Math.round((dateMs - clock.now()) / 1000 + ageS);
    if (Math.abs(seconds) <= MAX_SKEW_S) return;
    told = true;
    const differs = `${Math.abs(seconds)} s ${seconds > 0 ? "ahead of" : "behind"}`;
    warn(`${relay.name}: its clock is ${differs} this machine's; check this machine's clock`);
  };
}

const EMPTY_LIST = Buffer.from("[]");

function refuseOutside(
  answer: DecodedAnswer,
  inside: (row: { slot: number }) => boolean,
  what: string,
): void {
  const outside = [...answer.rows, ...answer.refused].find((row) => !inside(row));
  if (outside) throw new MalformedAnswerError(`a row of slot ${outside.slot}, where ${what} was asked for`);
}
