import test from "ava";
import { UserError } from "../errors.ts";
import { directoryOf, resolveRelays } from "../relays/directory.ts";
import { headersOf, limitsOf } from "./relaySpecs.ts";

const { relays } = resolveRelays(directoryOf("mainnet"), [
  "titan",
  "mine=https://me:hunter2@relay.example",
  "other=https://other.example",
]);
const env = { RELAY_KEY: " swordfish\n", EMPTY: " ", LINES: "sword\nfish" };

test("headers come from URLs and from environment variables, by relay, names in lower case", (t) => {
  const headers = headersOf(["other: X-Api-Key: RELAY_KEY", "mine:X-Api-Key:RELAY_KEY"], relays, env);
  t.deepEqual(
    [...headers],
    [
      [
        "mine",
        {
          authorization: `Basic ${Buffer.from("me:hunter2").toString("base64")}`,
          "x-api-key": "swordfish",
        },
      ],
      ["other", { "x-api-key": "swordfish" }],
    ],
  );
  t.deepEqual([...headersOf([], relays, env).keys()], ["mine"]);
});

test("page limits are by relay", (t) => {
  t.deepEqual(
    [...limitsOf(["titan=50", "mine=1000"], relays)],
    [
      ["titan", 50],
      ["mine", 1000],
    ],
  );
});

test("a bad header or limit ends in one line that says what to do, exit code 2, and repeats no value", (t) => {
  const cases: [() => unknown, RegExp][] = [
    ...(
      [
        ["X-Api-Key: swordfish", /write 'NAME: Header: ENVVAR'/],
        ["other: Authorization: Bearer swordfish", /write 'NAME: Header: ENVVAR'/],
        ["other: X: RELAY_KEY: swordfish", /write 'NAME: Header: ENVVAR'/],
        ["other: X-Api-Key: swordfish", /isn't set or is empty; export it/],
        ["other: X-Api-Key: EMPTY", /isn't set or is empty; export it/],
        ["other: X-Api-Key: LINES", /printable ASCII, one line/],
        ["other: X Api Key: RELAY_KEY", /isn't the name of an HTTP header/],
        ["other: Host: RELAY_KEY", /set by the client itself/],
        ["mine: Authorization: RELAY_KEY", /given twice.*in the relay's URL/],
        ["nobody: X-Api-Key: RELAY_KEY", /no such relay here; there are titan, mine, other/],
      ] as const
    ).map(([spec, says]): [() => unknown, RegExp] => [() => headersOf([spec], relays, env), says]),
    ...(
      [
        ["titan", /write NAME=N, N from 10 to 1000/],
        ["titan=9", /N from 10 to 1000/],
        ["titan=1001", /N from 10 to 1000/],
        ["titan=ten", /N from 10 to 1000/],
        ["agnostic=100", /no such relay here; there are titan, mine, other/],
      ] as const
    ).map(([spec, says]): [() => unknown, RegExp] => [() => limitsOf([spec], relays), says]),
    [() => limitsOf(["titan=50", "titan=60"], relays), /given twice/],
  ];
  for (const [work, says] of cases) {
    const error = t.throws(work, { instanceOf: UserError });
    t.is(error.exitCode, 2);
    t.regex(error.message, says);
    t.notRegex(error.message, /swordfish|hunter2|\n/);
  }
});
