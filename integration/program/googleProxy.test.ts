import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { systemClock } from "../../runtime/chain/clock.ts";
import { openGcsLake } from "../../runtime/lake/gcs/bucket.ts";
import { serveProxy, serveTls } from "../../runtime/relays/http/proxied.testing.ts";
import { BigQueryApi } from "../../runtime/warehouse/bigquery/bigqueryApi.ts";
import { newFolder } from "../../runtime/warehouse/warehouse.testing.ts";

// Google's hosts are played by one server, with a certificate of its own making.
process.env["NODE_TLS_REJECT_UNAUTHORIZED"] = "0";
for (const name of ["HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY"])
  for (const either of [name, name.toLowerCase()]) delete process.env[either];

/** A proxy that leads to what stands for Google, and a person's credentials for it. */
async function googleBehindProxy(t: ExecutionContext) {
  const paths: string[] = [];
  const port = await serveTls(t, (incoming, response) => {
    const { pathname } = new URL(incoming.url ?? "", "https://any");
    paths.push(`${incoming.headers.host} ${pathname} ${incoming.headers.authorization ?? "unsigned"}`);
    const answer = pathname.endsWith("/token")
      ? { access_token: "some-token", expires_in: 3600 }
      : { kind: "storage#objects" };
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify(answer));
  });
  const proxy = await serveProxy(t, port);
  const file = join(await newFolder(t), "credentials.json");
  const user = { client_id: "id", client_secret: "secret", refresh_token: "refresh" };
  await writeFile(file, JSON.stringify({ type: "authorized_user", ...user }));
  Object.assign(process.env, { HTTPS_PROXY: proxy.url, GOOGLE_APPLICATION_CREDENTIALS: file });
  // The client of buckets also looks for the metadata server of a machine in Google Cloud, by the proxy unless NO_PROXY names it.
  const asked = () => [...new Set(proxy.asked)].filter((one) => !one.includes("169.254.169.254")).toSorted();
  return { asked, paths };
}

test.serial(
  "Google's client asks for a bucket's objects, and for its token, through HTTPS_PROXY",
  async (t) => {
    t.timeout(120_000);
    const { asked, paths } = await googleBehindProxy(t);
    const lake = openGcsLake("gs://some-bucket/lake", "mainnet");
    const found = [];
    for await (const chunk of lake.list("bids", "flashbots", { first: 0, last: 31 })) found.push(chunk);
    t.deepEqual(found, []);
    t.deepEqual(asked(), ["CONNECT oauth2.googleapis.com:443", "CONNECT storage.googleapis.com:443"]);
    t.true(
      paths.includes("storage.googleapis.com /storage/v1/b/some-bucket/o Bearer some-token"),
      paths.join("\n"),
    );
  },
);

test.serial("Google's client asks BigQuery, and for its token, through HTTPS_PROXY", async (t) => {
  t.timeout(120_000);
  const { asked, paths } = await googleBehindProxy(t);
  const api = new BigQueryApi("some-project", systemClock);
  await api.ask({ method: "GET", path: "/datasets/etl" });
  t.deepEqual(asked(), ["CONNECT bigquery.googleapis.com:443", "CONNECT oauth2.googleapis.com:443"]);
  t.true(
    paths.includes(
      "bigquery.googleapis.com /bigquery/v2/projects/some-project/datasets/etl Bearer some-token",
    ),
    paths.join("\n"),
  );
});
