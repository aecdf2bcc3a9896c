import { setMaxListeners } from "node:events";
import type { Clock } from "../chain/clock.ts";
import type { Network } from "../chain/networks.ts";
import { type DecodedAnswer, MalformedAnswerError, answerDecoder } from "../datasets/answer.ts";
import { bids, payloads } from "../datasets/dataset.ts";
import type { Relay } from "../relay/relay.ts";
import type { Answer, RelayClient } from "../relay/client.ts";
import type { Asker } from "./asker.ts";
import { packSlot } from "./slotAnswer.ts";

/** Asks a relay by HTTP, and takes an answer only if every row in it is inside what was asked for. */
export function relayAsker(
  network: Network,
  relay: Relay,
  client: RelayClient,
  clock: Clock,
  stop: AbortSignal,
): Asker {
  // Every request under way listens to it.
  setMaxListeners(0, stop);
  const decodeBids = answerDecoder(bids);
  const decodePayloads = answerDecoder(payloads);
  const bodyOf = (answer: Answer) => (answer.status === 204 ? EMPTY_LIST : answer.body);
  return {
    concurrency: client.concurrency,
    get down() {
      return client.down;
    },
    async bids(slot, delivered) {
      return client.ask(
        { kind: "bids", slot },
        async (answer) => {
          const decoded = decodeBids(bodyOf(answer), slot);
          refuseOutside(decoded, ({ slot: sent }) => sent === slot, `slot ${slot}`);
          return packSlot(bids, network, relay.name, slot, decoded, {
            readAt: clock.now(),
            doubtfulWhenEmpty: answer.status === 204 || relay.dialect === "helix",
            delivered: relay.adjusts ? undefined : delivered,
          });
        },
        stop,
      );
    },
    async payloadPage(cursor) {
      return client.ask(
        { kind: "payload-page", cursor },
        (answer) => {
          const page = decodePayloads(bodyOf(answer));
          refuseOutside(page, ({ slot }) => slot <= cursor, `at or below the cursor ${cursor}`);
          for (let i = 1; i < page.rows.length; i++) {
            if ((page.rows[i]?.slot ?? 0) > (page.rows[i - 1]?.slot ?? 0)) {
              throw new MalformedAnswerError("rows in rising order of slots, where a page is newest first");
            }
          }
          return page;
        },
        stop,
      );
    },
    async payloadSlot(slot) {
      return client.ask(
        { kind: "payload-slot", slot },
        (answer) => {
          const decoded = decodePayloads(bodyOf(answer), slot);
          refuseOutside(decoded, ({ slot: sent }) => sent === slot, `slot ${slot}`);
          return decoded;
        },
        stop,
      );
    },
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
