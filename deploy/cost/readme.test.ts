import { readFileSync } from "node:fs";
import test from "ava";
import { withParts } from "../../integration/readme.ts";

/** A text without what prettier adds to a table. */
const plain = (text: string) => text.replaceAll(/ +/g, " ").replaceAll(/-{3,}/g, "---");

test("the README's policies and cost are those of the code", (t) => {
  const text = readFileSync(new URL("../../README.md", import.meta.url), "utf8");
  t.is(plain(withParts(text)), plain(text), "npm run readme writes them anew");
});
