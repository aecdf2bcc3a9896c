// Sees to it that the Pulumi engine is there, and prints its folder: node --import=tsx integration/engine/provide.ts
import { engineFolder } from "./engine.ts";

try {
  process.stdout.write(`${await engineFolder((line) => process.stderr.write(`${line}\n`))}\n`);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
