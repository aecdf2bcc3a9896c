import type { DatasetName } from "../datasets/dataset.ts";
import { type Lake, trusted } from "../lake/lake.ts";
import { dayOf, monthsOf, slotsIn } from "../lake/rereads.ts";
import type { SlotScope } from "./scope.ts";

/** What re-reading has shown of the days that a range of slots touches. */
export interface Agreement {
  /** Slots that were read again. */
  readonly slots: number;
  readonly differing: number;
  readonly rows_gained: number;
}

/** Reads how well a relay's answers have agreed, over the days of a range. `onFault` is told of what can't be read. */
export async function agreementOf(
  lake: Lake,
  { network, range }: Pick<SlotScope, "network" | "range">,
  relay: string,
  dataset: DatasetName,
  onFault: (fault: string) => void,
): Promise<Agreement> {
  const [firstDay, lastDay] = [dayOf(network, range.first), dayOf(network, range.last)];
  const months = await Promise.all(
    monthsOf(network, range).map((month) =>
      trusted(
        () => lake.readRereads(dataset, relay, month),
        [],
        ({ message }) => onFault(message),
      ),
    ),
  );
  const sum = { slots: 0, differing: 0, rows_gained: 0 };
  for (const [day, reread] of months.flatMap((month) => [...month])) {
    if (day < firstDay || day > lastDay) continue;
    sum.slots += slotsIn(reread.slots);
    sum.differing += reread.differing;
    sum.rows_gained += reread.rowsGained;
  }
  return sum;
}
