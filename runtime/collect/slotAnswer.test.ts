import test from "ava";
import { simulatedNetwork } from "../chain/networks.ts";
import { answerDecoder } from "../datasets/answer.ts";
import { bids } from "../datasets/bids.ts";
import { simulatedAnswers } from "../kernel/bodies.testing.ts";
import { Kernel } from "../kernel/kernel.ts";
import { blockLines, packSlot, packedSlot } from "./slotAnswer.ts";

test("an answer says the same whichever way it went: lines, what is refused, and whether it is doubtful", (t) => {
  const network = simulatedNetwork(1);
  const decode = answerDecoder(bids);
  const kernel = new Kernel(bids);
  const seen = new Set<string | undefined>();
  const absent = `0x${"1".repeat(64)}`;
  for (const { slot, body } of [...simulatedAnswers(1, 12, 0.2).values()].flat()) {
    const asked = { network, relay: "alpha", slot };
    const decoded = decode(body, slot);
    const hashes = decoded.rows.map(({ row }) => String(row["block_hash"]));
    for (const bid of [undefined, hashes.slice(0, 2), [...hashes.slice(-1), absent]]) {
      const delivered = bid && { all: new Set(bid), bid: new Set(bid) };
      const options = { readAt: 5, cached: slot % 2 === 0, delivered };
      const { block, ...rest } = packSlot(bids, asked, decoded, { ...options, way: "kernel" });
      const packed = kernel.pack(body, { ...asked, decode });
      if (!packed) return t.fail(`slot ${slot} was declined`);
      const { block: own, ...others } = packedSlot(bids, slot, packed, options);
      t.deepEqual(others, rest);
      t.deepEqual(blockLines(own), blockLines(block));
      t.like(own, { crc: block.crc, size: block.size, rows: block.rows });
      seen.add(rest.doubt);
    }
  }
  t.true(seen.has(undefined) && seen.has("undelivered"));
});

test("an answer without rows went no way", (t) => {
  const asked = { network: simulatedNetwork(1), relay: "alpha", slot: 5 };
  const decode = answerDecoder(bids);
  const packed = new Kernel(bids).pack(Buffer.from(" [ ]\n"), { ...asked, decode });
  if (!packed) return t.fail("an empty list was declined");
  const answer = packedSlot(bids, 5, packed, { readAt: 5 });
  t.is(answer.way, undefined);
  t.deepEqual(answer, packSlot(bids, asked, { rows: [], refused: [] }, { readAt: 5, way: "fallback" }));
});
