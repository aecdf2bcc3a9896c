// The entry of a back-load's pods: settings from the environment, JOB_COMPLETION_INDEX from Kubernetes. Writes only the lake.
import { runBackload } from "./backloadService.ts";
import { lakeAt } from "./lakeAt.ts";

void runBackload(process.env, async ({ lake }, network, clock) => lakeAt(lake, network, clock)).then((code) =>
  process.exit(code),
);
