import { existsSync, readFileSync, readdirSync } from "node:fs";
import test, { type ExecutionContext } from "ava";
import fc from "fast-check";
import { findNetwork } from "../chain/networks.ts";
import { MalformedAnswerError, answerDecoder, oversizeFields } from "./answer.ts";
import { bids } from "./bids.ts";
import { payloads } from "./payloads.ts";
import { canonicalJson } from "./json.ts";
import { lineWriter } from "./line.ts";
import { lineParser } from "./lineParser.ts";
import { MAX_EXTRA_BYTES } from "./row.ts";
import { leastBid } from "./datasets.testing.ts";

const network = findNetwork("mainnet", 1);
if (!network) throw new Error("mainnet is unknown");
const decode = (body: string, slot = 5) => answerDecoder(bids)(Buffer.from(body), slot);

/** A row as JSON, with fields replaced or added as JSON text. */
function sent(fields: Readonly<Record<string, string>>, bid: object = leastBid): string {
  const members = { ...bid, ...fields };
  const text = Object.entries(members).map(([name, value]) => {
    const json = name in fields ? String(value) : JSON.stringify(value);
    return `${JSON.stringify(name)}:${json}`;
  });
  return `{${text.join(",")}}`;
}

/** The row's line in the lake, which must be one that loads take. */
function lineOf(t: ExecutionContext, row: ReturnType<typeof decode>["rows"][number]) {
  const line = lineWriter(bids, network as NonNullable<typeof network>, "alpha", row.slot)(row.row);
  t.is(lineParser(bids, "alpha")(line), row.slot, line);
  return JSON.parse(line) as Readonly<Record<string, unknown>>;
}

test("an optional field refuses no row: what its column can't hold is null there and stands in extra as it was sent", (t) => {
  const odd: [column: string, field: string, json: string][] = [
    ["gas_used", "gas_used", '"9223372036854775808"'],
    ["gas_used", "gas_used", "9223372036854775808"],
    ["gas_limit", "gas_limit", "1.50"],
    ["num_tx", "num_tx", '"0x10"'],
    ["num_tx", "num_tx", "[1,2]"],
    ["block_number", "block_number", '"twelve"'],
    ["optimistic_submission", "optimistic_submission", '"true"'],
    ["optimistic_submission", "optimistic_submission", "1"],
    ["timestamp_s", "timestamp", '"2025-11-11T01:30:23Z"'],
    ["timestamp_ms", "timestamp_ms", '{"ns":12345678901234567890,"s":1}'],
  ];
  const sound = JSON.stringify(leastBid);
  for (const [column, field, json] of odd) {
    const { rows, refused } = decode(`[${sound},${sent({ [field]: json, region: '"eu"' })},${sound}]`);
    t.deepEqual(refused, [], json);
    t.is(rows.length, 3, json);
    const [first, row, last] = rows.map((row) => lineOf(t, row));
    const members = [`"${field}":${json}`, '"region":"eu"'].toSorted();
    t.like(row, { [column]: null, value: "1", extra: `{${members.join(",")}}` }, json);
    t.is(first?.["extra"], null);
    t.deepEqual(last, first);
  }
});

test("fields that make extra too large go to quarantine, the largest first and no more than must; the row stays", (t) => {
  const length = fc.integer({ min: 0, max: 2500 });
  const text = fc.oneof(
    fc.string({ unit: "grapheme" }),
    fc.tuple(fc.constantFrom("x", "\u00e9", '"', "\u0001"), length).map(([c, n]) => c.repeat(n)),
  );
  const fields = fc.dictionary(
    fc.stringMatching(/^[a-z]{1,6}$/).filter((name) => !(name in leastBid)),
    fc.oneof(text, fc.array(text, { maxLength: 2 }), fc.constant("x".repeat(1300))),
    { minKeys: 1, maxKeys: 8 },
  );
  let divided = 0;
  fc.assert(
    fc.property(fields, fc.nat(), (more, turn) => {
      const names = Object.keys(more);
      const turned = [...names.slice(turn % names.length), ...names.slice(0, turn % names.length)];
      const other = Object.fromEntries(turned.map((name) => [name, more[name]]));
      const [row, ...others] = [more, other].map((one) => {
        const { rows, refused } = decode(JSON.stringify([{ ...leastBid, ...one }]));
        t.deepEqual(refused, []);
        const extra = lineOf(t, rows[0] ?? t.fail())["extra"] as string | null;
        return { extra, fields: oversizeFields(rows) };
      });
      t.deepEqual(others, [row], "the order in which fields were sent means nothing");
      const kept = JSON.parse(row?.extra ?? "{}") as typeof more;
      t.true(Buffer.byteLength(row?.extra ?? "") <= MAX_EXTRA_BYTES);
      t.true((row?.fields.length ?? 0) <= 1);
      const [line] = row?.fields ?? [];
      const aside = JSON.parse(line?.raw ?? "{}") as typeof more;
      t.deepEqual({ ...kept, ...aside }, more, "nothing is lost");
      t.is(Object.keys(kept).length + Object.keys(aside).length, names.length);
      if (!line) return;
      divided++;
      t.like(line, { slot: 5, reason: "field", raw: canonicalJson(aside) });
      const size = (name: string) => Buffer.byteLength(canonicalJson({ [name]: more[name] }));
      const least = Math.min(...Object.keys(aside).map(size));
      t.true(
        Object.keys(kept).every((name) => size(name) <= least),
        "a larger field was kept",
      );
      const smallest = Object.keys(aside).toSorted((a, b) => size(a) - size(b) || (a < b ? 1 : -1))[0] ?? "";
      const withIt = canonicalJson({ ...kept, [smallest]: more[smallest] });
      t.true(Buffer.byteLength(withIt) > MAX_EXTRA_BYTES, "a field went that would have fitted");
    }),
    { numRuns: 300 },
  );
  t.true(divided > 50, `${divided} divided`);
});

test("an optional field that is odd and large goes to quarantine too, and its column is null", (t) => {
  const date = `"${"9".repeat(5000)}"`;
  const { rows, refused } = decode(`[${sent({ gas_used: date, region: '"eu"' })}]`);
  t.deepEqual(refused, []);
  t.like(lineOf(t, rows[0] ?? t.fail()), { gas_used: null, extra: '{"region":"eu"}' });
  t.is(oversizeFields(rows)[0]?.raw, `{"gas_used":${date}}`);
});

test("a field of over 1 MiB is an attack, beside sound rows too", (t) => {
  const large = sent({ more: `"${"x".repeat((1 << 20) + 1)}"` });
  t.throws(() => decode(`[${JSON.stringify(leastBid)},${large}]`), { instanceOf: MalformedAnswerError });
});

test("a row that lacks a required field is refused whole, whatever else is odd about it", (t) => {
  const raw = sent({ value: "null", gas_used: '"x"', trace: `"${"x".repeat(5000)}"` });
  const { rows, refused } = decode(`[${raw}]`);
  t.is(rows.length, 0);
  t.like(refused[0], { raw, reason: "value: required, but missing" });
});

test("an element without any field that a row must have makes the answer malformed, alone or among rows", (t) => {
  const strays = [
    '{"code":500,"message":"time-out"}',
    "{}",
    '{"gas_used":"21000","timestamp":"1"}',
    '{"slot":null,"value":""}',
    '{"message":"x","__proto__":{"slot":"5","value":"1"}}',
  ];
  const [sound, bad] = [JSON.stringify(leastBid), sent({ value: '"-1"' })];
  for (const dataset of [bids, payloads]) {
    for (const stray of strays) {
      for (const list of [
        [stray],
        [sound, stray],
        [stray, sound],
        [sound, bad, stray, sound],
        [bad, stray],
      ]) {
        t.throws(
          () => answerDecoder(dataset)(Buffer.from(`[${list.join(",")}]`), 5),
          { instanceOf: MalformedAnswerError, message: `an element that is no row: ${stray}` },
          list.join(","),
        );
      }
    }
  }
  t.is(decode(`[${sound},${bad}]`).refused.length, 1, "one field that a row must have makes it a row");
});

const SLOT = 13_000_050;
const START_MS = (network.genesis + 12 * SLOT) * 1000;

/** A full bid, as relays send it since 2023. */
function fullBid(i: number): Record<string, unknown> {
  const ms = START_MS + 100 * i;
  return {
    ...leastBid,
    slot: String(SLOT),
    block_hash: `0x${String(i).repeat(64)}`,
    gas_limit: "36000000",
    gas_used: "21000",
    num_tx: "1",
    block_number: "23776000",
    timestamp: String(Math.floor(ms / 1000)),
    timestamp_ms: String(ms),
    optimistic_submission: false,
  };
}

/** What is done to each of three bids, and what their lines then hold; undefined where the answer is malformed. */
const answers: Readonly<
  Record<
    string,
    {
      readonly change?: Readonly<Record<string, unknown>>;
      readonly holds?: (i: number) => Readonly<Record<string, unknown>>;
      readonly aside?: readonly string[];
      readonly malformed?: readonly object[];
    }
  >
> = {
  "seconds-only": {
    change: { timestamp_ms: undefined },
    holds: () => ({ timestamp: timeOf(START_MS), timestamp_s: String(START_MS / 1000), timestamp_ms: null }),
  },
  "milliseconds-only": {
    change: { timestamp: undefined },
    holds: (i) => ({
      timestamp: timeOf(START_MS + 100 * i),
      timestamp_s: null,
      timestamp_ms: String(START_MS + 100 * i),
    }),
  },
  undated: {
    change: { timestamp: undefined, timestamp_ms: undefined },
    holds: () => ({ timestamp: null, timestamp_s: null, timestamp_ms: null }),
  },
  "dated-zero": {
    change: { timestamp: "0", timestamp_ms: "0" },
    holds: () => ({ timestamp: null, timestamp_s: "0", timestamp_ms: "0" }),
  },
  "number-seconds-2022": {
    change: {
      timestamp: START_MS / 1000,
      timestamp_ms: undefined,
      num_tx: undefined,
      block_number: undefined,
      optimistic_submission: undefined,
    },
    holds: () => ({
      timestamp: timeOf(START_MS),
      timestamp_s: String(START_MS / 1000),
      num_tx: null,
      block_number: null,
      optimistic_submission: null,
    }),
  },
  "typed-html": {},
  "encoding-utf-8": {},
  "optional-flag-as-text": {
    change: { optimistic_submission: "true" },
    holds: () => ({ optimistic_submission: null, extra: '{"optimistic_submission":"true"}' }),
  },
  "optional-time-as-date": {
    change: { timestamp: "2025-11-11T01:30:23Z" },
    holds: (i) => ({
      timestamp: timeOf(START_MS + 100 * i),
      timestamp_s: null,
      extra: '{"timestamp":"2025-11-11T01:30:23Z"}',
    }),
  },
  "large-unknown-field": {
    change: { notes: { k: "x".repeat(5000) } },
    holds: () => ({ extra: null, timestamp_s: String(START_MS / 1000) }),
    aside: ["notes"],
  },
  "error-as-row": { malformed: [] },
  "error-behind-rows": { malformed: [fullBid(0), fullBid(1), fullBid(2)] },
};

function timeOf(ms: number): string {
  return new Date(ms).toISOString();
}

function holdsRight(t: ExecutionContext, name: string, body: string): void {
  const { holds, aside = [], malformed } = answers[name] ?? t.fail(`nothing is said of ${name}`);
  if (malformed) {
    t.throws(() => decode(body, SLOT), { instanceOf: MalformedAnswerError });
    return;
  }
  const { rows, refused } = decode(body, SLOT);
  t.deepEqual(refused, []);
  t.is(rows.length, 3);
  rows.forEach((row, i) => t.like(lineOf(t, row), { slot: String(SLOT), gas_used: "21000", ...holds?.(i) }));
  const fields = oversizeFields(rows).flatMap(({ raw }) => Object.keys(JSON.parse(raw) as object));
  t.deepEqual(
    fields,
    rows.flatMap(() => aside),
  );
}

for (const [name, { change, malformed }] of Object.entries(answers)) {
  test(`${name}: ${malformed ? "the answer is malformed" : "three rows, each column right"}`, (t) => {
    const rows = malformed
      ? [...malformed, { code: 500, message: "time-out" }]
      : [0, 1, 2].map((i) => ({ ...fullBid(i), ...change }));
    holdsRight(t, name, JSON.stringify(rows));
  });
}

/** Answers whose oddity the client deals with. */
const OF_THE_CLIENT: ReadonlySet<string> = new Set(["bom", "null-for-empty", "not-found-for-empty"]);
const recorded = new URL("../../../shared/realdata/odd/", import.meta.url);
const files = existsSync(recorded) ? readdirSync(recorded).filter((file) => file.endsWith(".json")) : [];
for (const file of files) {
  const name = file.replace(".json", "");
  if (OF_THE_CLIENT.has(name)) continue;
  test(`the answer in ${file}: as the same made here`, (t) => {
    const { body_base64: body } = JSON.parse(readFileSync(new URL(file, recorded), "utf8")) as {
      body_base64: string;
    };
    holdsRight(t, name, Buffer.from(body, "base64").toString());
  });
}
