import fc from "fast-check";

const hex = (digits: number) =>
  fc.stringMatching(new RegExp(`^[0-9a-f]{${digits}}$`)).map((text) => `0x${text}`);
const mixedHex = (digits: number) =>
  fc.stringMatching(new RegExp(`^[0-9a-fA-F]{${digits}}$`)).map((text) => `0x${text}`);
const int64 = fc.oneof(
  fc.nat().map(String),
  fc.nat(),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String),
);
const absent = fc.constant(undefined);
const optional = <T>(value: fc.Arbitrary<T>) =>
  fc.oneof({ arbitrary: value, weight: 5 }, absent, fc.constant(null), fc.constant(""));
const junk = fc.oneof(
  fc.string(),
  fc.double(),
  fc.constant(null),
  fc.boolean(),
  fc.object(),
  fc.bigInt().map(String),
);

/** A bid of slot 5 with nothing but what every bid must have. */
export const leastBid = {
  slot: "5",
  parent_hash: `0x${"a".repeat(64)}`,
  block_hash: `0x${"b".repeat(64)}`,
  builder_pubkey: `0x${"c".repeat(96)}`,
  proposer_pubkey: `0x${"d".repeat(96)}`,
  proposer_fee_recipient: `0x${"e".repeat(40)}`,
  value: "1",
};

/** A bid as some relay might send it; now and then with a field that no relay should send. */
export const sentBid: fc.Arbitrary<Record<string, unknown>> = fc
  .record({
    slot: fc.nat(9_999_999).map(String),
    parent_hash: hex(64),
    block_hash: hex(64),
    builder_pubkey: hex(96),
    proposer_pubkey: hex(96),
    proposer_fee_recipient: mixedHex(40),
    gas_limit: optional(int64),
    gas_used: optional(int64),
    value: fc.bigInt({ min: 0n, max: 10n ** 29n - 1n }).map(String),
    num_tx: optional(int64),
    block_number: optional(int64),
    timestamp: optional(int64),
    timestamp_ms: optional(int64),
    optimistic_submission: optional(fc.boolean()),
  })
  .chain((bid) =>
    fc.record({
      bid: fc.constant(bid),
      broken: fc.oneof(
        { arbitrary: absent, weight: 3 },
        fc.record({ key: fc.constantFrom(...Object.keys(bid)), value: junk }),
      ),
      extra: fc.oneof({ arbitrary: absent, weight: 3 }, fc.dictionary(fc.string(), junk, { maxKeys: 3 })),
    }),
  )
  .map(({ bid, broken, extra }) => {
    const row: Record<string, unknown> = { ...bid, ...extra };
    if (broken) row[broken.key] = broken.value;
    for (const key of Object.keys(row)) if (row[key] === undefined) delete row[key];
    return row;
  });
