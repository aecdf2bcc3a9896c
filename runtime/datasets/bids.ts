import {
  type Definition,
  bidTrace,
  copies,
  everywhere,
  extra,
  integer,
  optional,
  relayColumn,
} from "./definition.ts";

/** Every bid that a relay shows for a slot. */
export const bids: Definition<"bids"> = {
  name: "bids",
  description: "Bids that builders submitted, as each relay shows them; equal rows are one row with copies",
  chunkSlots: 32,
  order: ["relay", "slot", "builder_pubkey"],
  endpoints: everywhere("/relay/v1/data/bidtraces/builder_blocks_received"),
  asked: "slot",
  target: "all",
  holdsDelivered: true,
  // Facts: relay-data-api §5, row 2.
  rowLimits: [100, 200, 450, 500],
  columns: [
    ...bidTrace,
    {
      ...optional(
        "timestamp",
        "TIMESTAMP",
        "When the relay had the bid: timestamp_ms, else timestamp_s; null when absent, 0 or beyond year 9999. Relays date different moments (received, inserted, first seen)",
      ),
      time: { ms: "timestamp_ms", s: "timestamp" },
    },
    {
      ...optional("timestamp_s", "INT64", "The relay's field timestamp, Unix s, as sent"),
      field: { name: "timestamp", format: "int64" },
    },
    integer("timestamp_ms", "The relay's field timestamp_ms, Unix ms, as sent"),
    relayColumn(
      "optimistic_submission",
      "BOOL",
      false,
      "bool",
      "Whether the relay took the bid before checking it; null where the relay doesn't say",
    ),
    extra,
    copies,
  ],
};
