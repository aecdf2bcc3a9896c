import { PassThrough } from "node:stream";
import test from "ava";
import { speak } from "../log.ts";
import { liveScreen } from "./bars.ts";

test("what is said while a screen is redrawn isn't overwritten: it is written before the screen is drawn anew", (t) => {
  let written = "";
  const terminal = new PassThrough();
  terminal.on("data", (data: Buffer) => (written += data.toString()));
  const stream = Object.assign(terminal, { isTTY: true, columns: 80 }) as unknown as NodeJS.WriteStream;
  const stop = liveScreen(stream, () => ({ relays: [], below: ["asking: 1 of about 2 requests"] }));
  speak("WARNING", "a relay refuses everything");
  stop();
  t.regex(written, /a relay refuses everything[^]*asking: 1 of about 2 requests/);
});
