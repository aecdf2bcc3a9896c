import * as E from "fp-ts/lib/Either.js";
import { bids } from "../runtime/datasets/bids.ts";
import { rowsType } from "../runtime/datasets/row.ts";
import { type SentAnswer, recordedAnswers, simulatedAnswers } from "../runtime/kernel/bodies.testing.ts";
import { interleaved, median, ratio } from "./rounds.ts";
import { TypicalBids } from "./typical.ts";

const RELAY = "heron";
const SLOTS = 24;

/** Times the io-ts decoding against a codec as it is usually written. */
export async function benchDecode(): Promise<Record<string, number>> {
  const figures: Record<string, number> = {};
  const recorded = recordedAnswers();
  for (const [prefix, bodies] of [
    ["", simulatedAnswers(1, SLOTS, 1).get(RELAY) ?? []],
    ["recorded_", Array.from({ length: SLOTS / 2 }, () => recorded).flat()],
  ] as const)
    for (const [name, value] of Object.entries(await codecs(bodies))) figures[prefix + name] = value;
  return figures;
}

/** On answers that both codecs take: the usual one knows nothing of fields that are missing or written otherwise. */
async function codecs(bodies: readonly SentAnswer[]): Promise<Record<string, number>> {
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
