import test from "ava";
import fc from "fast-check";
import type { RelayRow } from "./format.ts";
import { simulatedNetwork } from "../chain/networks.ts";
import { answerDecoder } from "./answer.ts";
import { bids } from "./bids.ts";
import { lineWriter } from "./line.ts";
import { lineParser } from "./lineParser.ts";
import { hasRepeats } from "./repeats.ts";
import { sentBid } from "./datasets.testing.ts";

const network = simulatedNetwork(1);

test("a line holds every field of its row and is read back only in the form in which it was written", (t) => {
  const decode = answerDecoder(bids);
  const parse = lineParser(bids, "alpha");
  fc.assert(
    fc.property(sentBid, fc.nat(400), (sent, at) => {
      const answer = decode(Buffer.from(JSON.stringify([sent])), 7);
      for (const { slot, row } of answer.rows) {
        if (slot < 0 || slot > 9_999_999) continue;
        const line = lineWriter(bids, network, "alpha", slot)(row);
        t.is(parse(line), slot);
        const written = JSON.parse(line) as Record<string, unknown>;
        for (const column of bids.columns) {
          const { field } = column;
          if (field) t.is(written[column.name], (row as RelayRow)[field.name] ?? null);
        }
        t.is(written["extra"], row["extra"] ?? null);
        t.is(Date.parse(String(written["block_timestamp"])), (network.genesis + 12 * slot) * 1000);
        const cut = line.slice(0, at % line.length) + line.slice((at % line.length) + 1);
        const stillALine = parse(cut);
        if (stillALine !== undefined)
          t.deepEqual(Object.keys(JSON.parse(cut) as object), Object.keys(written));
      }
    }),
    { numRuns: 500 },
  );
  t.is(lineParser(bids, "beta")(lineWriter(bids, network, "alpha", 7)({})), undefined);
});

/** A bid's line as one expression, to compare with what looks only at the parts that differ from the line before. */
const hexText = (digits: number): string => `"0x[0-9a-f]{${digits}}"`;
const INT = String.raw`(?:"(?:0|-?[1-9]\d{0,18})"|null)`;
const TIME = String.raw`"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"`;
const BID_LINE = new RegExp(
  String.raw`^\{"relay":"alpha","slot":"(0|[1-9]\d{0,9})","block_timestamp":${TIME},"parent_hash":${hexText(64)}` +
    `,"block_hash":${hexText(64)},"builder_pubkey":${hexText(96)},"proposer_pubkey":${hexText(96)}` +
    String.raw`,"proposer_fee_recipient":${hexText(40)},"gas_limit":${INT},"gas_used":${INT},"value":"(?:0|[1-9]\d{0,28})"` +
    `,"num_tx":${INT},"block_number":${INT},"timestamp":(?:${TIME}|null),"timestamp_s":${INT},"timestamp_ms":${INT}` +
    String.raw`,"optimistic_submission":(?:true|false|null),"extra":(?:"(?:[^"\\\x00-\x1f]|\\.)*"|null)\}\n$`,
);

test("whatever lines were read before, each is judged by itself, to its last character", (t) => {
  const decode = answerDecoder(bids);
  const lines = fc
    .array(fc.tuple(sentBid, fc.constantFrom(7, 7, 8, 123_456)), { minLength: 1, maxLength: 4 })
    .map((sent) =>
      sent.flatMap(([bid, slot]) =>
        decode(Buffer.from(JSON.stringify([{ ...bid, slot: String(slot) }])), slot).rows.map(({ row }) =>
          lineWriter(bids, network, "alpha", slot)(row),
        ),
      ),
    )
    .filter((written) => written.length > 0);
  const character = fc.constantFrom("0", "9", "a", "g", "A", '"', ",", "}", "\n", "\\", "-", " ", "\u00e9");
  const change = fc.record({
    line: fc.nat(),
    other: fc.nat(),
    at: fc.nat(),
    character,
    kind: fc.constantFrom("none", "none", "put", "drop", "replace", "swap", "cut", "more"),
  });
  let [taken, refused] = [0, 0];
  fc.assert(
    fc.property(lines, fc.array(change, { minLength: 1, maxLength: 30 }), (written, changes) => {
      const parse = lineParser(bids, "alpha");
      for (const { line: which, other, at: place, character: c, kind } of changes) {
        const line = written[which % written.length] ?? "";
        const at = place % line.length;
        const [before, behind] = [line.slice(0, at), line.slice(at)];
        const changed = {
          none: line,
          put: before + c + behind,
          drop: before + behind.slice(1),
          replace: before + c + behind.slice(1),
          swap: before + (written[other % written.length] ?? "").slice(at),
          cut: before,
          more: line + c,
        }[kind];
        const slot = BID_LINE.exec(changed)?.[1];
        t.is(parse(changed), slot === undefined ? undefined : Number(slot), changed);
        if (slot === undefined) refused++;
        else taken++;
      }
    }),
    { numRuns: 500 },
  );
  t.true(taken > 500 && refused > 500, `${taken} taken, ${refused} refused`);
});

test("lines repeat when any two of them are equal, however many are of one block", (t) => {
  const key = (text: string, length: number): string => `0x${text.repeat(length)}`;
  const line = fc.tuple(fc.constantFrom("a", "b"), fc.nat(9)).map(([block, value]) =>
    lineWriter(
      bids,
      network,
      "alpha",
      7,
    )({
      parent_hash: key("1", 64),
      block_hash: key(block, 64),
      builder_pubkey: key("2", 96),
      proposer_pubkey: key("3", 96),
      proposer_fee_recipient: key("4", 40),
      value: String(value),
    }),
  );
  fc.assert(
    fc.property(fc.array(line, { maxLength: 8 }), (lines) => {
      t.is(hasRepeats(lines), new Set(lines).size < lines.length);
    }),
  );
});
