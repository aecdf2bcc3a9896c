import { randomBytes } from "node:crypto";
import { readdir } from "node:fs/promises";
import { messageOf } from "../../errors.ts";
import { openFolderLake } from "./folder.ts";
import type { Lake } from "../lake.ts";
import { addRow, bidsChunk, lakeNetwork, quarantined } from "../lake.testing.ts";

/**
 * Another process for the tests of the folder form:
 * `folderChild.testing.ts kill <folder> <seam point>` writes and ends itself with SIGKILL at that point;
 * `folderChild.testing.ts fill <folder>` writes until the disk is full, and says what it met and what is left.
 */
const [mode, folder = "", point = ""] = process.argv.slice(2);

async function kill(): Promise<void> {
  const lake = openFolderLake(folder, lakeNetwork.name, {
    seam: (reached) => {
      if (reached === point) process.kill(process.pid, "SIGKILL");
    },
  });
  if (point.startsWith("quarantine")) await lake.writeQuarantine(bidsChunk, [quarantined(70, "killed")], 0);
  else if (point.startsWith("horizon"))
    await lake.writeHorizon("bids", "alpha", { oldest_slot: 7, asked_at: "2026-01-01T00:00:00.000Z" });
  else await addRow(lake, 7, 7);
}

async function fill(lake: Lake): Promise<void> {
  for (;;) {
    const { lines, generation } = await lake.readQuarantine(bidsChunk);
    const more = quarantined(70 + lines.length, randomBytes(40_000).toString("hex"));
    try {
      await lake.writeQuarantine(bidsChunk, [...lines, more], generation);
    } catch (error) {
      const kept = await lake.readQuarantine(bidsChunk);
      const files = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((f) =>
        f.isFile(),
      );
      const same = kept.generation === generation && kept.lines.length === lines.length;
      process.stdout.write(
        JSON.stringify({
          error: (error as Error).name,
          message: messageOf(error),
          same,
          rows: lines.length,
          files: files.length,
        }),
      );
      return;
    }
  }
}

await (mode === "kill" ? kill() : fill(openFolderLake(folder, lakeNetwork.name)));
