import { realpath, rm, stat } from "node:fs/promises";
import { IMPORT_DATASETS } from "../datasets/importTables.ts";
import { quotedText } from "../datasets/schema.ts";
import { codeOf, printable, UserError } from "../errors.ts";
import {
  type Brought,
  IMPORT_VERSION,
  type ImportEngine,
  importKey,
  type WaitingFile,
} from "../warehouse/importEngine.ts";
import { ImportLake, stageFile } from "./importLake.ts";
import { slotSet } from "./provenance.ts";
import type { PlanScope, ArchiveSource } from "./source.ts";
import { digestOf, FILE_LIMITS, type FileLimits, type VerifiedFile, verifyFile } from "./verifyFile.ts";

/** What imports of one run have in common. */
export interface ImportRun {
  readonly source: ArchiveSource;
  readonly scope: PlanScope;
  readonly lake: ImportLake;
  readonly engine: ImportEngine;
  readonly limits?: FileLimits;
  /** Called at each of these moments; in production there is none. */
  readonly seam?: (point: "import-staged" | "import-kept" | "import-committed") => void | Promise<void>;
}

/** A file on this machine that is to be imported. */
export interface GivenFile {
  readonly path: string;
  readonly sourceFile: string;
  readonly url: string | null;
  readonly etag: string | null;
  /** Whether it is the program's own, a download: then the lake may share its bytes. */
  readonly linked: boolean;
}

/** What became of a file; undefined where it was in already, as it is. */
export type Imported = Brought | undefined;

/**
 * Imports a file. The lake's file is in place before the rows are committed, and its provenance is written last: whatever ends in
 * between, the same import completes it. Throws UserError, after which nothing of the file is in.
 */
export async function importFile(run: ImportRun, given: GivenFile): Promise<Imported> {
  const { source, lake, engine, seam = () => {} } = run;
  await thereIs(given.path);
  const held = await engine.held();
  const known = await knownDigests(run, given, held);
  if (known.size > 0 && known.has(await digestOf(given.path))) return undefined;
  const staged = await lake.temporary(source.name, given.sourceFile);
  const unpacked = await lake.temporary(source.name, given.sourceFile);
  const refused = await lake.temporary(source.name, given.sourceFile);
  try {
    const own = await lakesOwn(run, given);
    const origin = own ?? given;
    if (!own) await stageFile(given.path, staged, given.linked);
    const path = own ? given.path : staged;
    const file = await namedFault(given, () => verifyFile(path, unpacked, run.limits ?? FILE_LIMITS));
    await seam("import-staged");
    // In the warehouse as it is, and not in the lake with all that is known of it: then it is brought in anew.
    const again = IMPORT_DATASETS.some((name) => held.has(importKey(source.name, name, given.sourceFile)));
    const temporary = { refused, staged: own ? undefined : staged };
    return await namedFault(given, async () =>
      engine.bring(waitingFile(run, { ...given, ...origin, again }, file, temporary)),
    );
  } finally {
    for (const left of [staged, unpacked, refused]) await rm(left, { force: true });
  }
}

function waitingFile(
  run: ImportRun,
  given: GivenFile & { readonly again: boolean },
  file: VerifiedFile,
  { refused, staged }: { refused: string; staged: string | undefined },
): WaitingFile {
  const { source, scope, lake, seam = () => {} } = run;
  const { sourceFile, url, etag } = given;
  return {
    source: source.name,
    sourceFile,
    url,
    etag,
    sha256: file.sha256,
    bytes: file.bytes,
    licence: source.licence,
    importedAt: new Date(scope.nowMs).toISOString(),
    reader: readerOf(source, file),
    plan: (columns) => source.plan(columns, scope),
    again: given.again,
    refusedPath: refused,
    async keep({ dataset, refused: causes }) {
      const quarantine = lake.quarantineOf(source.name, dataset, sourceFile);
      if (Object.keys(causes).length > 0) await lake.place(refused, quarantine);
      else await rm(quarantine, { force: true });
      if (staged !== undefined) await lake.place(staged, lake.pathOf(source.name, dataset, sourceFile));
      await seam("import-kept");
    },
    async told(brought) {
      await seam("import-committed");
      await lake.writeProvenance(provenance(this, brought));
    },
  };
}

function provenance(file: WaitingFile, brought: Brought) {
  const { source, sourceFile, url, etag, sha256, bytes, licence, importedAt } = file;
  const { dataset, rows, refused, firstSlot, lastSlot } = brought;
  return {
    source,
    dataset,
    source_file: sourceFile,
    url,
    etag,
    sha256,
    bytes,
    rows,
    refused,
    first_slot: firstSlot,
    last_slot: lastSlot,
    licence,
    imported_at: importedAt,
    version: IMPORT_VERSION,
    slots: Object.fromEntries([...brought.slots].map(([relay, slots]) => [relay, slotSet(slots)])),
  };
}

/** Digests of states of the file that are in the warehouse and, with their provenance, in the lake. */
async function knownDigests(
  { source, lake }: ImportRun,
  { sourceFile }: GivenFile,
  held: ReadonlyMap<string, string>,
): Promise<Set<string>> {
  const known = new Set<string>();
  for (const dataset of IMPORT_DATASETS) {
    const sha256 = held.get(importKey(source.name, dataset, sourceFile));
    if (sha256 === undefined) continue;
    const told = await lake.provenance(source.name, dataset, sourceFile);
    if (told?.sha256 === sha256 && told.version === IMPORT_VERSION) known.add(sha256);
  }
  return known;
}

/** Where the file given is the lake's own (a warehouse is made again), where it came from; undefined where it isn't. */
async function lakesOwn(
  { source, lake }: ImportRun,
  { path, sourceFile }: GivenFile,
): Promise<Pick<GivenFile, "url" | "etag"> | undefined> {
  const given = await realpath(path);
  for (const dataset of IMPORT_DATASETS) {
    const own = await realpath(lake.pathOf(source.name, dataset, sourceFile)).catch(() => undefined);
    if (own !== given) continue;
    const told = await lake.provenance(source.name, dataset, sourceFile);
    return { url: told?.url ?? null, etag: told?.etag ?? null };
  }
  return undefined;
}

async function thereIs(path: string): Promise<void> {
  try {
    if ((await stat(path)).isFile()) return;
  } catch (error) {
    if (codeOf(error) !== "ENOENT" && codeOf(error) !== "ENOTDIR") throw error;
    throw new UserError(`there is no file ${printable(path, 500)}`, { exitCode: 2 });
  }
  throw new UserError(`${printable(path, 500)} is not a file`, { exitCode: 2 });
}

/** Faults of a file bear its name. */
async function namedFault<T>({ path }: GivenFile, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof UserError) || !/^(it|its|what) /.test(error.message)) throw error;
    throw new UserError(`${printable(path, 500)}: ${error.message}; nothing of it was imported`, {
      exitCode: error.exitCode,
      cause: error,
    });
  }
}

/** What DuckDB reads a file by. Text is read as text: what it means is the source's to say. */
function readerOf(source: ArchiveSource, { form, path, head }: VerifiedFile): string {
  if (!source.forms.includes(form))
    throw new UserError(`it is ${form}; files of ${source.name} are ${source.forms.join(" or ")}`);
  if (form === "parquet") return `read_parquet(${quotedText(path)}, file_row_number = true)`;
  const fields = Object.values(source.headers ?? {}).find((names) => isHead(form, head, names));
  if (!fields)
    throw new UserError(
      `it begins with ${printable(JSON.stringify(head), 120)}, which isn't the header of a file of ${source.name}`,
    );
  const columns = `{${fields.map((name) => `${quotedText(name)}: 'VARCHAR'`).join(", ")}}`;
  return form === "csv"
    ? `read_csv(${quotedText(path)}, auto_detect = false, header = true, delim = ',', quote = '"', escape = '"', columns = ${columns})`
    : `read_json(${quotedText(path)}, format = 'array', compression = 'uncompressed', maximum_object_size = 1048576, columns = ${columns})`;
}

function isHead(form: "csv" | "json", head: string, names: readonly string[]): boolean {
  if (form === "csv") return head === names.join(",");
  const said = [...head.matchAll(/"([a-z_]+)"\s*:/g)].map(([, name]) => name);
  return said.length === names.length && names.every((name) => said.includes(name));
}
