// The container's entry `publish`: publishes the days that are due, once, settings from the environment. Bundled, without DuckDB.
import { openFolderFiles } from "../lake/folder/folderFiles.ts";
import { openFolderLake } from "../lake/folder/folder.ts";
import { openGcsFiles, openGcsLake } from "../lake/gcs/bucket.ts";
import { runPublish } from "./publishService.ts";

void runPublish(process.env, {
  lake: async ({ lake }, network, clock) =>
    lake.startsWith("gs://")
      ? openGcsLake(lake, network.name, { clock })
      : openFolderLake(lake, network.name),
  store: async ({ out }, clock) =>
    out.startsWith("gs://") ? openGcsFiles(out, { clock }) : openFolderFiles(out),
}).then((code) => process.exit(code));
