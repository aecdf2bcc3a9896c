import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { simulatedNetwork } from "../runtime/chain/networks.ts";
import { slotsOfDay } from "../runtime/chain/slots.ts";
import { openFolderLake } from "../runtime/lake/folder/folder.ts";
import type { Published } from "./publishChild.ts";
import { someBids } from "./someBids.ts";

/** 2025-10-09 of the simulated network. */
const DAY = Date.UTC(2025, 9, 9) / 86_400_000;
const RELAYS = ["bench-a", "bench-b", "bench-c", "bench-d", "bench-e"];
/** 10 million in a day of five relays. */
const BIDS_A_SLOT = 278;

/** Seconds, peak memory (MB) and size of a day of 10 million bids that is published from a folder into a folder. */
export async function benchPublish(): Promise<Record<string, number>> {
  const folder = await mkdtemp(join(tmpdir(), "bench-publish-"));
  try {
    const network = simulatedNetwork(1);
    const day = slotsOfDay(network, DAY);
    const lake = openFolderLake(join(folder, "lake"), network.name);
    for (const relay of RELAYS) await someBids(lake, network, relay, day, BIDS_A_SLOT);
    const child = fork(join(import.meta.dirname, "publishChild.ts"), [folder], {
      execArgv: ["--import=tsx"],
    });
    const [published] = (await once(child, "message")) as [Published];
    const { rows, bytes, seconds, cpuSeconds, peakMb } = published;
    return {
      publish_rows: rows,
      publish_10m_s: (seconds * 10_000_000) / rows,
      publish_10m_cpu_s: (cpuSeconds * 10_000_000) / rows,
      publish_10m_peak_mb: peakMb,
      publish_bytes_a_row: bytes / rows,
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
