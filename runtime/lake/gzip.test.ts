import { constants, crc32, gunzipSync, inflateRawSync } from "node:zlib";
import test from "ava";
import fc from "fast-check";
import { crc32Combine, deflateSlot, gzipMember, joinBlocks } from "./gzip.ts";
import { encodeExtra, parseMemberHeader } from "./member.ts";

const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 300 }),
  // Long and repetitive, so that windows reach over block borders if anything lets them.
  fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 9 }), fc.nat(5000)).map(([part, times]) => {
    return Uint8Array.from(Array.from({ length: times }, () => [...part]).flat());
  }),
);

test("CRCs of two texts combine to the CRC of both", (t) => {
  fc.assert(
    fc.property(bytes, bytes, (a, b) => {
      t.is(crc32Combine(crc32(a), crc32(b), b.length), crc32(Buffer.concat([a, b])));
    }),
  );
  const large = Buffer.alloc(2 ** 24 + 1, 7);
  t.is(crc32Combine(crc32("head"), crc32(large), large.length), crc32(large, crc32("head")));
});

test("Slots compressed one by one and joined in any order are one gzip member that zlib reads", async (t) => {
  const slots = fc.array(
    fc.oneof(
      fc.constant(""),
      fc.string({ unit: "binary" }),
      fc.lorem({ maxCount: 200 }),
      fc.nat(9).map((n) => "x\n".repeat(10 ** (n % 5))),
    ),
    { maxLength: 12 },
  );
  const extra = fc.option(fc.dictionary(fc.string(), fc.string({ unit: "binary" })), { nil: undefined });
  await fc.assert(
    fc.asyncProperty(slots, extra, async (texts, values) => {
      const blocks = texts.map((text) => deflateSlot(text, 1));
      const body = joinBlocks(blocks);
      const plain = Buffer.from(texts.join(""));
      const member = Buffer.concat(gzipMember(body, values && encodeExtra(values)));
      t.deepEqual(gunzipSync(member), plain);
      t.is(body.size, plain.length);
      t.is(body.crc, crc32(plain));
      // Exactly one deflate stream, to its last byte.
      t.deepEqual(inflateRawSync(Buffer.concat(body.deflate), { finishFlush: constants.Z_FINISH }), plain);
    }),
  );
});

test("Equal content gives equal bytes", (t) => {
  const member = (): Buffer =>
    Buffer.concat(gzipMember(joinBlocks([deflateSlot("a\nb\n", 2)]), encodeExtra({ a: "1" })));
  t.deepEqual(member(), member());
});

test("A header gives back the strings it was made of, and says how many bytes it needs", (t) => {
  const body = { deflate: [Buffer.from([3, 0])], crc: 0, size: 0 };
  fc.assert(
    fc.property(
      fc.dictionary(
        fc.string().filter((key) => key !== "crc"),
        fc.string({ unit: "binary" }),
      ),
      (values) => {
        const member = Buffer.concat(gzipMember(body, encodeExtra(values)));
        const header = parseMemberHeader(member);
        if (!("length" in header)) return t.fail("not taken");
        t.deepEqual({ ...header.values }, { ...values });
        t.is(header.length, member.length - 10);
        for (let at = 0; at < header.length; at++) {
          const short = parseMemberHeader(member.subarray(0, at));
          if (!("needs" in short)) return t.fail("taken too early");
          t.true(short.needs > at && short.needs <= header.length);
        }
      },
    ),
  );
  t.throws(() => encodeExtra({ long: "x".repeat(65_536) }), { instanceOf: RangeError });
});

test("Subfields of other programs are passed over", (t) => {
  const other = Buffer.from([0x41, 0x42, 2, 0, 9, 9]);
  const body = { deflate: [Buffer.from([3, 0])], crc: 0, size: 0 };
  const read = (extra: Buffer) => parseMemberHeader(Buffer.concat(gzipMember(body, extra)));
  const found = read(Buffer.concat([other, encodeExtra({ a: "1" }), other]));
  t.deepEqual("values" in found ? { ...found.values } : found, { a: "1" });
  const none = read(other);
  t.true("values" in none && none.values === undefined);
  const cut = read(Buffer.from([0x4d, 0x42, 200, 0, 1]));
  t.true("values" in cut && cut.values === undefined);
});
