import { groupBy } from "../../warehouse/sql/values.ts";

/** Things of relays and datasets that say the same: whose they are. */
export interface Folded<T> {
  readonly relays: readonly string[];
  readonly datasets: readonly string[];
  readonly one: T;
}

/** Takes together what says the same of several relays, and of the same relays in several datasets. Order is kept. */
export function folded<T extends { readonly relay: string; readonly dataset: string }>(
  things: readonly T[],
  says: (thing: T) => string,
): Folded<T>[] {
  const byDataset = [...groupBy(things, (thing) => `${thing.dataset}\n${says(thing)}`).values()];
  const same = groupBy(byDataset, (own) =>
    [...own.map(({ relay }) => relay).toSorted(), ...own.slice(0, 1).map(says)].join("\n"),
  );
  return [...same.values()].flatMap((groups) => {
    const [[one] = []] = groups;
    if (one === undefined) return [];
    const relays = groups[0]?.map(({ relay }) => relay) ?? [];
    return [{ relays, datasets: groups.flatMap(([first]) => first?.dataset ?? []), one }];
  });
}

/** Relays in one cell of a table. */
export function relaysText(relays: readonly string[]): string {
  return relays.length === 1 ? (relays[0] ?? "") : `${relays.length} relays: ${relays.join(", ")}`;
}
