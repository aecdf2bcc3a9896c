import type { RelayProgress } from "./progress.ts";

/** No worker's part of a relay's rate falls below this: it still has to find out that it is done. */
const LEAST_SHARE = 0.01;

/** What each of some workers is to take of each relay's rate: by worker, by relay, 0–1. */
export type Shares = readonly Readonly<Record<string, number>>[];

/**
 * Divides relays' rates among workers that ask from one address, by what each has left: so all are done at about the same
 * time, and no part lies idle when one is done early. `progress`: by worker; undefined for one that has ended. In all a
 * relay is asked no more than its rate.
 */
export function divideRates(progress: readonly (readonly RelayProgress[] | undefined)[]): Shares {
  const left = progress.map(
    (relays) => relays && new Map(relays.map(({ relay, slots, done }) => [relay, slots - done] as const)),
  );
  const relays = new Set(progress.flatMap((worker) => worker?.map(({ relay }) => relay) ?? []));
  const shares: Record<string, number>[] = progress.map(() => ({}));
  for (const relay of relays) {
    const of = left.map((slots) => slots?.get(relay));
    const working = of.filter((slots) => slots !== undefined);
    const total = working.reduce((sum, slots) => sum + slots, 0);
    const least = Math.min(LEAST_SHARE, 1 / working.length);
    const rest = 1 - least * working.length;
    of.forEach((slots, worker) => {
      const mine = shares[worker];
      if (slots === undefined || !mine) return;
      mine[relay] = least + rest * (total === 0 ? 1 / working.length : slots / total);
    });
  }
  return shares;
}

/** The smaller of two divisions, worker by worker: between one and the next nobody takes what another hasn't given back. */
export function smaller(a: Shares, b: Shares): Shares {
  return a.map((mine, worker) => {
    const theirs = b[worker] ?? {};
    return Object.fromEntries(
      Object.entries(mine).map(([relay, share]) => [relay, Math.min(share, theirs[relay] ?? share)]),
    );
  });
}
