import test from "ava";
import fc from "fast-check";
import { findNetwork } from "../chain/networks.ts";
import { slotAt } from "../chain/slots.ts";
import { UserError } from "../errors.ts";
import { isPrivateAddress } from "./addresses.ts";
import { directoryOf, resolveRelays } from "./directory.ts";
import { RELAY_NAME, type Relay, newestFiltering } from "./relay.ts";

const mainnet = directoryOf("mainnet");

function named(name: string): Relay {
  const relay = mainnet.find((other) => other.name === name);
  if (!relay) throw new Error(`${name} is missing`);
  return relay;
}

function one(spec: string) {
  const { relays, warnings } = resolveRelays(mainnet, [spec]);
  const chosen = relays[0];
  if (!chosen || relays.length !== 1) throw new Error("not one relay");
  return { ...chosen, warnings };
}

for (const name of ["mainnet", "hoodi", "sepolia"]) {
  test(`the relays of ${name} are well formed, https, and named once`, (t) => {
    const relays = directoryOf(name);
    t.true(relays.length > 0);
    t.is(new Set(relays.map((relay) => relay.name)).size, relays.length);
    t.is(new Set(relays.map((relay) => relay.url)).size, relays.length);
    for (const relay of relays) {
      t.regex(relay.name, RELAY_NAME);
      t.regex(relay.url, /^https:\/\/[a-z0-9.-]+$/);
      if (relay.pubkey !== null) t.regex(relay.pubkey, /^0x[0-9a-f]{96}$/);
      t.is(relay.payloadLimit, relay.dialect === "bloxroute" ? 100 : 200);
      t.true(relay.requestsPerSecond > 0 && relay.requestsPerSecond <= 10);
      relay.filtering.forEach(({ from, to }, index) => {
        // Periods follow one another; only the ends of the list may be open.
        const before = relay.filtering[index - 1];
        if (before) t.is(from, (before.to ?? NaN) + 1, relay.name);
        if (from !== null && to !== null) t.true(from <= to, relay.name);
      });
      const original = relays.find((other) => other.name === relay.aliasOf);
      if (relay.aliasOf !== null) t.is(original?.state, "active", `${relay.name} is asked twice or never`);
      if (relay.aliasOf !== null) t.not(relay.state, "active");
    }
    // One key is one relay: of those that share it only one is asked.
    const keys = relays.flatMap(({ state, pubkey }) => (state === "active" && pubkey ? [pubkey] : []));
    t.is(new Set(keys).size, keys.length);
  });
}

test("mainnet's relays are those in use, and those that ended end where they did", (t) => {
  const names = (state: string) => mainnet.filter((r) => r.state === state).map((r) => r.name);
  t.deepEqual(names("active"), [
    "flashbots",
    "ultrasound",
    "bloxroute-max-profit",
    "bloxroute-regulated",
    "titan",
    "agnostic",
    "aestus",
    "btcs",
    "ethgas",
  ]);
  t.true(names("ended").length >= 5);
  const network = findNetwork("mainnet", 0);
  if (!network) throw new Error("mainnet is missing");
  for (const [name, lastSecond] of [
    ["blocknative", "2023-09-27T23:59:59Z"],
    ["frontier", "2024-05-31T23:59:59Z"],
    ["bloxroute-ethical", "2023-08-11T23:59:59Z"],
    ["relayooor", "2023-04-02T00:19:00Z"],
  ] as const)
    t.is(named(name).activeTo, slotAt(network, Date.parse(lastSecond)), name);
  t.is(named("relayooor").activeFrom, 5_246_635);
});

test("Aestus speaks Helix, and hosts that repeat a relay are known as such", (t) => {
  for (const network of ["mainnet", "hoodi"]) {
    const aestus = directoryOf(network).filter(({ name }) => name.startsWith("aestus"));
    t.deepEqual(
      aestus.map(({ name, dialect, state, aliasOf }) => [name, dialect, state, aliasOf]),
      [
        ["aestus", "helix", "active", null],
        ["aestus-filtered", "helix", "off", "aestus"],
      ],
    );
    t.is(new Set(aestus.map(({ pubkey }) => pubkey)).size, 1);
  }
  for (const name of ["titan-global", "titan-regional"]) t.is(named(name).aliasOf, "titan");
});

test("a relay's filtering is known by period, and the newest stands for the relay", (t) => {
  const network = findNetwork("mainnet", 0);
  if (!network) throw new Error("mainnet is missing");
  const relay = named("bloxroute-max-profit");
  const [none, ofac] = relay.filtering;
  t.deepEqual(
    relay.filtering.map(({ filtering }) => filtering),
    ["none", "ofac"],
  );
  const midnight = Date.parse("2023-12-18T00:00:00Z");
  t.is(none?.to, slotAt(network, midnight - 1));
  t.is(ofac?.from, slotAt(network, midnight + 12_000));
  t.is(newestFiltering(relay), "ofac");
  t.is(newestFiltering(named("manifold")), "none");
  t.is(newestFiltering(named("ethgas")), null);
});

test("without --relay the whole directory is taken, and a network without one has none", (t) => {
  const { relays, warnings } = resolveRelays(mainnet, []);
  t.is(relays.length, mainnet.length);
  t.true(relays.every(({ fromCommandLine }) => !fromCommandLine));
  t.deepEqual(warnings, []);
  t.deepEqual(directoryOf("constructor"), []);
});

test("a known name is that relay; with a URL it is that relay at that endpoint", (t) => {
  t.deepEqual(
    one("titan").relay,
    mainnet.find(({ name }) => name === "titan"),
  );
  t.deepEqual(one("titan").warnings, []);
  const elsewhere = one("titan=https://hoodi.example/x/");
  t.is(elsewhere.relay.url, "https://hoodi.example/x");
  t.is(elsewhere.relay.dialect, "helix");
  t.true(elsewhere.fromCommandLine);
  t.deepEqual(elsewhere.warnings, []);
  t.is(one("blocknative=https://archive.example").relay.state, "active");
  t.is(one("eden=https://archive.example").relay.aliasOf, null);
  t.regex(one("blocknative").warnings.join(), /ended/);
  t.regex(one("eden").warnings.join(), /repeats titan/);
});

test("an unknown name with a URL is a new relay: Flashbots dialect, 100 payloads a page", (t) => {
  const { relay, warnings } = one("my-relay=https://relay.example");
  t.like(relay, {
    name: "my-relay",
    dialect: "flashbots",
    payloadLimit: 100,
    state: "active",
    activeTo: null,
    pubkey: null,
  });
  t.deepEqual(warnings, []);
  t.regex(one("mine=https://titanrelay.xyz").warnings.join(), /titan/);
});

test("credentials are taken off the URL and kept as a header beside the relay; a key in their place is the relay's", (t) => {
  const key = `0x${"aB".repeat(48)}`;
  const known = one(`mine=https://${key}@relay.example:8443/`);
  t.is(known.relay.url, "https://relay.example:8443");
  t.is(known.relay.pubkey, key.toLowerCase());
  t.deepEqual(known.headers, {});
  const other = one("mine=https://me:s%3Acr%C3%A9t@relay.example");
  t.is(other.relay.url, "https://relay.example");
  t.is(other.relay.pubkey, null);
  t.deepEqual(other.headers, {
    authorization: `Basic ${Buffer.from("me:s:crét").toString("base64")}`,
  });
  t.deepEqual(one("titan").headers, {});
  fc.assert(
    fc.property(fc.string({ minLength: 1 }), fc.string({ minLength: 1 }), (user, password) => {
      const [u, p] = [encodeURIComponent(user), encodeURIComponent(password)];
      const { relay, headers, warnings } = one(`mine=http://${u}:${p}@10.0.0.1`);
      t.is(relay.url, "http://10.0.0.1");
      const said = Buffer.from(headers["authorization"]?.split(" ")[1] ?? "", "base64").toString();
      t.is(said, Buffer.from(`${user}:${password}`).toString());
      t.deepEqual(JSON.stringify([relay, warnings]).includes("@"), false);
    }),
  );
});

test("no message repeats a user or a password, however badly the URL is written", (t) => {
  for (const spec of [
    "x=http://me:hun/ter2@relay.example",
    "x=https://me:hunter2@relay.example?slot=1",
    "x=https://me:hunter2@relay.example/relay/v1/data",
    "x=https://me:hunter2%@relay.example",
    "x=me:hunter2@relay.example",
    "x=ftp://me:hunter2@relay.example",
    "X=https://me:hunter2@relay.example",
    "https://me:hunter2@relay.example",
    "x=https://me:hunter2@",
  ]) {
    const error = t.throws(() => resolveRelays(mainnet, [spec]), { instanceOf: UserError }, spec);
    t.notRegex(error.message, /hun|ter2|\bme\b/, spec);
  }
});

test("plain http and private addresses are taken from the command line, with a warning", (t) => {
  t.regex(one("mine=http://relay.example").warnings.join(), /plain http/);
  for (const host of ["127.0.0.1:9000", "[::1]", "localhost", "10.1.2.3", "0x7f.1"]) {
    t.regex(one(`mine=https://${host}/r`).warnings.join(), /private address/, host);
  }
});

test("a bad --relay ends in one line that says what to do, and exit code 2", (t) => {
  const cases: [string[], RegExp][] = [
    [["nobody"], /known are flashbots, ultrasound.*nobody=URL/],
    [["Titan"], /a-z, 0-9/],
    [["-x"], /a-z, 0-9/],
    [["a".repeat(41)], /1 to 40/],
    [["=https://x.example"], /1 to 40/],
    [["x="], /not a URL/],
    [["x=relay.example"], /not a URL/],
    [["x=ftp://relay.example"], /https or http/],
    [["x=file:///etc/passwd"], /https or http/],
    [["x=https://relay.example/?slot=1"], /leave out/],
    [["x=https://relay.example/relay/v1/data"], /before \/relay\/v1/],
    [["titan", "titan"], /twice/],
    [["titan", "titan=https://x.example"], /twice/],
    [["a=https://x.example", "b=https://x.example/"], /same endpoint/],
    [["x=\u001b[31m"], /not a URL/],
  ];
  for (const [specs, expected] of cases) {
    const error = t.throws(() => resolveRelays(mainnet, specs), { instanceOf: UserError });
    t.is(error.exitCode, 2);
    t.regex(error.message, expected);
    t.notRegex(error.message, /[\u0000-\u001f]/);
  }
});

test("private addresses are told from public ones, however they are written", (t) => {
  const privates = [
    "127.0.0.1 10.0.0.1 172.31.255.255 192.168.1.1 169.254.169.254 100.64.0.1 100.127.255.255 0.0.0.0 255.255.255.255",
    "224.0.0.1 198.18.0.1 ::1 :: fe80::1 fe80::1%eth0 fc00::1 fdff::1 ff02::1 ::ffff:127.0.0.1 ::ffff:a00:1",
    "::ffff:100.64.0.1 64:ff9b::7f00:1 64:ff9b::10.0.0.1 2002:7f00:1:: 2002:c0a8:101::1 ::127.0.0.1 2001::1 nonsense",
  ];
  const publics = [
    "8.8.8.8 172.32.0.1 172.15.255.255 100.63.255.255 100.128.0.1 11.0.0.1 192.167.1.1 126.255.255.255",
    "2606:4700::1111 ::ffff:8.8.8.8 64:ff9b::808:808 2002:808:808:: 2a00:1450:4001:81b::200e",
  ];
  for (const address of privates.join(" ").split(" ")) t.true(isPrivateAddress(address), address);
  for (const address of publics.join(" ").split(" ")) t.false(isPrivateAddress(address), address);
  fc.assert(
    fc.property(fc.ipV4(), (address) => {
      t.is(isPrivateAddress(`::ffff:${address}`), isPrivateAddress(address));
    }),
  );
});
