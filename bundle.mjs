// Bundles what the container runs into dist/container/: one file an entry, with all its dependencies, and nothing beside it.
import { rm, writeFile } from "node:fs/promises";
import { build } from "esbuild";

/** The container's entries, by the word that starts them: `node serve bids`, `node backload`. */
const ENTRIES = {
  serve: "runtime/services/serveMain.ts",
  backload: "runtime/services/backloadMain.ts",
};
/** Native modules can't be bundled, and no entry needs them. */
const NOT_BUNDLED = /node_modules\/@duckdb\//;
/** What a service never needs. */
const NOT_SHIPPED = /^runtime\/simulator\/|\.(?:test|testing|contract)\.ts$/;

const outdir = process.argv[2] ?? "dist/container";
await rm(outdir, { recursive: true, force: true });
const { metafile } = await build({
  entryPoints: ENTRIES,
  outdir,
  bundle: true,
  // As CommonJS: bundled as ESM, dependencies that call `require` fail when they are started.
  format: "cjs",
  platform: "node",
  target: "node20",
  minify: true,
  keepNames: true,
  legalComments: "none",
  metafile: true,
  logLevel: "warning",
});
const idle = Object.keys(metafile.inputs).filter((path) => NOT_SHIPPED.test(path));
if (idle.length > 0) throw new Error(`an entry imports what is for tests: ${idle.join(", ")}`);
const native = Object.keys(metafile.inputs).filter((path) => NOT_BUNDLED.test(path));
if (native.length > 0) throw new Error(`an entry imports what can't be bundled: ${native.join(", ")}`);
// The repository's own package.json would have them taken for ESM.
await writeFile(`${outdir}/package.json`, '{ "type": "commonjs" }\n');
