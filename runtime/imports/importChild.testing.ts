import { importWorld, mainnet } from "./imports.testing.ts";
import { directoryOf } from "../relays/directory.ts";
import { archiveSources } from "./sources.ts";

/**
 * An import in a process of its own, for tests: `importChild.testing.ts <folder> <source> <file> <point>`. At the point, a name or a
 * number of ms after it began, it ends itself with SIGKILL. It says `began` when it begins.
 */
const [folder = "", name = "", file = "", point = ""] = process.argv.slice(2);
const source = archiveSources.find((one) => one.name === name);
if (!source) throw new Error(`no source ${name}`);
const world = await importWorld(mainnet, directoryOf("mainnet"), folder);
process.stdout.write("began\n");
const kill = () => process.kill(process.pid, "SIGKILL");
if (/^\d+$/.test(point)) setTimeout(kill, Number(point));
await world.take(source, file, { seam: (reached) => void (reached === point && kill()) });
