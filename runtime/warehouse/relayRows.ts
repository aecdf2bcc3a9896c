import { DATASET_NAMES, datasets } from "../datasets/dataset.ts";
import { type BadObjectError, type Lake, trusted } from "../lake/lake.ts";
import { type Relay, newestFiltering, serves } from "../relays/relay.ts";
import type { RowValues, TableRows } from "./keyedTables.ts";

/** Columns that hold nothing any more. */
const RETIRED = [null, null];

/**
 * The rows that table relays is to have: `relays` as they are in the directory; those that only the lake knows (without a URL), and
 * the table doesn't, are `off`.
 */
export async function relayRows(
  lake: Lake,
  relays: readonly Relay[],
  listed: ReadonlySet<string>,
): Promise<TableRows> {
  const rows: RowValues[] = [];
  for (const relay of relays) {
    if (relay.url === "" && relay.dialect !== "chain" && listed.has(relay.name)) continue;
    const named = [relay.name, relay.url, relay.pubkey, newestFiltering(relay), relay.dialect, relay.state];
    const range = [relay.activeFrom, relay.activeTo, relay.collectFrom, relay.aliasOf];
    rows.push([...named, ...range, ...RETIRED]);
  }
  const known = new Set([...listed, ...relays.map(({ name }) => name)]);
  for (const dataset of DATASET_NAMES) {
    for (const name of await lake.relays(dataset)) {
      if (known.has(name)) continue;
      known.add(name);
      const dialect = datasets[dataset].asked === "range" ? "chain" : null;
      rows.push([name, null, null, null, dialect, "off", ...Array<null>(6).fill(null)]);
    }
  }
  return { rows, failed: [] };
}

/** The rows that table horizons is to have. `failed` are the horizons that can't be read. */
export async function horizonRows(lake: Lake, relays: readonly Relay[]): Promise<TableRows> {
  const failed: { object: string; error: string }[] = [];
  const onBad = ({ object, message: error }: BadObjectError) => failed.push({ object, error });
  const rows: RowValues[] = [];
  for (const { name, ...relay } of relays)
    for (const dataset of DATASET_NAMES.filter((each) => serves(relay, each))) {
      const horizon = await trusted(() => lake.readHorizon(dataset, name), undefined, onBad);
      if (horizon) rows.push([dataset, name, horizon.oldest_slot]);
    }
  return { rows, failed };
}
