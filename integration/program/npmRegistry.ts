import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";

interface Locked {
  readonly integrity?: string;
}

/**
 * A registry on loopback that knows the packages of a shrinkwrap which are installed in a folder. Their tarballs are those that
 * `npm ci` left in npm's cache. Throws where one isn't there.
 */
export async function startRegistry(
  root: string,
  shrinkwrap: { readonly packages: Readonly<Record<string, Locked>> },
  npmCache: string,
): Promise<{ url: string; close(): void }> {
  const documents = new Map<string, (url: string) => object>();
  const tarballs = new Map<string, Buffer>();
  for (const [path, { integrity }] of Object.entries(shrinkwrap.packages)) {
    const file = join(root, path, "package.json");
    if (path === "" || integrity === undefined || !existsSync(file)) continue;
    const described = JSON.parse(readFileSync(file, "utf8")) as { name: string; version: string };
    const { name, version } = described;
    const tarball = `/${name}/-/${version}.tgz`;
    tarballs.set(tarball, cached(npmCache, integrity, name));
    documents.set(`/${name}`, (url) => ({
      name,
      "dist-tags": { latest: version },
      versions: { [version]: { ...described, dist: { tarball: `${url}${tarball}`, integrity } } },
    }));
  }
  const server = createServer((request, response) => {
    const path = decodeURIComponent(request.url ?? "");
    const tarball = tarballs.get(path);
    const document = documents.get(path);
    if (tarball) response.end(tarball);
    else if (document) response.end(JSON.stringify(document(`http://${request.headers.host}`)));
    else response.writeHead(404).end("{}");
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, close: () => server.close() };
}

/** npm keeps what it downloads by its digest (cacache's content-v2). */
function cached(npmCache: string, integrity: string, name: string): Buffer {
  const digest = Buffer.from(integrity.replace(/^sha512-/, ""), "base64").toString("hex");
  const parts = [digest.slice(0, 2), digest.slice(2, 4), digest.slice(4)];
  const file = join(npmCache, "_cacache/content-v2/sha512", ...parts);
  if (!existsSync(file)) throw new Error(`npm's cache lacks ${name}: npm ci, with that cache, brings it`);
  return readFileSync(file);
}
