import type { CloudObject } from "./standin/cloud.ts";

const project = "engine-check-project";

/** An image that production may be given: the digest is any. */
export const promotedImage = (digest: string): { ref: string } => ({
  ref: `us-central1-docker.pkg.dev/${project}/mev-boost-etl-production/mev-boost-etl@sha256:${digest.repeat(64)}`,
});

/** What no committed file says: whose project it is, and for production which image was promoted. */
export function given(stack: "test" | "production"): Record<string, unknown> {
  return {
    "gcp:project": project,
    ...(stack === "production" ? { "mev-boost-etl:image": promotedImage("a") } : {}),
  };
}

/** The outputs that are relied on from outside. */
export const OUTPUTS: readonly string[] = (
  "network project region lakeUrl warehouseUrl bucket dataset publicDataset stagingDataset bidsTable payloadsTable " +
  "loadsView relaysTable coverageView deliveredView slotsView publicBidsView publicPayloadsView bidsServiceUrl payloadsServiceUrl image dashboardUrl reportUrl"
).split(" ");

/** Types whose objects hold data. */
export const DATA_TYPES: ReadonlySet<string> = new Set([
  "gcp:storage/bucket:Bucket",
  "gcp:bigquery/dataset:Dataset",
  "gcp:bigquery/table:Table",
]);

/** Whether an object holds data that isn't made anew: no view, and nothing that expires by itself. */
export function isData({ type, id, state }: Omit<CloudObject, "inputs">): boolean {
  return DATA_TYPES.has(type) && state["view"] === undefined && !id.includes("staging");
}
