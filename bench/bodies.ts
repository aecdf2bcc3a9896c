import { existsSync, readFileSync } from "node:fs";
import { systemClock } from "../runtime/chain/clock.ts";
import { bodyOf } from "../runtime/simulator/bodies.ts";
import { ask } from "../runtime/simulator/dialects.ts";
import { SimulatedData } from "../runtime/simulator/truth.ts";

/** A relay's answer for one slot, as it comes from the wire. */
export interface SlotBody {
  readonly slot: number;
  readonly body: Buffer;
}

const FIRST_SLOT = 1_000_000;
const RELAY = "heron";
/** heron has some 300 bids a slot. */
const SCALE = 500 / 285;

/** So many slots with bids of a relay of the reference kind, some 500 a slot, odd and repeated rows among them. */
export function simulatedBodies(slots: number): SlotBody[] {
  const data = new SimulatedData({
    seed: 1,
    clock: systemClock,
    scale: SCALE,
    head: FIRST_SLOT + 10 * slots,
  });
  const bodies: SlotBody[] = [];
  for (let slot = FIRST_SLOT; bodies.length < slots; slot++) {
    const params = new URLSearchParams({ slot: String(slot) });
    const answer = ask(data, { relay: RELAY, dataset: "bids", params }, 0);
    if ("status" in answer) throw new Error(`the simulated relay refused slot ${slot}: ${answer.message}`);
    if (answer.rows.length > 0) bodies.push({ slot, body: bodyOf(answer.rows, true).plain });
  }
  return bodies;
}

const RECORDED: readonly { file: string; slot: number }[] = [
  { file: "flashbots__builder_blocks_received__slot7567001.json", slot: 7_567_001 },
  { file: "ultrasound__builder_blocks_received__slot5771427.json", slot: 5_771_427 },
];

/** Bodies that mainnet relays sent, where the recordings lie beside the repository. */
export function recordedBodies(): SlotBody[] {
  return RECORDED.flatMap(({ file, slot }) => {
    const url = new URL(`../../shared/realdata/${file}`, import.meta.url);
    return existsSync(url) ? [{ slot, body: readFileSync(url) }] : [];
  });
}
