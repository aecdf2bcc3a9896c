import { bidArchive } from "./bidArchive.ts";
import { flashbotsDump } from "./flashbotsDump.ts";
import { mevboostData } from "./mevboostData.ts";
import type { ArchiveSource } from "./source.ts";
import { xatu } from "./xatu.ts";

/** The archives that files are imported from. */
export const archiveSources: readonly ArchiveSource[] = [flashbotsDump, xatu, mevboostData, bidArchive];
