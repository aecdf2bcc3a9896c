import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";

const root = join(import.meta.dirname, "../..");

/** package.json's ava settings. */
export const { ava } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));

/** Compiled code lies elsewhere than its source; what a module says of its place stays true. */
const sourcePlaces = {
  name: "source places",
  setup({ onLoad }) {
    onLoad({ filter: /\.ts$/ }, async ({ path }) => {
      const places = { dirname: dirname(path), filename: path, url: pathToFileURL(path).href };
      const text = await readFile(path, "utf8");
      const contents = text.replaceAll(/\bimport\.meta\.(dirname|filename|url)\b/g, (_, name) =>
        JSON.stringify(places[name]),
      );
      return { contents, loader: "ts" };
    });
  },
};

/** What takes longest goes first, so that the last file to end isn't a long one. */
const LONGEST = [
  "program/ticks.long",
  "program/badUse.long",
  "program/services.long",
  "duckdb/contract.long",
  "folder/folder.long",
  "program/empties.long",
  "program/extras.long",
  "duckdb/duckdb",
  "program/backload.long",
  "kernel/kernel",
  "duckdb/slots.long",
  "program/truth.long",
  "imports/truth.long",
  "program/crash.long",
  "program/publishCrash.long",
];

function placeOf(file) {
  const place = LONGEST.findIndex((name) => file.includes(`/${name}.test.`));
  return place < 0 ? LONGEST.length : place;
}

/**
 * ava's settings for the tests of these patterns, compiled into a folder below dist/: a process that loads TypeScript takes
 * a second longer to start, and each test file has one.
 */
export async function compiled(name, patterns) {
  const folder = `dist/${name}`;
  rmSync(join(root, folder), { recursive: true, force: true });
  mkdirSync(join(root, folder), { recursive: true });
  await build({
    absWorkingDir: root,
    entryPoints: [...patterns.filter((pattern) => !pattern.startsWith("!")), ...ava.require],
    outdir: folder,
    outbase: ".",
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    packages: "external",
    sourcemap: "inline",
    plugins: [sourcePlaces],
    logLevel: "warning",
  });
  const compiledPath = (path) => path.replace(/^(!?)(?:\.\/)?/, `$1${folder}/`).replace(/\.ts$/, ".js");
  return {
    ...ava,
    files: patterns.map(compiledPath),
    require: ava.require.map((path) => `./${compiledPath(path)}`),
    extensions: ["js"],
    nodeArguments: [],
    sortTestFiles: (a, b) => placeOf(a) - placeOf(b) || (a < b ? -1 : 1),
  };
}
