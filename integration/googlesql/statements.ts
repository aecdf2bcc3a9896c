import type { Network } from "../../runtime/chain/networks.ts";
import { SlotBits } from "../../runtime/datasets/bits.ts";
import { chunkRange } from "../../runtime/datasets/chunks.ts";
import { type Dataset, datasets } from "../../runtime/datasets/dataset.ts";
import {
  dayRowsQuery,
  ledgerRowsQuery,
  relayRowsQuery,
} from "../../runtime/warehouse/bigquery/bigqueryExportSql.ts";
import { guardRow } from "../../runtime/warehouse/bigquery/transactionLock.ts";
import type { Query } from "../../runtime/warehouse/bigquery/bigqueryJobs.ts";
import {
  type LedgerChange,
  emptyScript,
  forgetScript,
  generationsQuery,
  ledgerQuery,
  type LoadPlaces,
  loadScript,
  pruneStatement,
} from "../../runtime/warehouse/bigquery/bigqueryLoadSql.ts";
import { tableBlocksQuery } from "../../runtime/warehouse/bigquery/bigqueryChain.ts";
import { parameterType } from "../../runtime/warehouse/bigquery/bigqueryParameters.ts";
import {
  heldQuery,
  keyedMerge,
  keyedRowsQuery,
  rereadsForgotten,
} from "../../runtime/warehouse/bigquery/bigqueryKeyed.ts";
import {
  loadedChunksQuery,
  progressQuery,
  settleFromBlocks,
  settleFromTable,
  unsettledQuery,
} from "../../runtime/warehouse/bigquery/bigquerySettleSql.ts";
import {
  bigqueryRoutines,
  bigqueryViews,
  coverageView,
  publicViews,
  type ViewSettings,
} from "../../runtime/warehouse/bigquery/bigqueryViews.ts";
import { keyedRelays, keyedRereads } from "../../runtime/warehouse/keyedTables.ts";
import type { CanonicalTable } from "../../runtime/chain/canonicalChain.ts";
import type { Statement } from "./analyzer.ts";

const keyedTables = [keyedRelays, keyedRereads];

/** Google's own table of mainnet's blocks. */
export const blocksTable: CanonicalTable = {
  table: "bigquery-public-data.crypto_ethereum.blocks",
  timestamp_column: "timestamp",
  hash_column: "hash",
};

type Statements = Record<string, Statement[]>;

const all = Object.values(datasets);
const range = { first: 100, last: 7000 };

/** Every statement that the project sends to BigQuery or keeps there, by the function that writes it. */
export function everyQuery(
  settings: ViewSettings,
  places: LoadPlaces,
  staged: (dataset: Dataset) => string,
): Statements {
  const { network } = settings;
  return {
    ...viewStatements(settings, places.tables),
    ...loadStatements(network, places, staged),
    ...keyedStatements(places.tables),
    ...exportStatements(places.tables),
    ...settleStatements(network, places),
  };
}

function viewStatements(settings: ViewSettings, place: LoadPlaces["tables"]): Statements {
  return {
    bigqueryViews: bigqueryViews(settings).map(({ name, query }) => ({ name, sql: query })),
    publicViews: publicViews(settings).map(({ name, query }) => ({ name: `public ${name}`, sql: query })),
    bigqueryRoutines: bigqueryRoutines(settings).map((routine) => ({
      name: routine.name,
      sql: `CREATE TABLE FUNCTION \`${place.project}.${place.dataset}.${routine.name}\`(${routine.arguments
        .map(({ name, typeKind }) => `${name} ${typeKind}`)
        .join(", ")}) AS ${routine.body}`,
    })),
    coverageView: [{ name: "coverage, settled", sql: coverageView(settings, "12345") }],
  };
}

function loadStatements(
  network: Network,
  places: LoadPlaces,
  staged: (dataset: Dataset) => string,
): Statements {
  const place = places.tables;
  const changes = (dataset: Dataset, kind: "new" | "grown" | "revised" | "failed"): LedgerChange[] =>
    ["heron", "o'wl"].map((relay) => change(dataset, relay, kind));
  const load = (dataset: Dataset, kind: "new" | "grown" | "revised" | "failed", stagingTable?: string) =>
    loadScript(places, network, dataset, changes(dataset, kind), {
      stagingTable,
      loadedAt: "2026-01-02T03:04:05.678Z",
    });
  return {
    loadScript: all.flatMap((dataset) => [
      ...(["new", "grown", "revised"] as const).map((kind) =>
        named(`load of ${kind} ${dataset.name}`, load(dataset, kind, staged(dataset))),
      ),
      named(`load of failed ${dataset.name}`, load(dataset, "failed")),
    ]),
    emptyScript: all.map((dataset) => named(`empty ${dataset.name}`, emptyScript(places, dataset))),
    forgetScript: all.map((dataset) =>
      named(`forget ${dataset.name}`, forgetScript(places, network, dataset, [range, range])),
    ),
    pruneStatement: all.map((dataset) =>
      named(`prune ${dataset.name}`, pruneStatement(places, dataset, Date.UTC(2026, 0, 2))),
    ),
    generationsQuery: all.flatMap((dataset) => [
      named(`generations of ${dataset.name}`, generationsQuery(place, dataset, { relay: "o'wl" })),
      named(
        `generations of ranges of ${dataset.name}`,
        generationsQuery(place, dataset, { ranges: [range, range] }),
      ),
    ]),
    ledgerQuery: all.map((dataset) =>
      named(
        `ledger of ${dataset.name}`,
        ledgerQuery(place, dataset, [{ relay: "heron", ...chunkRange(dataset, 0) }]),
      ),
    ),
    guardRow: all.map((dataset) => named(`guard of ${dataset.name}`, guardRow(places, dataset))),
  };
}

function keyedStatements(place: LoadPlaces["tables"]): Statements {
  return {
    keyedRowsQuery: keyedTables.map((keyed) => named(keyed.table.name, keyedRowsQuery(place, keyed))),
    keyedMerge: keyedTables.map((keyed) => {
      const row = keyed.table.columns.map(() => null);
      return named(`${keyed.table.name} merged`, keyedMerge(place, keyed, [row]));
    }),
    heldQuery: [named("held", heldQuery(place))],
    rereadsForgotten: [named("rereads forgotten", rereadsForgotten(place, ["bids", "payloads"]))],
  };
}

function exportStatements(place: LoadPlaces["tables"]): Statements {
  return {
    relayRowsQuery: [named("relays' rows", relayRowsQuery(place))],
    ledgerRowsQuery: all.flatMap(({ name }) => [
      named(`ledger rows of ${name}`, ledgerRowsQuery(place, name, range)),
      named(`all ledger rows of ${name}`, ledgerRowsQuery(place, name, undefined)),
    ]),
    dayRowsQuery: all.map(({ name }) => {
      const options = { relays: ["heron", "o'wl"], slots: range };
      return named(`a day of ${name}`, dayRowsQuery(place, name, "2026-01-02", options));
    }),
  };
}

function settleStatements(network: Network, places: LoadPlaces): Statements {
  const place = places.tables;
  return {
    loadedChunksQuery: [
      named("loaded chunks", loadedChunksQuery(place, undefined)),
      named("recently loaded chunks", loadedChunksQuery(place, Date.UTC(2026, 0, 2))),
    ],
    unsettledQuery: [
      named(
        "unsettled",
        unsettledQuery(place, [
          { first: 20_000, last: 20_001 },
          { first: 20_009, last: 20_009 },
        ]),
      ),
    ],
    tableBlocksQuery: [named("blocks of a table", tableBlocksQuery(network, blocksTable, range))],
    progressQuery: [named("progress", progressQuery(network, blocksTable, 100))],
    settleFromTable: [named("settled from a table", settleFromTable(places, network, blocksTable, range))],
    settleFromBlocks: [
      named("settled from a node", settleFromBlocks(places, network, range, new Map([[100, null]]))),
    ],
  };
}

function named(name: string, { sql, parameters = {} }: Query): Statement {
  const types = Object.entries(parameters).map(
    ([key, parameter]) => [key, parameterType(parameter)] as const,
  );
  return { name, sql, parameters: Object.fromEntries(types) };
}

function change(dataset: Dataset, relay: string, kind: "new" | "grown" | "revised" | "failed"): LedgerChange {
  const run = chunkRange(dataset, 20_000);
  const none = SlotBits.empty(run.first, dataset.chunkSlots);
  const row = {
    chunk: { dataset: dataset.name, relay, ...run },
    object: "object",
    generation: 1_700_000_000_000_000,
    revision: 1,
    covered: none.with(run.first),
    suspect: none,
    unproven: none,
    quarantinedSlots: null,
    rows: 3,
    quarantined: 0,
    error: kind === "failed" ? "it can't be loaded" : null,
  };
  const slots = kind === "failed" ? [] : [run.first];
  return {
    after: row,
    before: kind === "new" || kind === "failed" ? undefined : { ...row, generation: 7 },
    insert: slots,
    remove: kind === "revised" ? slots : [],
  };
}
