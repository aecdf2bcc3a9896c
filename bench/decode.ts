import { gzipSync } from "node:zlib";
import * as E from "fp-ts/lib/Either.js";
import { simulatedNetwork } from "../runtime/chain/networks.ts";
import { packSlot } from "../runtime/collect/slotAnswer.ts";
import { answerDecoder } from "../runtime/datasets/answer.ts";
import { bids } from "../runtime/datasets/bids.ts";
import { lineWriter, linesOf } from "../runtime/datasets/line.ts";
import { rowsType } from "../runtime/datasets/row.ts";
import { type SlotBody, recordedBodies, simulatedBodies } from "./bodies.ts";
import { interleaved, median, ratio } from "./rounds.ts";
import { TypicalBids } from "./typical.ts";

const network = simulatedNetwork(1);
const RELAY = "bench";
const SLOTS = 24;

/**
 * Times what becomes of an answer (decode, validate, lake lines, gzip) against the least that could be done (JSON.parse, and
 * gzip at level 1 of lines that lie ready), and the io-ts decoding against a codec as it is usually written.
 */
export async function benchDecode(): Promise<Record<string, number>> {
  const figures: Record<string, number> = {};
  const recorded = recordedBodies();
  for (const [prefix, bodies] of [
    ["", simulatedBodies(SLOTS)],
    ["recorded_", Array.from({ length: SLOTS / 2 }, () => recorded).flat()],
  ] as const) {
    if (bodies.length === 0) continue;
    for (const [name, value] of Object.entries(await pipeline(bodies))) figures[prefix + name] = value;
    for (const [name, value] of Object.entries(await codecs(bodies))) figures[prefix + name] = value;
  }
  return figures;
}

async function pipeline(bodies: readonly SlotBody[]): Promise<Record<string, number>> {
  const decode = answerDecoder(bids);
  const read = bodies.map(({ slot, body }) => ({ slot, body, ...written(decode, { slot, body }) }));
  const rows = read.reduce((sum, one) => sum + one.rows, 0);
  const times = await interleaved({
    pipeline: () => {
      for (const { slot, body } of bodies)
        packSlot(bids, { network, relay: RELAY, slot }, decode(body, slot), { readAt: 0 });
    },
    bound: () => {
      for (const { body, plain } of read) {
        JSON.parse(body.toString("latin1"));
        gzipSync(plain, { level: 1 });
      }
    },
  });
  return {
    pipeline_to_bound: ratio(times.bound, times.pipeline),
    pipeline_bids_per_s: rows / (median(times.pipeline) / 1000),
    bound_bids_per_s: rows / (median(times.bound) / 1000),
  };
}

function written(decode: ReturnType<typeof answerDecoder>, { slot, body }: SlotBody) {
  const { rows } = decode(body, slot);
  return { plain: linesOf(rows, lineWriter(bids, network, RELAY, slot)), rows: rows.length };
}

/** On answers that both codecs take: the usual one knows nothing of fields that are missing or written otherwise. */
async function codecs(bodies: readonly SlotBody[]): Promise<Record<string, number>> {
  const ours = rowsType(bids);
  const answers = bodies
    .map(({ body }): unknown => JSON.parse(body.toString()))
    .filter((answer) => E.isRight(TypicalBids.decode(answer)) && E.isRight(ours.decode(answer)));
  if (answers.length === 0) return {};
  const rows = answers.reduce<number>((sum, answer) => sum + (Array.isArray(answer) ? answer.length : 0), 0);
  const times = await interleaved({
    ours: () => answers.every((answer) => E.isRight(ours.decode(answer))),
    typical: () => answers.every((answer) => E.isRight(TypicalBids.decode(answer))),
  });
  return {
    decode_to_typical: ratio(times.typical, times.ours),
    decode_bids_per_s: rows / (median(times.ours) / 1000),
    typical_bids_per_s: rows / (median(times.typical) / 1000),
  };
}
