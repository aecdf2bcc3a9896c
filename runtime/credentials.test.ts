import test from "ava";
import fc from "fast-check";
import { redacted, splitCredentials } from "./credentials.ts";

const secret = fc
  .string({ unit: "grapheme", minLength: 4, maxLength: 20 })
  .filter((text) => !text.includes("\0"));
const token = fc.stringMatching(/^[A-Za-z0-9]{12,20}$/);

test("user and password go into the header of Basic authentication as they were written, the rest of the URL stays", (t) => {
  fc.assert(
    fc.property(secret, secret, token, (user, password, key) => {
      const name = user.replaceAll(":", "");
      const given = `https://${encodeURIComponent(name)}:${encodeURIComponent(password)}@node.example:8443/base/?apikey=${key}`;
      const { url, headers } = splitCredentials(given);
      t.is(url, `https://node.example:8443/base/?apikey=${key}`);
      const [scheme, pair = ""] = (headers["authorization"] ?? "").split(" ");
      t.is(scheme, "Basic");
      t.is(Buffer.from(pair, "base64").toString("utf8"), `${name}:${password}`);
    }),
  );
  t.deepEqual(splitCredentials("http://node.example"), { url: "http://node.example/", headers: {} });
  t.is(splitCredentials("http://100%@node.example").headers["authorization"], `Basic ${btoa("100%:")}`);
});

test("a public key as the user is no credential", (t) => {
  const given = `https://0x${"aB".repeat(48)}@relay.example`;
  t.deepEqual(splitCredentials(given), { url: "https://relay.example/", headers: {} });
});

test("a redacted URL names scheme and host, and nothing of user, password, path or the query's values", (t) => {
  fc.assert(
    fc.property(fc.array(token, { minLength: 4, maxLength: 4 }), ([user, password, path, key]) => {
      const shown = redacted(`http://${user}:${password}@node.example:5052/${path}?apikey=${key}#${key}`);
      t.is(shown, "http://***@node.example:5052/***?apikey=***");
    }),
  );
  t.is(redacted("https://node.example/"), "https://node.example");
  t.is(redacted("user:pw@not a url"), "***");
});
