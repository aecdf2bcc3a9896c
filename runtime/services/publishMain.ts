// The container's entry `publish`: publishes the days that are due, once, settings from the environment. Bundled, without DuckDB.
import { openFolderFiles } from "../lake/folder/folderFiles.ts";
import { openGcsFiles } from "../lake/gcs/bucket.ts";
import { lakeAt } from "./lakeAt.ts";
import { runPublish } from "./publishService.ts";

void runPublish(process.env, {
  lake: async ({ lake }, network, clock) => lakeAt(lake, network, clock),
  store: async ({ out }, clock) =>
    out.startsWith("gs://") ? openGcsFiles(out, { clock }) : openFolderFiles(out),
}).then((code) => process.exit(code));
