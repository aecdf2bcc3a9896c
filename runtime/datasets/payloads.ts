import { type Definition, bidTrace, copies, everywhere, extra, optional } from "./definition.ts";

/** Every payload that a relay says it delivered to a proposer. */
export const payloads: Definition<"payloads"> = {
  name: "payloads",
  description: "Payloads that each relay says it delivered to a proposer",
  chunkSlots: 320,
  order: ["relay", "slot", "builder_pubkey"],
  endpoints: everywhere("/relay/v1/data/bidtraces/proposer_payload_delivered"),
  asked: "pages",
  target: "all",
  columns: [
    ...bidTrace,
    extra,
    copies,
    {
      ...optional(
        "reorged",
        "BOOL",
        "False when block_hash is canonical, true when the canonical chain has another block or none in that slot, null until known",
      ),
      warehouseOnly: true,
    },
  ],
};
