import { constants, crc32, gzipSync, inflateRawSync } from "node:zlib";
import test, { type ExecutionContext } from "ava";
import { simulatedNetwork } from "../chain/networks.ts";
import { MalformedAnswerError, answerDecoder, oversizeFields } from "../datasets/answer.ts";
import { bids } from "../datasets/bids.ts";
import { lineWriter, linesOf } from "../datasets/line.ts";
import { SEED, examples } from "../seeds.testing.ts";
import { Random } from "../simulator/random.ts";
import {
  ODD_VALUES,
  type SentAnswer,
  changedAnswer,
  recordedAnswers,
  shortAnswer,
  simulatedAnswers,
} from "./bodies.testing.ts";
import { Kernel, type PackedAnswer } from "./kernel.ts";
import { switchOf } from "./switch.ts";

const network = simulatedNetwork(1);
const RELAY = "alpha";
const decode = answerDecoder(bids);
const kernel = new Kernel(bids);

function packed({ slot, body }: SentAnswer, by = kernel): PackedAnswer | undefined {
  return by.pack(body, { network, relay: RELAY, slot, decode });
}

/** What the decoder alone makes of it; undefined where it refuses the answer, or a row is of another slot. */
function decoded({ slot, body }: SentAnswer) {
  try {
    const { rows, refused } = decode(body, slot);
    if ([...rows, ...refused].some((row) => row.slot !== slot)) return undefined;
    return { rows, refused, lines: linesOf(rows, lineWriter(bids, network, RELAY, slot)) };
  } catch (error) {
    if (error instanceof MalformedAnswerError) return undefined;
    throw error;
  }
}

/** Fails where the kernel takes an answer for anything but what the decoder takes it for. */
function assertSame(t: ExecutionContext, answer: SentAnswer, got: PackedAnswer): void {
  const shown = () => `slot ${answer.slot}: ${answer.body.toString("latin1").slice(0, 3000)}`;
  const expected = decoded(answer);
  if (!expected) return t.fail(`taken, but the decoder refuses it: ${shown()}`);
  const { block, lines, refused, odd } = got;
  if (!lines.equals(expected.lines)) t.fail(`other lines: ${shown()}`);
  if (block.rows !== expected.rows.length || block.size !== lines.length || block.crc !== crc32(lines))
    t.fail(`other counts: ${shown()}`);
  if (refused.length > 0 || expected.refused.length > 0) t.deepEqual(refused, expected.refused, shown());
  const fields = oversizeFields(expected.rows);
  if (odd.length > 0 || fields.length > 0) t.deepEqual(oversizeFields(odd), fields, shown());
  const plain = inflateRawSync(block.deflate, { finishFlush: constants.Z_SYNC_FLUSH });
  if (!plain.equals(lines)) t.fail(`inflates to something else: ${shown()}`);
}

test("sound answers of every dialect, and recorded ones, are taken, and become what the decoder and zlib make of them", (t) => {
  const answers = [...simulatedAnswers(SEED, examples(10, 60), 1).values()].flat().concat(recordedAnswers());
  let [declined, bytes, bytesOfZlib] = [0, 0, 0];
  for (const answer of answers) {
    const got = packed(answer);
    if (!got) {
      declined++;
      continue;
    }
    assertSame(t, answer, got);
    // Of very few lines the collector lets zlib take care.
    if (got.block.rows < 8) continue;
    bytes += got.block.deflate.length;
    bytesOfZlib += gzipSync(got.lines, { level: 6 }).length;
  }
  t.true(answers.length > 100);
  t.true(declined <= answers.length / 100, `${declined} of ${answers.length} declined`);
  t.true(bytes <= 1.05 * bytesOfZlib, `${bytes} bytes, zlib at level 6: ${bytesOfZlib}`);
});

test("whatever is changed in an answer: what the kernel takes, the decoder takes for the same", (t) => {
  const sound = [...simulatedAnswers(SEED, 3, 0.1).values()].flat().concat(recordedAnswers());
  let taken = 0;
  const count = examples(2000, 250_000);
  for (let i = 0; i < count; i++) {
    const random = new Random(SEED, 19, i);
    const short = shortAnswer(
      sound[random.below(sound.length)] ?? { slot: 0, body: Buffer.from("[]") },
      random,
    );
    const answer = changedAnswer(short, random);
    // What a kernel took before must not show, nor that it took nothing: now and then it is a new one.
    const got = packed(answer, i % 20 === 0 ? new Kernel(bids) : kernel);
    if (!got) continue;
    taken++;
    assertSame(t, answer, got);
  }
  // Neither all nor hardly any: else the changes say little.
  t.true(taken > 0.2 * count && taken < 0.9 * count, `${taken} of ${count} were taken`);
});

test("each odd value in each field is taken as the decoder takes it", (t) => {
  const [{ slot, body } = { slot: 0, body: Buffer.from("[]") }] =
    simulatedAnswers(1, 1, 0.1).get("heron") ?? [];
  const rows = body
    .toString()
    .trim()
    .slice(1, -1)
    .split(/(?<=\}),(?=\{)/)
    .slice(0, 2);
  const row = JSON.parse(rows[0] ?? "{}") as Record<string, unknown>;
  let taken = 0;
  for (const name of [...Object.keys(row), "unknown"])
    for (const value of ODD_VALUES) {
      const members = Object.entries({ ...row, [name]: undefined }).map(
        ([own, sent]) => `"${own}":${own === name ? value : JSON.stringify(sent)}`,
      );
      const answer = { slot, body: Buffer.from(`[{${members.join(",")}},${rows[1] ?? "{}"}]`) };
      const got = packed(answer);
      // In memory that nothing else has been in, too: a value that a row leaves out stands nowhere there.
      const first = packed(answer, new Kernel(bids));
      t.deepEqual(first?.block, got?.block, `${name}: ${value}`);
      if (!got) continue;
      taken++;
      assertSame(t, answer, got);
    }
  t.true(taken > 500, `${taken} were taken`);
});

test("a hostile body neither makes the memory grow nor holds the kernel up", (t) => {
  const row = shortAnswer(
    simulatedAnswers(1, 1, 0.1).get("heron")?.[0] ?? { slot: 0, body: Buffer.from("[]") },
    new Random(1),
  );
  const { slot } = row;
  const inside = row.body.toString().slice(1, -1);
  const many = (text: string, bytes: number) => text.repeat(Math.ceil(bytes / text.length));
  const limit = 4 << 20;
  const bodies: Readonly<Record<string, string>> = {
    "brackets alone": many("[", limit),
    braces: `[${many("{", limit - 1)}`,
    "a string without an end": `[{"slot":"${many("1", limit - 20)}`,
    "names without an end": `[${many('{"', limit - 10)}`,
    backslashes: `[{"a":"${many("\\", limit - 20)}`,
    "white space": `[${many(" ", limit - 1)}`,
    "no rows": `[${many("{},", limit - 10)}{}]`,
    "rows without an end": `[${many(`${inside},`, limit - 2000)}`,
    "many names": `[{${Array.from({ length: 200_000 }, (_, i) => `"n${i}":1`).join(",")}}]`,
    "beyond the limit": `[${many(" ", limit)}]`,
  };
  for (const [name, text] of Object.entries(bodies))
    t.is(packed({ slot, body: Buffer.from(text) }), undefined, name);
  const most = `[${many(`${inside},`, limit - 1000 - inside.length)}${inside}]`;
  const got = packed({ slot, body: Buffer.from(most) });
  if (got) assertSame(t, { slot, body: Buffer.from(most) }, got);
  t.is(kernel.memory.buffer.byteLength, 226 * 65_536);
  // And it serves the next one.
  t.truthy(packed(row));
});

test("it is on unless it is switched off by that word", (t) => {
  t.is(switchOf(undefined), "on");
  t.is(switchOf(""), "on");
  t.is(switchOf("off"), "off");
  t.throws(() => switchOf("0"), { message: 'MEV_BOOST_ETL_KERNEL is "0"; give on or off' });
});
