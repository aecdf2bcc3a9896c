import { randomBytes } from "node:crypto";
import type { Network } from "../runtime/chain/networks.ts";
import type { SlotRange } from "../runtime/chain/slots.ts";
import { bids } from "../runtime/datasets/bids.ts";
import { chunkRanges } from "../runtime/datasets/chunks.ts";
import { lineWriter } from "../runtime/datasets/line.ts";
import { deflateSlot, type SlotBlock } from "../runtime/lake/gzip.ts";
import { type Lake, emptyMeta } from "../runtime/lake/lake.ts";

/** Brings so many bids a slot of a relay, which is asked for in whole chunks, into a lake. */
export async function someBids(
  lake: Lake,
  network: Network,
  relay: string,
  range: SlotRange,
  bidsASlot: number,
): Promise<void> {
  const key = (bytes: number) => `0x${randomBytes(bytes).toString("hex")}`;
  const builders = Array.from({ length: 30 }, () => key(48));
  for (const run of chunkRanges(bids, range)) {
    const blocks = new Map<number, SlotBlock>();
    for (let slot = run.first; slot <= run.last; slot++) {
      const write = lineWriter(bids, network, relay, slot);
      const slotStart = network.genesis + 12 * slot;
      const common = {
        slot: String(slot),
        parent_hash: key(32),
        proposer_pubkey: key(48),
        proposer_fee_recipient: key(20),
        gas_limit: "36000000",
        block_number: String(slot),
        timestamp: String(slotStart),
      };
      const lines = Array.from({ length: bidsASlot }, (_, index) =>
        write({
          ...common,
          block_hash: key(32),
          builder_pubkey: builders[index % builders.length] ?? key(48),
          gas_used: String(10_000_000 + 7919 * index),
          value: randomBytes(7).readUIntBE(1, 6).toString(),
          num_tx: String(index % 300),
          timestamp_ms: String(slotStart * 1000 + index),
          optimistic_submission: index % 2 === 0,
        }),
      );
      blocks.set(slot, deflateSlot(lines.join(""), lines.length));
    }
    const none = emptyMeta(run);
    const covered = [...blocks.keys()].reduce((bits, slot) => bits.with(slot), none.covered);
    const meta = { ...none, covered, rows: bids.chunkSlots * bidsASlot };
    await lake.write({ dataset: "bids", relay, ...run }, blocks, meta, 0);
  }
}
