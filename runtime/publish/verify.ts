import { createHash } from "node:crypto";
import type { FileStore } from "../lake/fileStore.ts";
import { type CatalogEntry, readCatalog } from "./catalog.ts";
import { contentOf, type PublishedDay, type RowSource } from "./dayFile.ts";
import { dayState, UnreadableDayError } from "./dayRows.ts";
import { footerOf, rowsOfFooter } from "./parquetFile.ts";
import { slotsOfDay } from "../chain/slots.ts";

const DAY_MS = 86_400_000;
/** A footer holds some 5 KB a row group; this is enough for 10,000 of them. */
const FOOTER_BYTES = 1 << 26;

/** How a published file differs from its catalog, or from the lake, one line each; none where it doesn't. */
export interface VerifiedDay {
  readonly entry: CatalogEntry;
  readonly differences: readonly string[];
}

/** The day of a catalog's entry. */
export function dayOfEntry({ network }: RowSource, { dataset, date }: CatalogEntry): PublishedDay {
  return { dataset, date, range: slotsOfDay(network, Date.parse(date) / DAY_MS) };
}

/** Holds every published file against the catalog and the lake, and yields them as they are done. */
export async function* verifyPublished(source: RowSource, store: FileStore): AsyncGenerator<VerifiedDay> {
  const { files } = await readCatalog(store, source.network.name);
  for (const entry of files) yield { entry, differences: await differencesOf(source, store, entry) };
}

/** The files that lie where published ones do, and stand in no catalog. */
export async function strangersIn({ network }: RowSource, store: FileStore): Promise<string[]> {
  const { files } = await readCatalog(store, network.name);
  const known = new Set(files.map(({ path }) => path));
  return (await store.names(`${network.name}/`)).filter((name) => !known.has(name));
}

/** How one published file differs from what the catalog and the lake say. */
export async function differencesOf(
  source: RowSource,
  store: FileStore,
  entry: CatalogEntry,
): Promise<string[]> {
  return [...(await ofCatalog(store, entry)), ...(await ofLake(source, entry))];
}

async function ofCatalog(store: FileStore, { path, bytes, sha256, rows }: CatalogEntry): Promise<string[]> {
  const remedy = "remove it and publish again";
  const pieces = await store.readFile(path);
  if (!pieces) return [`${path} is missing; publish again`];
  const hash = createHash("sha256");
  let size = 0;
  let end = Buffer.alloc(0);
  for await (const piece of pieces) {
    hash.update(piece);
    size += piece.length;
    end = Buffer.concat([end, piece]).subarray(-FOOTER_BYTES);
  }
  if (size !== bytes) return [`${path} has ${size} bytes, not ${bytes}; ${remedy}`];
  if (hash.digest("hex") !== sha256) return [`${path} has other bytes than were published; ${remedy}`];
  const found = footerOf(end);
  const held = found && rowsOfFooter(found.footer);
  return held === rows ? [] : [`${path} holds ${held ?? "no"} rows, not ${rows}; ${remedy}`];
}

/** Where the chunks are those that it was made from, their rows are; else these are compared. */
async function ofLake(source: RowSource, entry: CatalogEntry): Promise<string[]> {
  const day = dayOfEntry(source, entry);
  const state = await dayState(source.lake, day.dataset, day.range);
  if (state.digest === entry.chunks) return [];
  if (state.pruned)
    return [
      `${entry.path}: the lake has other rows than were published, and has been pruned of some; keep the file`,
    ];
  try {
    if ((await contentOf(source, day, state)) === entry.content) return [];
  } catch (error) {
    if (!(error instanceof UnreadableDayError)) throw error;
    return [`${entry.path} can't be compared: ${error.message}`];
  }
  return [`${entry.path}: the lake has other rows than were published; publish again`];
}
