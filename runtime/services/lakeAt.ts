import type { Clock } from "../chain/clock.ts";
import type { Network } from "../chain/networks.ts";
import { openFolderLake } from "../lake/folder/folder.ts";
import { openGcsLake } from "../lake/gcs/bucket.ts";
import type { Lake } from "../lake/lake.ts";

/** A network's lake in a bucket (`gs://BUCKET[/PREFIX]`) or in a folder, as a setting names it. */
export function lakeAt(place: string, { name }: Pick<Network, "name">, clock: Clock): Lake {
  return place.startsWith("gs://") ? openGcsLake(place, name, { clock }) : openFolderLake(place, name);
}
