import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { START_FLAGS } from "../../runtime/heap.ts";
import { bundled } from "./bundled.ts";

const main = await bundled("../../runtime/cli/main");

/** What a command printed, and how it ended. */
export interface EndedCommand {
  readonly code: number;
  readonly out: string;
  readonly said: string;
}

/** Runs a command of the program in a folder, outside of a terminal, to its end; `now` is its date, Unix s. */
export async function endedCommand(
  folder: string,
  args: readonly string[],
  now: string,
): Promise<EndedCommand> {
  const child = spawn(process.execPath, [...START_FLAGS, main, ...args, "--now", now], {
    cwd: folder,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [out, said, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, "exit"),
  ]);
  return { code: code as number, out, said };
}
