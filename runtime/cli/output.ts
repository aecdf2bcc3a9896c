import { codeOf } from "../errors.ts";

const gone = new AbortController();

/** Aborted once nobody reads standard output or standard error any more, as behind `| head`. */
export const readerGone: AbortSignal = gone.signal;

/** From now on what nobody reads is dropped without a word; any other fault of an output is thrown. */
export function dropUnread(): void {
  for (const stream of [process.stdout, process.stderr])
    stream.on("error", (error) => {
      if (codeOf(error) !== "EPIPE") throw error;
      gone.abort(new Error("nobody reads what it says any more"));
    });
}

/** Ends the process with its exit code as soon as all that was written is out, whatever timers and sockets are left. */
export async function exitWhenWritten(): Promise<never> {
  for (const stream of [process.stdout, process.stderr])
    await new Promise<void>((written) => void stream.write("", () => written()));
  process.exit();
}
