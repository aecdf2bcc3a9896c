import test from "ava";
import fc from "fast-check";
import { nameInExtraData } from "./extraData.ts";
import { namedKeys } from "./nameBuilders.ts";

const blocks = (pubkey: string, name: string | undefined, ...slots: number[]) =>
  slots.map((slot) => ({ pubkey, name, slot }));

test("a key has the name that five of its blocks bear, from the first of them to the last", (t) => {
  t.deepEqual(namedKeys([...blocks("a", "Titan", 30, 10, 20, 40, 50), ...blocks("b", "Titan", 1, 2, 3, 4)]), [
    ["a", "Titan", 10, 50, 5, 1, "extra_data"],
  ]);
});

test("a key that changed its name has both, each for its time", (t) => {
  t.deepEqual(
    namedKeys([...blocks("a", "BuilderNet", 6, 7, 8, 9, 10), ...blocks("a", "Titan", 1, 2, 3, 4, 5)]),
    [
      ["a", "BuilderNet", 6, 10, 5, 1, "extra_data"],
      ["a", "Titan", 1, 5, 5, 1, "extra_data"],
    ],
  );
});

test("a name that less than four fifths of a key's blocks of its time bear is none, blocks without a name counted", (t) => {
  const four = blocks("a", "Titan", 1, 2, 3, 4, 9, 10, 11, 12);
  t.deepEqual(namedKeys([...four, ...blocks("a", undefined, 5, 6)]), [
    ["a", "Titan", 1, 12, 8, 0.8, "extra_data"],
  ]);
  t.deepEqual(namedKeys([...four, ...blocks("a", undefined, 5, 6, 7)]), []);
});

test("whatever the blocks, a name holds for at least five and four fifths of the key's blocks from its first to its last", (t) => {
  const block = fc.record({
    pubkey: fc.constant("a"),
    name: fc.constantFrom("x", "y", undefined),
    slot: fc.nat(60),
  });
  fc.assert(
    fc.property(fc.uniqueArray(block, { selector: ({ slot }) => slot, maxLength: 60 }), (all) => {
      for (const [, , from, to, count, share] of namedKeys(all)) {
        const then = all.filter(({ slot }) => slot >= Number(from) && slot <= Number(to));
        t.is(Number(share), Number(count) / then.length);
        t.true(Number(share) >= 0.8 && Number(count) >= 5);
      }
    }),
  );
});

for (const [text, name] of [
  ["beaverbuild.org", "beaverbuild"],
  ["Titan (titanbuilder.xyz)", "Titan"],
  ["@rsyncbuilder.xyz", "rsync-builder"],
  ["rsync-builder.xyz", "rsync-builder"],
  ["BuilderNet (Flashbots)", "BuilderNet"],
  ["@penguinbuild.org", "penguinbuild.org"],
  ["by builder0x69", "builder0x69"],
  ["s1e2s3f", "bob the builder"],
  ["Illuminate Dmocratize Dstribute", "Illuminate Dmocratize Dstribute"],
  ["jetbldr.xyz", "jetbldr.xyz"],
  ["  two\u0000lines\n ", "two lines"],
  ["", undefined],
  ["\u{8a}geth\u0088go1.22", undefined],
  ["Nethermind v1.25", undefined],
] as const) {
  test(`extra_data ${JSON.stringify(text)} names ${name ?? "nobody"}`, (t) => {
    t.is(nameInExtraData(text), name);
  });
}
