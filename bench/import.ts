import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import type { ImportTimes } from "./importChild.ts";
import { type Form, FORMS, writeImportFile } from "./importFiles.ts";
import { median, ratio } from "./rounds.ts";

const ROWS: Readonly<Record<Form, number>> = { parquet: 2_000_000, json: 500_000, zip: 500_000 };
const ROUNDS = 3;

/**
 * Of a file of each form: rows a second, peak memory (MB), and an import's speed by processor time, where DuckDB's reading the same
 * file and inserting its rows as they are is 1. That gets the file out of the zip archive for nothing, which DuckDB can't read.
 */
export async function benchImport(): Promise<Record<string, number>> {
  const folder = await mkdtemp(join(tmpdir(), "bench-import-"));
  try {
    const figures: Record<string, number> = {};
    for (const form of FORMS) {
      const path = await written(folder, form);
      const runs: Record<"plain" | "import", ImportTimes[]> = { plain: [], import: [] };
      for (let round = 0; round < ROUNDS; round++)
        for (const way of ["plain", "import"] as const) runs[way].push(await measured(way, form, path));
      const cpu = (way: "plain" | "import") => runs[way].map(({ cpuSeconds }) => cpuSeconds);
      figures[`import_to_plain_cpu_${form}`] = ratio(cpu("plain"), cpu("import"));
      figures[`import_rows_per_s_${form}`] = ROWS[form] / median(runs.import.map(({ seconds }) => seconds));
      figures[`import_rows_per_cpu_s_${form}`] = ROWS[form] / median(cpu("import"));
      figures[`import_peak_mb_${form}`] = Math.max(...runs.import.map(({ peakMb }) => peakMb));
    }
    return figures;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function written(folder: string, form: Form): Promise<string> {
  const instance = await DuckDBInstance.create(":memory:", { threads: "2" });
  try {
    const connection = await instance.connect();
    const path = await writeImportFile(connection, folder, form, ROWS[form]);
    connection.closeSync();
    return path;
  } finally {
    instance.closeSync();
  }
}

async function measured(way: string, form: Form, path: string): Promise<ImportTimes> {
  const folder = await mkdtemp(join(tmpdir(), "bench-import-"));
  try {
    const child = fork(join(import.meta.dirname, "importChild.ts"), [way, form, path, folder], {
      execArgv: ["--import=tsx"],
    });
    const [told] = (await once(child, "message")) as [ImportTimes];
    return told;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
