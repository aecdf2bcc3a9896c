import test from "ava";
import { prose, wrapped } from "./numbers.ts";

test("a sentence is broken at its spaces, each further line indented by the same two columns more", (t) => {
  t.deepEqual(wrapped("  one two three four five", 11), ["  one two", "    three", "    four", "    five"]);
  t.deepEqual(wrapped("short", 80), ["short"]);
  t.deepEqual(wrapped("https://one.example/word-that-is-long and more", 20), [
    "https://one.example/word-that-is-long and more",
  ]);
});

test("prose is broken on a terminal alone: elsewhere a line is a line", (t) => {
  const line = "none of the relays answered";
  t.is(prose(line, { isTTY: true, columns: 20 }), "none of the relays\n  answered");
  t.is(prose(line, { columns: 20 }), line);
});
