/**
 * The lines of a worker that metrics and alerts are made of: what stands in `message`, and the fields beside it, each with
 * its meaning. Renaming one breaks what counts on it.
 */
export const BACKLOAD_LINES = {
  /** One a minute and relay. */
  relay: {
    message: "backload.relay",
    fields: {
      relay: "the relay's name in the directory",
      slots: "slots that are to be settled; a slot of each dataset counts for itself",
      done: "slots of these that needn't be asked for any more",
      read: "slots that the relay has answered for since the worker started",
      settled: "slots of these since the line before",
      failed: "slots that gave no answer",
      rows: "rows that were collected since the worker started",
      requests: "requests sent since then, retries among them",
      left: "requests that are still to be sent, as far as can be told by now",
      refusals: "requests that the relay refused (408, 425, 429, 503)",
      bytes: "bytes of bodies on the wire",
      rate: "requests a second since the worker started",
      borne: "requests a second that the relay has borne for a minute; absent until that is known",
      eta_seconds: "seconds until all is asked, at the requests a second so far; absent until something was",
    },
  },
  /** The last line of a worker. Its severity is ERROR where no further try will help. */
  end: {
    message: "backload.end",
    fields: {
      shard: "number of the shard, from 0",
      shards: "how many there are",
      outcome: "done, retry, bad-input or failed",
      exit_code: "0, 75, 42 or 1",
      reason: "why it isn't done; absent when it is",
      missing: "slots that are still missing; absent when the worker was stopped",
      rows: "rows that were collected",
      seconds: "how long the worker ran",
    },
  },
} as const;
