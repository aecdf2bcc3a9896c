import { join } from "node:path";
import { rm } from "node:fs/promises";
import type { SlotRange } from "../chain/slots.ts";
import type { ImportDataset } from "../datasets/importTables.ts";
import { messageOf, printable, UserError } from "../errors.ts";
import { type Downloader, openDownloader } from "../imports/download.ts";
import { edenRecipe } from "../imports/eden.ts";
import { importFile, type Imported, type ImportRun } from "../imports/importFile.ts";
import { ImportLake } from "../imports/importLake.ts";
import type { RemoteFile, ArchiveSource } from "../imports/source.ts";
import { archiveSources } from "../imports/sources.ts";
import { importKey } from "../warehouse/importEngine.ts";
import { type Context, contextOf, rangeOf, stopSignal, warehousePath } from "./context.ts";
import { COMMAND } from "./invoked.ts";
import { grouped } from "./numbers.ts";
import type { CommonOptions } from "./options.ts";
import { resolved } from "./relays.ts";

type ImportOptions = Omit<CommonOptions, "dataset"> & {
  readonly dataset?: readonly ImportDataset[];
  readonly archive?: string;
  readonly cache: string;
  readonly dryRun: boolean;
  readonly sql: boolean;
};

/** What became of a file, for the person and as JSON. */
interface Outcome {
  readonly file: string;
  readonly state: "imported" | "replaced" | "unchanged" | "absent" | "failed";
  readonly dataset?: string;
  readonly rows?: number;
  readonly refused?: Readonly<Record<string, number>>;
  readonly first_slot?: number | null;
  readonly last_slot?: number | null;
  readonly unknown_relays?: readonly string[];
  readonly fault?: string;
}

/** Bytes a second that a forecast reckons with. */
const FORECAST_RATE = 20e6;
/** Files whose size is asked for a forecast. */
const FORECAST_SAMPLE = 12;

/** `import`: others' archives into tables of their own; nothing of it ever counts as covered. */
export async function importCommand(
  name: string,
  files: readonly string[],
  options: ImportOptions,
): Promise<number> {
  const common = commonOf(options);
  const context = contextOf(common);
  if (options.sql || name === "eden") return printRecipe(name, options, context);
  const source = archiveSources.find((one) => one.name === name);
  if (!source) throw new UserError(`${name} isn't imported from files`, { exitCode: 2 });
  checkNetwork(source, context);
  const run = await runOf(source, common, context);
  const downloader = openDownloader(context.clock);
  const wanted =
    files.length > 0
      ? files.map((file) => givenFile(source, file))
      : await archived(source, { options, context, downloader });
  if (options.dryRun) return forecast(wanted, context, downloader);
  return importAll(wanted, { run, options, context, downloader });
}

/** The options without that of this command's own datasets. */
function commonOf(options: ImportOptions): CommonOptions {
  const { dataset: own, ...others } = options;
  void own;
  return others;
}

/** A file that is to be imported: on this machine, or at a URL. */
type Wanted =
  | { readonly path: string; readonly sourceFile: string }
  | (Omit<RemoteFile, "dataset"> & { readonly dataset?: string });

function givenFile(source: ArchiveSource, text: string): Wanted {
  const sourceFile = source.nameOf(text);
  if (!/^https?:\/\//.test(text)) return { path: text, sourceFile };
  if (!URL.canParse(text)) throw new UserError(`${printable(text)} is no URL`, { exitCode: 2 });
  return { url: text, sourceFile };
}

async function runOf(source: ArchiveSource, options: CommonOptions, context: Context): Promise<ImportRun> {
  const { network, clock, log } = context;
  const path = warehousePath(options, network);
  if (path.includes("://"))
    throw new UserError("import works with a DuckDB file; give --warehouse FILE", { exitCode: 2 });
  const lake = new ImportLake(options.lake, network.name);
  const { openDuckDbImports } = await import("../warehouse/duckdb/duckdbImport.ts");
  const relays = (await resolved({ ...options, relay: [] }, context)).map(({ relay }) => relay);
  const scope = { network, nowMs: clock.now(), relays };
  return { source, scope, lake, engine: openDuckDbImports(path, network, { clock, log }) };
}

function checkNetwork({ name, networks }: ArchiveSource, { network }: Context): void {
  if (!networks || networks.includes(network.name) || network.simulated) return;
  throw new UserError(`${name} has ${networks.join(", ")} alone, not ${network.name}; give --network`, {
    exitCode: 2,
  });
}

/** The files of a range, the newest first. */
async function archived(
  source: ArchiveSource,
  { options, context, downloader }: { options: ImportOptions; context: Context; downloader: Downloader },
): Promise<readonly Wanted[]> {
  const range: SlotRange | undefined = rangeOf(commonOf(options), context);
  if (!range)
    throw new UserError(
      `say what to import: files, URLs, or a range (${COMMAND} import ${source.name} --network mainnet --from 2025-06-01 --to 2025-06-07)`,
      { exitCode: 2 },
    );
  return source.filesOf({
    archive: options.archive ?? source.archive,
    network: context.network,
    range,
    datasets: (options.dataset ?? source.datasets).filter((one) => source.datasets.includes(one)),
    page: (url) => downloader.page(url),
  });
}

async function forecast(
  wanted: readonly Wanted[],
  { print }: Context,
  downloader: Downloader,
): Promise<number> {
  const remote = wanted.filter((file) => "url" in file);
  const step = Math.max(1, Math.ceil(remote.length / FORECAST_SAMPLE));
  const sizes: number[] = [];
  let absent = 0;
  for (const { url, bytes } of remote.filter((_, index) => index % step === 0)) {
    const size = bytes ?? (await downloader.size(url));
    if (size === null) absent++;
    else if (size !== undefined) sizes.push(size);
  }
  const mean = sizes.length > 0 ? sizes.reduce((sum, size) => sum + size, 0) / sizes.length : 0;
  const asked = sizes.length + absent;
  const there = asked > 0 ? Math.round((remote.length * sizes.length) / asked) : remote.length;
  const bytes = mean * there;
  const missing = absent > 0 ? `, of ${asked} asked ${absent} missing at the source` : "";
  print(
    `${grouped(wanted.length)} files${missing}; to download: about ${(bytes / 1e9).toFixed(2)} GB, ` +
      `${(bytes / FORECAST_RATE / 3600).toFixed(1)} hours at ${FORECAST_RATE / 1e6} MB/s\n`,
  );
  return 0;
}

interface ImportAll {
  readonly run: ImportRun;
  readonly options: ImportOptions;
  readonly context: Context;
  readonly downloader: Downloader;
}

async function importAll(wanted: readonly Wanted[], all: ImportAll): Promise<number> {
  const { note, say, print } = all.context;
  const signal = stopSignal(note);
  const outcomes: Outcome[] = [];
  for (const file of wanted) {
    if (signal.aborted) break;
    const outcome = await importOne(file, all);
    outcomes.push(outcome);
    if (outcome.state === "failed") say(outcome.fault ?? outcome.file);
    else if (!all.options.json) print(`${lineOf(outcome)}\n`);
    const unknown = outcome.unknown_relays ?? [];
    if (unknown.length > 0)
      say(
        `${outcome.file}: rows of relays that nobody knows were refused: ${unknown.map((name) => printable(name, 60)).join(", ")}`,
      );
  }
  if (signal.aborted) note("stopped: the same command goes on");
  if (all.options.json) process.stdout.write(`${JSON.stringify(outcomes)}\n`);
  return outcomes.some(({ state }) => state === "failed") ? 1 : 0;
}

/** A fault of one file doesn't keep the others out; bad usage does. */
async function importOne(file: Wanted, all: ImportAll): Promise<Outcome> {
  try {
    if ("path" in file) {
      const given = { ...file, url: null, etag: null, linked: false };
      return outcomeOf(file.sourceFile, await importFile(all.run, given));
    }
    return await importRemote(file, all);
  } catch (error) {
    if (!(error instanceof UserError) || error.exitCode === 2) throw error;
    return { file: file.sourceFile, state: "failed", fault: messageOf(error) };
  }
}

async function importRemote(
  { url, sourceFile, dataset }: Exclude<Wanted, { path: string }>,
  { run, options, context, downloader }: ImportAll,
): Promise<Outcome> {
  const path = join(options.cache, context.network.name, run.source.name, dataset ?? "given", sourceFile);
  const etag = await knownTag(run, sourceFile, url);
  const downloaded = await downloader.file(url, path, etag);
  if (downloaded.state !== "whole") return { file: sourceFile, state: downloaded.state };
  const given = { path, sourceFile, url, etag: downloaded.etag, linked: true };
  try {
    return outcomeOf(sourceFile, await importFile(run, given));
  } finally {
    // Imported, the lake has it; refused, it is got again: it may have been mended there.
    for (const left of [path, `${path}.json`]) await rm(left, { force: true });
  }
}

/** The ETag of the state that is in lake and warehouse. */
async function knownTag(
  { source, lake, engine }: ImportRun,
  name: string,
  url: string,
): Promise<string | null> {
  const held = await engine.held();
  for (const dataset of source.datasets) {
    const told = await lake.provenance(source.name, dataset, name);
    if (told?.url === url && held.get(importKey(source.name, dataset, name)) === told.sha256)
      return told.etag;
  }
  return null;
}

function outcomeOf(file: string, imported: Imported): Outcome {
  if (!imported) return { file, state: "unchanged" };
  return {
    file,
    state: imported.replaced ? "replaced" : "imported",
    dataset: imported.dataset,
    rows: imported.rows,
    refused: imported.refused,
    first_slot: imported.firstSlot,
    last_slot: imported.lastSlot,
    unknown_relays: imported.unknownRelays,
  };
}

function lineOf({ file, state, dataset, rows, refused = {}, first_slot, last_slot }: Outcome): string {
  if (state === "unchanged") return `${file}: is in as it is`;
  if (state === "absent") return `${file}: missing at the source (404): its slots may have had bids`;
  const causes = Object.entries(refused).map(([cause, count]) => `${grouped(count)} by ${cause}`);
  const told = causes.length > 0 ? `; refused: ${causes.join(", ")}` : "";
  return `${file}: ${grouped(rows ?? 0)} rows of ${dataset}, slots ${first_slot}–${last_slot}${told}`;
}

function printRecipe(name: string, { sql }: ImportOptions, { network }: Context): number {
  if (name !== "eden" || !sql)
    throw new UserError(
      "eden's tables are in BigQuery: import eden --sql prints the statements that bring them in; the other sources are imported from files",
      { exitCode: 2 },
    );
  process.stdout.write(edenRecipe("PROJECT.DATASET", network.genesis));
  return 0;
}
