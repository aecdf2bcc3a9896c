import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import type { Network } from "../chain/networks.ts";
import type { SlotRange } from "../chain/slots.ts";
import { type Dataset, type DatasetName, datasets } from "../datasets/dataset.ts";
import type { Lake } from "../lake/lake.ts";
import { dayLines, type DayState } from "./dayRows.ts";
import { ParquetJoin } from "./parquetFile.ts";

/** A dataset's UTC day. */
export interface PublishedDay {
  readonly dataset: DatasetName;
  /** YYYY-MM-DD. */
  readonly date: string;
  readonly range: SlotRange;
}

/** What a file holds. */
export interface WrittenFile {
  readonly rows: number;
  readonly bytes: number;
  readonly sha256: string;
  readonly content: string;
}

/** Makes Parquet files of lake lines, in memory, one at a time. All files of one writer have one schema. */
export interface PartWriter {
  /** A file of these lines, in their order. A line may carry `copies`; else it is one. */
  part(dataset: Dataset, lines: readonly Buffer[]): Promise<Buffer>;
  close(): Promise<void>;
}

/** Where the rows of days come from. */
export interface RowSource {
  readonly lake: Lake;
  readonly network: Network;
}

/**
 * Writes a day's rows to a file, a group of them at a time: the next objects are read while those before are written. Throws
 * UnreadableDayError.
 */
export async function writeDayFile(
  { lake, network }: RowSource,
  parts: PartWriter,
  { dataset, date, range }: PublishedDay,
  state: DayState,
  path: string,
): Promise<WrittenFile> {
  const [sha256, content] = [createHash("sha256"), createHash("sha256")];
  const file = await open(path, "wx");
  try {
    const join = new ParquetJoin(async (bytes) => {
      sha256.update(bytes);
      await file.writeFile(bytes);
    });
    const add = async (lines: readonly Buffer[]) => join.add(await parts.part(datasets[dataset], lines));
    let writing = Promise.resolve();
    try {
      for await (const { lines } of dayLines(lake, network, range, state)) {
        for (const slot of lines) content.update(slot);
        await writing;
        writing = add(lines);
        writing.catch(() => {
          // Thrown where it is awaited.
        });
      }
    } finally {
      await writing;
    }
    // The columns stand in a part; a day without rows has them too.
    if (join.rows === 0) await add([]);
    await join.end({ network: network.name, dataset, date });
    const { rows, bytes } = join;
    return { rows, bytes, sha256: sha256.digest("hex"), content: content.digest("hex") };
  } finally {
    await file.close();
  }
}

/** SHA-256 of a day's rows as they stand in the lake. Throws UnreadableDayError. */
export async function contentOf(
  { lake, network }: RowSource,
  { range }: PublishedDay,
  state: DayState,
): Promise<string> {
  const hash = createHash("sha256");
  for await (const { lines } of dayLines(lake, network, range, state))
    for (const slot of lines) hash.update(slot);
  return hash.digest("hex");
}
