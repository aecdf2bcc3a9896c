// Builds the kernel: `node buildKernel.mjs` compiles runtime/kernel/assembly/ and writes the module into runtime/kernel/module.ts, from
// where every bundle has it; with --check it only says whether that file is what the source gives.
import { readFile, writeFile } from "node:fs/promises";
import asc from "assemblyscript/asc";

const SOURCE = "runtime/kernel/assembly/kernel.ts";
const MODULE = "runtime/kernel/module.ts";
/** Pages of 64 KiB, just enough for memory.ts' areas: the module can't grow its memory. */
const PAGES = 226;
const FLAGS = "-O3 --converge --noAssert --runtime stub --enable simd --use abort=";

const files = new Map();
let said = "";
const { error } = await asc.main(
  `${SOURCE} --outFile kernel.wasm ${FLAGS} --initialMemory ${PAGES} --maximumMemory ${PAGES}`.split(" "),
  {
    writeFile: (name, contents) => files.set(name, contents),
    stderr: { write: (text) => (said += text) },
  },
);
if (error) throw new Error(`the kernel can't be compiled: ${said}`, { cause: error });
const text = `// Made by \`npm run kernel\` from assembly/; npm run check compares it.

/** The kernel's WebAssembly module, base64. */
export const KERNEL_MODULE =
  "${Buffer.from(files.get("kernel.wasm")).toString("base64")}";
`;
if (!process.argv.includes("--check")) await writeFile(MODULE, text);
else if ((await readFile(MODULE, "utf8")) !== text) {
  console.error(`${MODULE} isn't what ${SOURCE} gives: npm run kernel`);
  process.exitCode = 1;
}
