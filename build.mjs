// Bundles the program: `node build.mjs cli` into dist/, `node build.mjs container [FOLDER]` into dist/container/,
// `node build.mjs package [FOLDER]` into dist/package/ and a tarball beside it.
import { rm, writeFile } from "node:fs/promises";
import { build } from "esbuild";

/** Native modules can't be bundled, and no entry of the container needs them. */
const NOT_BUNDLED = /node_modules\/@duckdb\//;
/** What a service never needs. */
const NOT_SHIPPED = /^runtime\/simulator\/|\.(?:test|testing|contract)\.ts$/;

const [, , what, folder] = process.argv;
if (what === "cli") await buildCli();
else if (what === "container") await buildContainer(folder ?? "dist/container");
// The image is built without that file.
else if (what === "package") await (await import("./buildPackage.mjs")).buildPackage(folder ?? "dist");
else throw new Error("give what is to be built: cli, container [FOLDER], or package [FOLDER]");

/**
 * The command line: one entry and a chunk a command, so that --help loads next to nothing. Dependencies stay outside: DuckDB is
 * native, and the others are installed anyway.
 */
async function buildCli() {
  await rm("dist", { recursive: true, force: true });
  await build({
    entryPoints: { cli: "runtime/cli/main.ts" },
    outdir: "dist",
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node20",
    packages: "external",
    banner: { js: "#!/usr/bin/env -S node --max-semi-space-size=16" },
    sourcemap: true,
    logLevel: "warning",
  });
}

/**
 * What the container runs: one file an entry, with all its dependencies, and nothing beside it.
 * @param {string} outdir
 */
async function buildContainer(outdir) {
  await rm(outdir, { recursive: true, force: true });
  const { metafile } = await build({
    // By the word that starts them: `node serve bids`, `node backload`, `node publish`.
    entryPoints: Object.fromEntries(
      ["serve", "backload", "publish"].map((word) => [word, `runtime/services/${word}Main.ts`]),
    ),
    outdir,
    bundle: true,
    // As CommonJS: bundled as ESM, dependencies that call `require` fail when they are started.
    format: "cjs",
    platform: "node",
    target: "node20",
    // Google's clients bring it for Node versions without URL; it takes Node's punycode, which newer ones warn of at the start.
    alias: { "whatwg-url": "node:url" },
    minify: true,
    keepNames: true,
    legalComments: "none",
    metafile: true,
    logLevel: "warning",
  });
  const inputs = Object.keys(metafile.inputs);
  const native = inputs.filter((path) => NOT_BUNDLED.test(path));
  if (native.length > 0) throw new Error(`an entry imports what can't be bundled: ${native.join(", ")}`);
  const idle = inputs.filter((path) => NOT_SHIPPED.test(path));
  if (idle.length > 0) throw new Error(`an entry imports what is for tests: ${idle.join(", ")}`);
  // The repository's own package.json would have them taken for ESM.
  await writeFile(`${outdir}/package.json`, '{ "type": "commonjs" }\n');
}
