import { DATASET_NAMES, type DatasetName } from "../datasets/dataset.ts";
import { type BadObjectError, type Lake, trusted } from "../lake/lake.ts";
import { type Relay, newestFiltering } from "../relays/relay.ts";
import type { RowValues, TableRows } from "./keyedTables.ts";

/**
 * The rows that table relays is to have: `relays` as they are in the directory, with their horizons; those that only the lake
 * knows, and the table doesn't, are `off`. `failed` are the horizons that can't be read.
 */
export async function relayRows(
  lake: Lake,
  relays: readonly Relay[],
  listed: ReadonlySet<string>,
): Promise<TableRows> {
  const failed: { object: string; error: string }[] = [];
  const onBad = ({ object, message: error }: BadObjectError) => failed.push({ object, error });
  const horizon = async (dataset: DatasetName, relay: string): Promise<number | null> =>
    (await trusted(() => lake.readHorizon(dataset, relay), undefined, onBad))?.oldest_slot ?? null;
  const rows: RowValues[] = [];
  for (const relay of relays) {
    const named = [relay.name, relay.url, relay.pubkey, newestFiltering(relay), relay.dialect, relay.state];
    const range = [relay.activeFrom, relay.activeTo, relay.collectFrom, relay.aliasOf];
    const horizons = [await horizon("bids", relay.name), await horizon("payloads", relay.name)];
    rows.push([...named, ...range, ...horizons]);
  }
  const known = new Set([...listed, ...relays.map(({ name }) => name)]);
  for (const dataset of DATASET_NAMES) {
    for (const name of await lake.relays(dataset)) {
      if (known.has(name)) continue;
      known.add(name);
      rows.push([name, null, null, null, null, "off", ...Array<null>(6).fill(null)]);
    }
  }
  return { rows, failed };
}
