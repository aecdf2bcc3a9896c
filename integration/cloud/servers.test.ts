import test from "ava";
import { startBigQuery, startGcs } from "./servers.ts";

test("both servers start on ports of their own, answer, and end", async (t) => {
  t.timeout(120_000);
  const gcs = await startGcs();
  const bigQuery = await startBigQuery(gcs);
  const datasets = `${bigQuery.endpoint}/bigquery/v2/projects/${bigQuery.projectId}/datasets`;
  for (const url of [`${gcs.endpoint}/storage/v1/b?project=test`, datasets])
    t.is((await fetch(url)).status, 200);
  await bigQuery.close();
  await gcs.close();
  if (!process.env["BIGQUERY_EMULATOR_HOST"]) await t.throwsAsync(fetch(datasets));
});
