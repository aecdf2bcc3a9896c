// The npm package of the command alone: its folder, and the tarball that `npm i -g` takes.
import { execFileSync } from "node:child_process";
import { cp, mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { join, posix, resolve } from "node:path";
import { build } from "esbuild";

/** What can't be bundled, since it is native: the package's one dependency. */
const DEPENDENCY = "@duckdb/node-api";
/** What the command never needs. */
const NOT_SHIPPED =
  /^(?:components|stacks|policies|deploy|integration|bench)\/|node_modules\/@pulumi\/|\.(?:test|testing|contract)\.ts$/;
const LICENCE_FILE = /^(?:licen[cs]e|copying|notice)(?:[.-].*)?$/i;

/**
 * Writes the package into FOLDER/package, and its tarball into FOLDER.
 * @param {string} folder
 */
export async function buildPackage(folder) {
  const out = join(folder, "package");
  await rm(out, { recursive: true, force: true });
  await mkdir(out, { recursive: true });
  const { metafile } = await build({
    entryPoints: { cli: "runtime/cli/main.ts" },
    outdir: out,
    bundle: true,
    // A chunk a command: --help must not wait for Google's clients.
    splitting: true,
    chunkNames: "chunks/[hash]",
    format: "esm",
    platform: "node",
    target: "node20",
    external: [DEPENDENCY],
    // Dependencies that are CommonJS call `require` for Node's own modules, which ESM lacks.
    banner: {
      js: '#!/usr/bin/env -S node --max-semi-space-size=16\nimport { createRequire as makeRequire } from "node:module"; const require = makeRequire(import.meta.url);',
    },
    alias: { "whatwg-url": "node:url" },
    minify: true,
    keepNames: true,
    legalComments: "none",
    metafile: true,
    logLevel: "warning",
  });
  const inputs = Object.keys(metafile.inputs);
  const idle = inputs.filter((path) => NOT_SHIPPED.test(path));
  if (idle.length > 0) throw new Error(`the command imports what isn't shipped: ${idle.join(", ")}`);
  await writeFile(join(out, "THIRD-PARTY-LICENSES"), await licencesOf(packagesOf(inputs)));
  await describe(out);
  const packed = execFileSync(
    "npm",
    ["pack", resolve(out), "--pack-destination", resolve(folder), "--json"],
    {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  const [{ filename, size }] = JSON.parse(packed);
  console.log(
    `${join(folder, filename)}: ${(size / 1e6).toFixed(2)} MB; npm i -g ./${join(folder, filename)}`,
  );
}

/** package.json, shrinkwrap, readme and licence. @param {string} out */
async function describe(out) {
  const whole = JSON.parse(await readFile("package.json", "utf8"));
  const { name, version, description, license, engines } = whole;
  const own = {
    name,
    version,
    description,
    license,
    type: "module",
    engines,
    bin: { [name]: "cli.js" },
    files: ["cli.js", "chunks", "THIRD-PARTY-LICENSES", "npm-shrinkwrap.json"],
    dependencies: { [DEPENDENCY]: whole.dependencies[DEPENDENCY] },
  };
  await writeFile(join(out, "package.json"), `${JSON.stringify(own, undefined, 2)}\n`);
  await writeFile(
    join(out, "npm-shrinkwrap.json"),
    `${JSON.stringify(await shrinkwrapOf(own), undefined, 2)}\n`,
  );
  await cp("LICENSE", join(out, "LICENSE"));
  await cp("README.md", join(out, "README.md"));
}

/** The part of the repository's lock that the package's dependencies are. @param {{name: string, version: string}} own */
async function shrinkwrapOf(own) {
  const { lockfileVersion, packages } = JSON.parse(await readFile("package-lock.json", "utf8"));
  const { name, version, license, engines, bin, dependencies } = own;
  const locked = { "": { name, version, license, dependencies, bin, engines } };
  const wanted = Object.keys(dependencies);
  for (const next of wanted) {
    const path = `node_modules/${next}`;
    const entry = packages[path];
    if (!entry) throw new Error(`package-lock.json lacks ${next}`);
    locked[path] = entry;
    const needs = Object.keys({ ...entry.dependencies, ...entry.optionalDependencies });
    wanted.push(...needs.filter((need) => !wanted.includes(need)));
  }
  return { name, version, lockfileVersion, requires: true, packages: locked };
}

/** Folders of the packages that files belong to. @param {readonly string[]} inputs */
function packagesOf(inputs) {
  const folders = inputs.flatMap(
    (path) => /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? [],
  );
  return [...new Set(folders)].sort();
}

/** The licences of what is bundled, as their packages hold them. @param {readonly string[]} folders */
async function licencesOf(folders) {
  /** By text: many packages share one. @type {Map<string, string[]>} */
  const texts = new Map();
  for (const folder of folders) {
    const { name, version, license } = JSON.parse(await readFile(posix.join(folder, "package.json"), "utf8"));
    if (typeof license !== "string") throw new Error(`${folder} doesn't say its licence`);
    const files = (await readdir(folder)).filter((file) => LICENCE_FILE.test(file)).sort();
    const parts = await Promise.all(files.map((file) => readFile(posix.join(folder, file), "utf8")));
    const text = parts.join("\n").replaceAll("\r\n", "\n").trim() || UNWRITTEN;
    texts.set(text, [...(texts.get(text) ?? []), `${name} ${version} (${license})`]);
  }
  const rule = "=".repeat(80);
  const sections = [...texts].map(
    ([text, names]) => `${rule}\n${[...new Set(names)].join("\n")}\n\n${text}\n`,
  );
  return `The command holds code of these packages, under these licences.\n\n${sections.join("\n")}`;
}

const UNWRITTEN = "The package holds no text of its licence beside its name.";
