import { basename, join } from "node:path";
import { build } from "esbuild";

const built = new Map<string, Promise<string>>();

/** An entry beside this file as one file near node_modules: many starts through the TypeScript loader would take minutes of nothing. */
export function bundled(name: string): Promise<string> {
  // Tests run side by side: a second build would write under the first one's readers.
  const known = built.get(name) ?? bundle(name);
  built.set(name, known);
  return known;
}

async function bundle(name: string): Promise<string> {
  const outfile = join(
    import.meta.dirname,
    "../../node_modules/.cache/mev-boost-etl",
    `${basename(name)}-${process.pid}.mjs`,
  );
  await build({
    entryPoints: [join(import.meta.dirname, `${name}.ts`)],
    outfile,
    bundle: true,
    format: "esm",
    platform: "node",
    packages: "external",
    logLevel: "error",
  });
  return outfile;
}
