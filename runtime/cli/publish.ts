import { storedRange } from "../collect/coverage.ts";
import { UserError } from "../errors.ts";
import { keepHeapSmall } from "../heap.ts";
import type { FileStore } from "../lake/fileStore.ts";
import { openFolderFiles } from "../lake/folder/folderFiles.ts";
import type { DayOutcome } from "../publish/publish.ts";
import { contextOf, lakeToRead, rangeOf, tellRange } from "./context.ts";
import { COMMAND } from "./invoked.ts";
import { grouped } from "./numbers.ts";
import type { CommonOptions } from "./options.ts";
import { knownRelays } from "./relays.ts";
import { coverageOfDays } from "../collect/coverageOfAll.ts";

/** Where published files lie: a folder, or gs://. */
export async function filesAt(place: string): Promise<FileStore> {
  // Whoever reads or writes published files reads a day's rows.
  keepHeapSmall();
  if (!place.startsWith("gs://")) return openFolderFiles(place);
  const { openGcsFiles } = await import("../lake/gcs/bucket.ts");
  return openGcsFiles(place);
}

/** `publish`: a Parquet file a dataset and complete UTC day, with a catalog. Exit 1 where a day can't be read. */
export async function publishCommand(options: CommonOptions & { out: string }): Promise<number> {
  if (options.relay.length > 0)
    throw new UserError(
      "publish takes no --relay: a published day holds every relay; export takes some of them",
      {
        exitCode: 2,
      },
    );
  const context = contextOf(options);
  const { network, clock, datasets, note, print, say } = context;
  const lake = await lakeToRead(options, network);
  const range = rangeOf(options, context) ?? (await storedRange(lake, datasets));
  if (!range) {
    if (options.json) process.stdout.write("[]\n");
    else note(`the lake ${lake.url} holds nothing of ${network.name} yet; ${COMMAND} run collects`);
    return 0;
  }
  tellRange(options, context, range);
  const relays = await knownRelays(options, context, lake);
  const { faults, of: coverage } = coverageOfDays(lake, { network, clock }, relays);
  const { publish } = await import("../publish/publish.ts");
  const store = await filesAt(options.out);
  const { ParquetParts } = await import("../warehouse/duckdb/parquetParts.ts");
  const openParts = () => ParquetParts.open();
  const parts = { lake, network, store, nowMs: clock.now(), coverage, openParts };
  const onDay = options.json ? () => {} : (outcome: DayOutcome) => print(`${dayLine(outcome)}\n`);
  const outcomes = await publish({ ...parts, onDay }, datasets, range);
  if (options.json) process.stdout.write(`${JSON.stringify(outcomes, null, 1)}\n`);
  else if (outcomes.length === 0) print("no day of it is over and settled: nothing to publish yet\n");
  for (const fault of faults) say(fault);
  return faults.size > 0 || outcomes.some(({ outcome }) => outcome === "unreadable") ? 1 : 0;
}

function dayLine({ dataset, date, outcome, entry, missing = 0, fault }: DayOutcome): string {
  const day = `${dataset} of ${date}`;
  if (outcome === "waiting")
    return `${day} waits: ${grouped(missing)} slots missing; it is published with its gaps when it is 7 days old`;
  if (outcome === "unreadable") return `${day} left out: ${fault}`;
  if (outcome === "pruned")
    return `${day} stays as it was published: its rows have been pruned from the lake`;
  const rows = `${grouped(entry?.rows ?? 0)} rows, revision ${entry?.revision ?? 0}`;
  if (outcome === "unchanged") return `${day}: unchanged, ${rows}`;
  return `${day}: ${outcome === "published" ? entry?.path : "the same rows, other figures"}, ${rows}`;
}
