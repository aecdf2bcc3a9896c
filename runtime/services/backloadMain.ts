// The entry of a back-load's pods: settings from the environment, JOB_COMPLETION_INDEX from Kubernetes. Writes only the lake.
import { openFolderLake } from "../lake/folder/folder.ts";
import { openGcsLake } from "../lake/gcs/bucket.ts";
import { runBackload } from "./backloadService.ts";

void runBackload(process.env, async ({ lake }, network, clock) =>
  lake.startsWith("gs://") ? openGcsLake(lake, network.name, { clock }) : openFolderLake(lake, network.name),
).then((code) => process.exit(code));
