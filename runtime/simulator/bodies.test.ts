import { gunzipSync } from "node:zlib";
import test from "ava";
import { Body, BodyCache } from "./bodies.ts";

const text = "[1,2,3]".repeat(1000);
const body = (of = text) => new Body(Buffer.from(of));

test("a body that was asked for compressed holds that form alone, and can be had plain again", (t) => {
  const one = body();
  t.is(one.plain.toString(), text);
  t.is(one.held, text.length);
  t.is(gunzipSync(one.zipped).toString(), text);
  t.is(one.held, one.zipped.length);
  t.true(one.held < text.length / 2);
  t.is(one.plain.toString(), text);
  t.is(one.length, text.length);
});

test("the cache lets go of what was sent longest ago, and counts a body with what it holds when it is sent", (t) => {
  const cache = new BodyCache(2 * text.length);
  const bodies = { a: body(), b: body(), c: body() };
  cache.set("a", bodies.a);
  cache.set("b", bodies.b);
  cache.set("a", bodies.a);
  cache.set("c", bodies.c);
  t.deepEqual(
    ["a", "b", "c"].filter((key) => cache.get(key) !== undefined),
    ["a", "c"],
  );
  // Compressed, it leaves room for another.
  t.true(bodies.a.zipped.length > 0);
  cache.set("a", bodies.a);
  cache.set("d", body("x"));
  t.deepEqual(
    ["a", "c", "d"].filter((key) => cache.get(key) !== undefined),
    ["a", "c", "d"],
  );
  cache.set("e", body(text + text + text));
  t.deepEqual(
    ["a", "c", "d", "e"].filter((key) => cache.get(key) !== undefined),
    [],
    "one that is larger than the cache isn't kept",
  );
});
