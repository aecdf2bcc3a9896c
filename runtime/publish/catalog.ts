import * as E from "fp-ts/lib/Either.js";
import * as t from "io-ts";
import { DATASET_NAMES, type DatasetName } from "../datasets/dataset.ts";
import { printable, UserError } from "../errors.ts";
import type { FileStore } from "../lake/fileStore.ts";

/** The version of what is published: of paths, catalog and columns. */
export const SCHEMA_VERSION = 1;

const CATALOG = "catalog.json";
/** Ten years of days of six datasets and thirty relays. */
const MAX_CATALOG_BYTES = 1 << 28;

const Count = t.refinement(t.Integer, (value) => value >= 0, "a count");
const Digest = t.refinement(t.string, (text) => /^[0-9a-f]{64}$/.test(text), "a SHA-256");
const Day = t.refinement(t.string, (text) => /^\d{4}-\d{2}-\d{2}$/.test(text), "a day");

const RelayDay = t.readonly(
  t.type({
    relay: t.string,
    state: t.string,
    slots: Count,
    covered: Count,
    missing: Count,
    unproven: Count,
    unavailable: Count,
    suspect: Count,
  }),
);

/** What is had of a relay's day, as `coverage` says it. */
export type RelayDay = t.TypeOf<typeof RelayDay>;

const Entry = t.readonly(
  t.type({
    dataset: t.keyof(
      Object.fromEntries(DATASET_NAMES.map((name) => [name, null])) as Record<DatasetName, null>,
    ),
    date: Day,
    path: t.string,
    revision: Count,
    rows: Count,
    bytes: Count,
    sha256: Digest,
    /** SHA-256 of the rows as lake lines in published order: equal rows have an equal one, whatever wrote the file. */
    content: Digest,
    /** Digest of the names and generations of the chunks that it was made from. */
    chunks: Digest,
    published_at: t.string,
    complete: t.boolean,
    coverage: t.readonlyArray(RelayDay),
  }),
);

/** What a catalog says of one file. */
export type CatalogEntry = t.TypeOf<typeof Entry>;

const CatalogCodec = t.readonly(
  t.type({ network: t.string, schema_version: t.literal(SCHEMA_VERSION), files: t.readonlyArray(Entry) }),
);

/** What is published: a file a dataset and day. */
export type PublishedCatalog = t.TypeOf<typeof CatalogCodec>;

/** `<network>/<dataset>/date=YYYY-MM-DD/part-0.parquet`. */
export function publishedPath(network: string, dataset: DatasetName, date: string): string {
  return `${network}/${dataset}/date=${date}/part-0.parquet`;
}

/** Reads the catalog; an empty one where there is none. Throws UserError where it isn't one, or is of another network. */
export async function readCatalog(store: FileStore, network: string): Promise<PublishedCatalog> {
  const text = await store.readText(CATALOG, MAX_CATALOG_BYTES);
  if (text === undefined) return { network, schema_version: SCHEMA_VERSION, files: [] };
  const where = printable(`${store.url}/${CATALOG}`, 4096);
  const decoded = CatalogCodec.decode(parsed(text));
  if (E.isLeft(decoded))
    throw new UserError(`${where} isn't a catalog of this version; move it away and publish again`);
  const catalog = decoded.right;
  if (catalog.network !== network)
    throw new UserError(
      `${where} is of network ${printable(catalog.network)}, not of ${network}; choose another place`,
      {
        exitCode: 2,
      },
    );
  const strange = catalog.files.find(
    ({ dataset, date, path }) => path !== publishedPath(network, dataset, date),
  );
  if (strange)
    throw new UserError(
      `${where} names a file where none is published: ${printable(strange.path)}; move it away and publish again`,
    );
  return catalog;
}

/** Puts an entry in the place of the one of its day. The catalog is read anew: another may have published meanwhile. */
export async function writeEntry(store: FileStore, network: string, entry: CatalogEntry): Promise<void> {
  const catalog = await readCatalog(store, network);
  const others = catalog.files.filter(({ path }) => path !== entry.path);
  const files = [...others, entry].toSorted((a, b) => (a.path < b.path ? -1 : 1));
  const lines = files.map((file) => JSON.stringify(file)).join(",\n");
  const { schema_version } = catalog;
  await store.writeText(
    CATALOG,
    `{"network":${JSON.stringify(network)},"schema_version":${schema_version},"files":[\n${lines}\n]}\n`,
  );
}

/** The entry of a day, if it has been published. */
export function entryOf(
  catalog: PublishedCatalog,
  dataset: DatasetName,
  date: string,
): CatalogEntry | undefined {
  return catalog.files.find((entry) => entry.dataset === dataset && entry.date === date);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
