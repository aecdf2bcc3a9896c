import { existsSync, readFileSync } from "node:fs";
import test from "ava";
import fc from "fast-check";
import * as E from "fp-ts/lib/Either.js";
import type { RelayRow } from "./format.ts";
import { findNetwork, simulatedNetwork } from "../chain/networks.ts";
import { MalformedAnswerError, answerDecoder } from "./answer.ts";
import { SlotBits } from "./bits.ts";
import { chunkName, chunkRange, parseChunkName } from "./chunks.ts";
import { bids } from "./bids.ts";
import type { Dataset } from "./dataset.ts";
import { payloads } from "./payloads.ts";
import { elementTexts } from "./json.ts";
import { lineWriter } from "./line.ts";
import { rowGuard } from "./guard.ts";
import { leastBid, sentBid } from "./datasets.testing.ts";
import { rowCodec, rowsType } from "./row.ts";

const network = simulatedNetwork(1);

test("the guard takes exactly what the structural codec takes, and makes the same of it, but for unknown, empty and unreadable fields", (t) => {
  const guard = rowGuard(bids);
  const codec = rowCodec(bids);
  let taken = 0;
  let declined = 0;
  fc.assert(
    fc.property(sentBid, (sent) => {
      const quick = guard(sent);
      const slow = codec.decode(sent);
      const isPlain = ({ extra, oversize, ...row }: RelayRow) =>
        extra === undefined && oversize === undefined && Object.keys(sent).every((key) => key in row);
      if (quick) {
        taken++;
        t.deepEqual(slow, E.right(quick));
      } else {
        declined++;
        t.false(
          E.isRight(slow) && isPlain(slow.right),
          "the guard declined a plain row that the codec takes",
        );
      }
      t.deepEqual(rowsType(bids).decode([sent])._tag, slow._tag);
    }),
    { numRuns: 2000 },
  );
  t.true(taken > 100 && declined > 100, `${taken} taken, ${declined} declined`);
});

test("one odd hash among many is found wherever it stands, and the other rows are kept", (t) => {
  const whole = rowsType(bids);
  const codec = rowCodec(bids);
  const [bid = {}] = fc.sample(
    sentBid.filter((sent) => rowGuard(bids)(sent) !== undefined),
    1,
  );
  const hash = String(bid["block_hash"]);
  const odd = fc.oneof(
    fc.constantFrom(hash.toUpperCase(), hash.replace("0x", "0X"), `0x${hash.slice(2).toUpperCase()}`),
    fc
      .nat({ max: hash.length - 1 })
      .chain((at) =>
        fc
          .constantFrom("g", "G", "`", "/", ":", "@", "x", " ", "\u0000", "\u00e9", "\u20ac", "\u0130", "A")
          .map((c) => hash.slice(0, at) + c + hash.slice(at + 1)),
      ),
  );
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1300 }), fc.nat(), odd, (length, at, value) => {
      const sent = Array.from({ length }, (_, i) => ({
        ...bid,
        block_hash: i === at % length ? value : `0x${i.toString(16).padStart(64, "0")}`,
      }));
      const own = codec.decode(sent[at % length]);
      const result = whole.decode(sent);
      t.is(result._tag, own._tag);
      if (E.isRight(result) && E.isRight(own)) {
        t.is(result.right.length, length);
        t.deepEqual(result.right[at % length], own.right);
      }
      t.true(E.isRight(whole.decode([bid])), "what came before is forgotten");
    }),
    { numRuns: 200 },
  );
});

const decodeOne = (row: object) => answerDecoder(bids)(Buffer.from(JSON.stringify([row])), 5);

test("a row that the schema can't hold is refused by itself, with its reason and its text as it was sent", (t) => {
  const broken: [string, object, RegExp][] = [
    ["a required field missing", { ...leastBid, block_hash: undefined }, /block_hash: required, but missing/],
    ["a required field null", { ...leastBid, block_hash: null }, /block_hash: required, but missing/],
    [
      "hex of the wrong length",
      { ...leastBid, block_hash: `0x${"b".repeat(63)}` },
      /block_hash: not 0x and 64 hex digits/,
    ],
    ["a value of 30 digits", { ...leastBid, value: "1".repeat(30) }, /value: not 1 to 29 decimal digits/],
    ["a value of 48 digits", { ...leastBid, value: "1".repeat(48) }, /value: not 1 to 29 decimal digits/],
    [
      "a slot beyond 64 bits",
      { ...leastBid, slot: "9223372036854775808" },
      /slot: not an integer of 64 bits/,
    ],
    ["a negative value", { ...leastBid, value: "-1" }, /value: not 1 to 29/],
  ];
  for (const [what, row, reason] of broken) {
    const text = JSON.stringify(row);
    const { rows, refused } = answerDecoder(bids)(
      Buffer.from(`[ ${JSON.stringify(leastBid)} ,\n ${text} ]`),
      5,
    );
    t.is(rows.length, 1, what);
    t.like(refused[0], { slot: 5, raw: text }, what);
    t.regex(refused[0]?.reason ?? "", reason, what);
  }
});

test("a row without timestamp_ms, num_tx or optimistic_submission is kept with nulls, and timestamp follows from the seconds", (t) => {
  const { rows } = decodeOne({ ...leastBid, timestamp: "1697628038" });
  const line = JSON.parse(lineWriter(bids, network, "alpha", 5)(rows[0]?.row ?? {})) as Record<
    string,
    unknown
  >;
  t.like(line, {
    timestamp: "2023-10-18T11:20:38.000Z",
    timestamp_s: "1697628038",
    timestamp_ms: null,
    num_tx: null,
  });
  for (const [sent, time] of [
    [{ timestamp: "0", timestamp_ms: "0" }, null],
    [{ timestamp_ms: "253402300800000" }, null],
    [{ timestamp_ms: "253402300799999" }, "9999-12-31T23:59:59.999Z"],
    [{ timestamp_ms: "-5" }, null],
    [{ timestamp: 1697628038, timestamp_ms: 1697628038057 }, "2023-10-18T11:20:38.057Z"],
  ] as const) {
    const row = decodeOne({ ...leastBid, ...sent }).rows[0]?.row ?? {};
    t.is((JSON.parse(lineWriter(bids, network, "alpha", 5)(row)) as { timestamp: unknown }).timestamp, time);
  }
});

test("integers never pass through a double, in known and in unknown fields", (t) => {
  const text = `[${JSON.stringify(leastBid).slice(0, -1)},"gas_used":9007199254740993,"live_ts":1234567890123456789,"a":{"z":1.10,"b":[1e400]}}]`;
  const { rows } = answerDecoder(bids)(Buffer.from(text), 5);
  t.is(rows[0]?.row["gas_used"], "9007199254740993");
  t.is(rows[0]?.row["extra"], '{"a":{"b":[1e400],"z":1.10},"live_ts":1234567890123456789}');
});

test("a body that isn't an array of objects, or that only an attacker would send, is refused as a whole", (t) => {
  const bodies = [
    "",
    "{}",
    "null",
    '{"code":400}',
    "[1]",
    "[null]",
    "[[]]",
    "[{}",
    "<html>",
    `${"[".repeat(100_000)}`,
  ];
  bodies.push(
    `[{"a":${'{"a":'.repeat(50)}1${"}".repeat(50)}}]`,
    `[{"slot":"${"1".repeat(2 << 20)}"}]`,
    "[{}]",
  );
  for (const body of bodies) {
    t.throws(
      () => answerDecoder(bids)(Buffer.from(body)),
      { instanceOf: MalformedAnswerError },
      body.slice(0, 40),
    );
  }
  t.deepEqual(answerDecoder(bids)(Buffer.from(" [] ")), { rows: [], refused: [] });
});

test("a refused row without a readable slot is counted to its neighbour in the page", (t) => {
  const { refused } = answerDecoder(payloads)(
    Buffer.from(JSON.stringify([{ slot: "x" }, leastBid, { slot: null, value: "1" }])),
  );
  t.deepEqual(
    refused.map(({ slot }) => slot),
    [5, 5],
  );
});

test("the raw text of an element is found whatever the strings hold", (t) => {
  fc.assert(
    fc.property(
      fc.array(fc.dictionary(fc.string(), fc.oneof(fc.string(), fc.object(), fc.integer()))),
      (elements) => {
        t.deepEqual(
          elementTexts(Buffer.from(JSON.stringify(elements))),
          elements.map((element) => JSON.stringify(element)),
        );
      },
    ),
  );
});

test("chunks are aligned, named by ten digits, and read back only from their own names", (t) => {
  fc.assert(
    fc.property(fc.nat(1_000_000_000), fc.constantFrom(bids, payloads), (slot, dataset) => {
      const range = chunkRange(dataset, slot);
      t.true(range.first <= slot && slot <= range.last && range.first % dataset.chunkSlots === 0);
      t.deepEqual(parseChunkName(dataset, chunkName(range)), range);
      t.is(parseChunkName(dataset, chunkName({ ...range, last: range.last + 1 })), undefined);
    }),
  );
  t.is(chunkName(chunkRange(bids, 13_000_005)), "0013000000-0013000031");
});

test("a set of slots is written one digit a slot and read back the same", (t) => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.integer({ min: 64, max: 95 })), (slots) => {
      const bits = slots.reduce((set, slot) => set.with(slot), SlotBits.empty(64, 32));
      t.deepEqual(
        [...bits.slots()],
        slots.toSorted((a, b) => a - b),
      );
      t.is(SlotBits.parse(64, 32, bits.toString())?.toString(), bits.toString());
      t.is(bits.count, slots.length);
    }),
  );
  t.is(SlotBits.parse(64, 32, "1".repeat(31)), undefined);
  t.is(SlotBits.parse(64, 32, `${"1".repeat(31)}2`), undefined);
  t.throws(() => SlotBits.empty(64, 32).with(96), { instanceOf: RangeError });
});

const recorded = new URL("../../../shared/realdata/", import.meta.url);
const recordedTest = existsSync(recorded) ? test : test.skip;
const mainnet = findNetwork("mainnet", 1) ?? network;

for (const [file, slot, count] of [
  ["flashbots__builder_blocks_received__slot7567001.json", 7_567_001, 516],
  ["ultrasound__builder_blocks_received__slot5771427.json", 5_771_427, 591],
] as const) {
  recordedTest(`${count} recorded bids of slot ${slot} are decoded with every field kept`, (t) => {
    const body = readFileSync(new URL(file, recorded));
    const { rows, refused } = answerDecoder(bids)(body, slot);
    t.is(rows.length, count);
    t.is(refused.length, 0);
    keepsEveryField(
      t,
      bids,
      slot,
      rows.map(({ row }) => row),
      JSON.parse(body.toString()) as Record<string, unknown>[],
    );
  });
}

recordedTest("450 recorded payloads are decoded with every field kept", (t) => {
  const text = readFileSync(
    new URL("blocknative__proposer_payload_delivered__450rows.ndjson", recorded),
    "utf8",
  );
  const sent = text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  const { rows, refused } = answerDecoder(payloads)(Buffer.from(JSON.stringify(sent)));
  t.is(rows.length, 450);
  t.is(refused.length, 0);
  rows.forEach(({ slot, row }, i) => keepsEveryField(t, payloads, slot, [row], [sent[i] ?? {}]));
});

function keepsEveryField(
  t: { deepEqual: (a: unknown, b: unknown) => unknown },
  dataset: Dataset,
  slot: number,
  rows: readonly RelayRow[],
  sent: readonly Record<string, unknown>[],
): void {
  const write = lineWriter(dataset, mainnet, "relay-x", slot);
  const names = new Map(
    dataset.columns.flatMap(({ name, field }) => (field ? [[field.name, name] as const] : [])),
  );
  rows.forEach((row, i) => {
    const written = JSON.parse(write(row)) as Record<string, unknown>;
    const extra = JSON.parse(typeof row["extra"] === "string" ? row["extra"] : "{}") as Record<
      string,
      unknown
    >;
    for (const [key, value] of Object.entries(sent[i] ?? {})) {
      const expected = typeof value === "string" && value.startsWith("0x") ? value.toLowerCase() : value;
      t.deepEqual(names.has(key) ? written[names.get(key) ?? ""] : extra[key], expected);
    }
  });
}
