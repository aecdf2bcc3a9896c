/**
 * Fee recipients that are contracts, and what they do with what they get. From serenita-org/ethstaker.tax,
 * src/indexer/block_rewards/{smart_contract_fee_recipients,block_rewards_mev_simple}.py, and gattaca-com/helix #466.
 */

/** An event by which a contract tells what it paid out in the block. */
export interface Distribution {
  /** Where the event is logged, lower case; undefined: at the fee recipient itself. */
  readonly at?: string;
  readonly topic: string;
  /** Words of 32 bytes of its data that hold wei, the first is 0. */
  readonly words: readonly number[];
}

/** Events of distributions: a recipient of which none is logged has distributed nothing. */
export const DISTRIBUTIONS: readonly Distribution[] = [
  // Rocket Pool: a distributor an operator.
  { topic: "0x4c41dd034da8150bccdeba2e484837eb447e0a3840b3e02a54e9bd6eb883210e", words: [1, 2] },
  // Lido's vault: stETH tells of it.
  {
    at: "0xae7ab96520de3a18e5e111b5eaab095312d7fe84",
    topic: "0xd27f9b0c98bdee27044afa149eadcd2047d6399cb6613a45c5b87e6aca76e6b5",
    words: [0],
  },
  // stakefish.
  { topic: "0x7916d844d976746a43b9efc42cf4339ebe50001364a8790d4aec7bbd9a2b599e", words: [1] },
  // Kraken.
  { topic: "0x1bb9fb49058794ee4e0f88f3c95c10019922d0b1c6f27da1ee2a98ad19d9b308", words: [0] },
];

/** The recipient for which stETH logs what Lido's vault paid out. */
const LIDO_VAULT = "0x388c818ca8b9251b393131c08a736a67ccb19297";

/** An event of a block: lower-case hex; its first topic. */
export interface LoggedEvent {
  readonly address: string;
  readonly topic: string;
  readonly data: string;
}

/** The distributions that a recipient's payments may be told by, and the addresses at which they are logged. */
export function distributionsOf(recipient: string): readonly (Distribution & { readonly at: string })[] {
  return DISTRIBUTIONS.filter(({ at }) => at === undefined || recipient === LIDO_VAULT).map(
    (distribution) => ({
      ...distribution,
      at: distribution.at ?? recipient,
    }),
  );
}

/** Wei that a recipient distributed by the events of a block. */
export function distributedBy(recipient: string, events: readonly LoggedEvent[]): bigint {
  let sum = 0n;
  for (const { at, topic, words } of distributionsOf(recipient))
    for (const event of events)
      if (event.address === at && event.topic === topic) sum += sumOfWords(event.data, words);
  return sum;
}

/** The sum of some words of 32 bytes of an event's data; 0 for words that it lacks. */
function sumOfWords(data: string, words: readonly number[]): bigint {
  return words.reduce((sum, word) => {
    const digits = data.slice(2 + 64 * word, 2 + 64 * (word + 1));
    return digits.length === 64 ? sum + BigInt(`0x${digits}`) : sum;
  }, 0n);
}

/** Pass everything on at once: their balance tells nothing. */
export const FORWARDS_ON: ReadonlySet<string> = new Set([
  "0xd6bdd5c289a38ea7bbd57da9625dba60cee94879",
  "0x7cd1af7d5299c5bfd4a63291eb5aa57f0ce60024",
  "0x6386ed8a268ce332db01b992402430968760c86d",
]);

/** Helix's PaymentForwarder: takes 4 bytes of the block's time and the 20 of who is to be paid. */
export const PAYMENT_FORWARDER = "0xfeeeeee44046c3f61a8cc081e0918ef0de0a7ffc";
