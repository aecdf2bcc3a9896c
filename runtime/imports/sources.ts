import { bidArchive } from "./bidArchive.ts";
import { flashbotsDump } from "./flashbotsDump.ts";
import { mevboostData } from "./mevboostData.ts";
import type { Source } from "./source.ts";
import { xatu } from "./xatu.ts";

/** The archives that files are imported from. */
export const sources: readonly Source[] = [flashbotsDump, xatu, mevboostData, bidArchive];
