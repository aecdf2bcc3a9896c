import { gzipSync } from "node:zlib";
import { simulatedNetwork } from "../runtime/chain/networks.ts";
import { packSlot, packedSlot } from "../runtime/collect/slotAnswer.ts";
import { answerDecoder } from "../runtime/datasets/answer.ts";
import { bids } from "../runtime/datasets/bids.ts";
import { lineWriter, linesOf } from "../runtime/datasets/line.ts";
import { type SentAnswer, recordedAnswers, simulatedAnswers } from "../runtime/kernel/bodies.testing.ts";
import { Kernel } from "../runtime/kernel/kernel.ts";
import { simulatedRelays } from "../runtime/simulator/directory.ts";
import { interleaved, median, ratio } from "./rounds.ts";

const SEED = 1;
const network = simulatedNetwork(SEED);
const RELAY = "bench";
/** Answers of each relay, as far as those of a dialect have so many bytes in all; and how often the recorded ones are taken. */
const ANSWERS = 32;
const BYTES = 4 << 20;
const RECORDED_TIMES = 6;

const decode = answerDecoder(bids);
const kernel = new Kernel(bids);

/**
 * Times what becomes of an answer (checked, written as lake lines, compressed) by the kernel and by its fallback, each against
 * the least that JavaScript could do: JSON.parse, and gzip at level 1 of lines that lie ready.
 */
export async function benchKernel(): Promise<Record<string, number>> {
  const simulated = simulatedAnswers(SEED, ANSWERS, 1);
  const byDialect = new Map<string, SentAnswer[]>();
  for (const { name, dialect } of simulatedRelays(SEED))
    byDialect.set(dialect, [...(byDialect.get(dialect) ?? []), ...(simulated.get(name) ?? [])]);
  const recorded = recordedAnswers();
  if (recorded.length > 0)
    byDialect.set("recorded", Array.from({ length: RECORDED_TIMES }, () => recorded).flat());
  const figures: Record<string, number> = {};
  let [answers, left] = [0, 0];
  for (const [dialect, all] of byDialect) {
    let bytes = 0;
    const bodies = all.filter(({ body }) => (bytes += body.length) < BYTES);
    answers += bodies.length;
    left += bodies.filter((body) => !packed(body)).length;
    for (const [name, value] of Object.entries(await ways(bodies))) figures[`${name}_${dialect}`] = value;
  }
  return { ...figures, kernel_fallback_share: left / answers };
}

function packed({ slot, body }: SentAnswer) {
  return kernel.pack(body, { network, relay: RELAY, slot, decode });
}

function byFallback({ slot, body }: SentAnswer) {
  return packSlot(bids, { network, relay: RELAY, slot }, decode(body, slot), { readAt: 0 });
}

function byKernel(answer: SentAnswer) {
  const taken = packed(answer);
  return taken ? packedSlot(bids, answer.slot, taken, { readAt: 0 }) : byFallback(answer);
}

async function ways(bodies: readonly SentAnswer[]): Promise<Record<string, number>> {
  const ready = bodies.map(({ slot, body }) => {
    const { rows } = decode(body, slot);
    return { body, rows: rows.length, plain: linesOf(rows, lineWriter(bids, network, RELAY, slot)) };
  });
  const rows = ready.reduce((sum, one) => sum + one.rows, 0);
  const times = await interleaved({
    kernel: () => bodies.forEach(byKernel),
    fallback: () => bodies.forEach(byFallback),
    bound: () => {
      for (const { body, plain } of ready) {
        JSON.parse(body.toString("latin1"));
        gzipSync(plain, { level: 1 });
      }
    },
  });
  const bytes = bodies.reduce((sum, body) => sum + byKernel(body).block.deflate.length, 0);
  const bytesOfZlib = ready.reduce((sum, { plain }) => sum + gzipSync(plain, { level: 6 }).length, 0);
  return {
    kernel_to_bound: ratio(times.bound, times.kernel),
    fallback_to_bound: ratio(times.bound, times.fallback),
    kernel_bids_per_s: rows / (median(times.kernel) / 1000),
    kernel_bytes_to_gzip6: bytes / bytesOfZlib,
  };
}
