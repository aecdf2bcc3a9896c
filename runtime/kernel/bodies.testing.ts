import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "../chain/clock.ts";
import { bodyOf } from "../simulator/bodies.ts";
import { ask } from "../simulator/dialects.ts";
import { simulatedRelays } from "../simulator/directory.ts";
import type { Random } from "../simulator/random.ts";
import { SimulatedData } from "../simulator/truth.ts";

/** An answer for one slot, as a relay sends it. */
export interface SentAnswer {
  readonly slot: number;
  readonly body: Buffer;
}

const FIRST = 1_000_000;

/** Answers of each relay of the simulated network, every dialect among them: so many of each relay, by its name. */
export function simulatedAnswers(seed: number, count: number, scale: number): Map<string, SentAnswer[]> {
  const data = new SimulatedData({ seed, clock: systemClock, scale, head: FIRST + 100 * count });
  const byRelay = simulatedRelays(seed).map(({ name }) => {
    const answers: SentAnswer[] = [];
    for (let slot = FIRST; answers.length < count && slot < FIRST + 50 * count; slot++) {
      const params = new URLSearchParams({ slot: String(slot) });
      const answer = ask(data, { relay: name, dataset: "bids", params }, 0);
      if (!("status" in answer) && answer.rows.length > 0)
        answers.push({ slot, body: bodyOf(answer.rows, slot % 2 === 0).plain });
    }
    return [name, answers] as const;
  });
  return new Map(byRelay);
}

const RECORDED: Readonly<Record<string, number>> = {
  "flashbots__builder_blocks_received__slot7567001.json": 7_567_001,
  "ultrasound__builder_blocks_received__slot5771427.json": 5_771_427,
};

/** Answers of mainnet relays, where the recordings lie beside the repository. */
export function recordedAnswers(): SentAnswer[] {
  return Object.entries(RECORDED).flatMap(([file, slot]) => {
    const path = join(import.meta.dirname, "../../../shared/realdata", file);
    return existsSync(path) ? [{ slot, body: readFileSync(path) }] : [];
  });
}

/** The same with a few of its rows. */
export function shortAnswer({ slot, body }: SentAnswer, random: Random): SentAnswer {
  const rows = body
    .toString()
    .trim()
    .slice(1, -1)
    .split(/(?<=\}),(?=\{)/);
  const first = random.below(rows.length);
  return { slot, body: Buffer.from(`[${rows.slice(first, first + 1 + random.below(5)).join(",")}]`) };
}

type Change = (text: string, random: Random) => string;

/** Pieces that mean something in JSON, or in a row. */
const PIECES = '[]{},:"\\ \n\t0123456789abcdefABCDEF-+.xX_\u0000\u001f\u007f\u0080é'
  .split("")
  .concat([
    '""',
    "null",
    "true",
    "[]",
    "{}",
    "},{",
    '","',
    '":"',
    "\\u0022",
    "\ufeff",
    "0x",
    ',"slot":"5"',
    "//",
  ]);
/** What no relay should send in place of a value, or hardly any does. */
export const ODD_VALUES = String.raw`
  null  ""  0  "0"  "007"  007  -1  "-1"  -0  1e3  1.0  "1.5"  " 1"  +1  "+1"  NaN  true  false  "true"  truefalse  nul
  "1"  "250"  [1]  {}  {"a":{"b":[1,2]}}  "\u0031"  "a\nb"  "é"  "0x"  "0X"  "${"\u007f"}"
  123456789012345  1234567890123456  9007199254740993  12345678901234567890123456789  123456789012345678901234567890
  "123456789012345678"  "1234567890123456789"  "9223372036854775807"  "9223372036854775808"  99999999999999999999
  "99999999999999999999999999999"  "100000000000000000000000000000"
  "253402300799999"  "253402300800000"  "253402300799"  "253402300800"
`
  .trim()
  .split(/\s{2,}/);
const NAMES =
  "slot parent_hash block_hash builder_pubkey proposer_pubkey proposer_fee_recipient gas_limit gas_used value num_tx block_number timestamp timestamp_ms optimistic_submission extra relay copies a z_9 Z __proto__ constructor blob_gas_used"
    .split(" ")
    .concat(["sl\\u006ft", "", "a b", "n".repeat(29), "n".repeat(30)]);
const MEMBER = /"[^"]*":\s?(?:"[^"]*"|[^,{}[\]"]+)/g;

function any<T>(random: Random, from: readonly T[]): T {
  return from[random.below(from.length)] as T;
}

/** Puts something else in the place of one member of a row. */
function inMember(change: (member: string, random: Random, all: readonly string[]) => string): Change {
  return (text, random) => {
    const members = [...text.matchAll(MEMBER)];
    const chosen = members[random.below(members.length)];
    if (!chosen) return text;
    const all = members.map(([member]) => member);
    const end = chosen.index + chosen[0].length;
    return text.slice(0, chosen.index) + change(chosen[0], random, all) + text.slice(end);
  };
}

const nameOf = (member: string) => member.slice(0, member.indexOf(":"));
const valueOf = (member: string) => member.slice(member.indexOf(":") + 1);
const letter = (value: string, random: Random) => {
  const at = random.below(value.length);
  return value.slice(0, at) + any(random, PIECES) + value.slice(at + 1);
};

const CHANGES: readonly Change[] = [
  (text, random) => letter(text, random),
  (text, random) => {
    const at = random.below(text.length + 1);
    return text.slice(0, at) + any(random, PIECES) + text.slice(at);
  },
  (text, random) => {
    const at = random.below(text.length);
    return text.slice(0, at) + text.slice(at + 1 + random.below(random.chance(0.5) ? 1 : 80));
  },
  (text, random) => {
    const [from, to] = [random.below(text.length), random.below(text.length)];
    return text.slice(0, to) + text.slice(from, from + random.below(200)) + text.slice(to);
  },
  (text, random) => text.slice(0, random.below(text.length)),
  (text, random) => text + any(random, [...PIECES, text, "]", " \r\n\t"]),
  (text, random) => any(random, [...PIECES, "[", " "]) + text,
  (text, random) => any(random, [...PIECES, ""]) + text.slice(1),
  (text, random) => text.slice(0, -1) + any(random, [...PIECES, ""]),
  inMember((member, random) => `${nameOf(member)}:${any(random, ODD_VALUES)}`),
  inMember((member, random) => `"${any(random, NAMES)}":${valueOf(member)}`),
  inMember((_, random) => `"${any(random, NAMES)}":${any(random, ODD_VALUES)}`),
  inMember((member, random, all) => `${nameOf(member)}:${valueOf(any(random, all))}`),
  inMember((member, random) => `${nameOf(member)}:${letter(valueOf(member), random)}`),
  inMember((member, random) => `${member},"${any(random, NAMES)}":${any(random, ODD_VALUES)}`),
  inMember((member, random) => `${member},"x_${random.below(50)}":"${"v".repeat(random.below(5000))}"`),
  inMember((member, random, all) => `${member},${any(random, all)}`),
  inMember((member) => member.toUpperCase()),
  inMember((member) => `${nameOf(member)} : ${valueOf(member)} `),
  inMember((member) => `${nameOf(member)}:${valueOf(member).replaceAll('"', "")}`),
  (text) => text.replaceAll(",", ", ").replaceAll(":", ": "),
  (text) => text.replaceAll('":"', '" :\n"'),
  (text, random) => text.replace("}", `,${any(random, PIECES)}}`),
  (text, random) => text.replace("}", `}${any(random, ["", ",", "]", "}", " ,", ",{}", ",null", ",[]"])}`),
  (text) => `${text.slice(0, -1)},${text.slice(1)}`,
  (text) =>
    text.replace(/\{([^}]*)\}/, (_, members: string) => `{${members.split(",").toReversed().join(",")}}`),
];

/** The answer with one thing or a few changed: a byte, a field, or how it is put together. */
export function changedAnswer({ slot, body }: SentAnswer, random: Random): SentAnswer {
  let text = body.toString();
  for (let left = random.chance(0.7) ? 1 : 1 + random.below(4); left > 0; left--)
    text = any(random, CHANGES)(text, random);
  const bytes = Buffer.from(text);
  // What is no UTF-8, too.
  if (bytes.length > 0 && random.chance(0.05)) bytes[random.below(bytes.length)] = random.below(256);
  return { slot: random.chance(0.02) ? slot + 1 : slot, body: bytes };
}
