import * as t from "io-ts";

// What the codec of a bid looks like where it is written in the usual way: a t.type of branded strings.

interface WellFormed {
  readonly WellFormed: unique symbol;
}

function branded(pattern: RegExp) {
  return t.brand(t.string, (s): s is t.Branded<string, WellFormed> => pattern.test(s), "WellFormed");
}

const Integer = branded(/^\d{1,19}$/);
const Wei = branded(/^\d{1,29}$/);
const Hash = branded(/^0x[0-9a-fA-F]{64}$/);
const Pubkey = branded(/^0x[0-9a-fA-F]{96}$/);
const Address = branded(/^0x[0-9a-fA-F]{40}$/);

/** An answer of bids; every field of the reference relay is required. */
export const TypicalBids = t.array(
  t.type({
    slot: Integer,
    parent_hash: Hash,
    block_hash: Hash,
    builder_pubkey: Pubkey,
    proposer_pubkey: Pubkey,
    proposer_fee_recipient: Address,
    gas_limit: Integer,
    gas_used: Integer,
    value: Wei,
    num_tx: Integer,
    block_number: Integer,
    timestamp: Integer,
    timestamp_ms: Integer,
    optimistic_submission: t.boolean,
  }),
);
