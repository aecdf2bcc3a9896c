import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import test, { type ExecutionContext } from "ava";
import { UserError } from "../errors.ts";
import { isForbidden } from "./forbidden.ts";
import { readRelayHeaders } from "./relayHeaders.ts";
import { headerSources, overriddenRelays } from "../settings/relayOverrides.ts";
import { secretReader } from "./secretManager.ts";

const version = (secret: string, number = "1") => `projects/a-project/secrets/${secret}/versions/${number}`;

/** A Secret Manager that holds these texts, and the paths that it was asked for; a number is a status to refuse with. */
async function secretManager(t: ExecutionContext, held: Readonly<Record<string, string | number>>) {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const path = request.url ?? "";
    asked.push(path);
    const text = held[/^\/v1\/(.*):access$/.exec(path)?.[1] ?? ""] ?? 404;
    const [status, body] =
      typeof text === "number"
        ? [text, { error: { code: text, message: "swordfish isn't yours" } }]
        : [200, { payload: { data: Buffer.from(text).toString("base64") } }];
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return { read: secretReader(`127.0.0.1:${(server.address() as AddressInfo).port}`), asked };
}

const overrides = {
  mine: {
    url: "https://relay.example",
    headers: { "X-Api-Key": version("key"), Authorization: version("pass", "latest") },
  },
  other: { url: "https://other.example", headers: { "X-Api-Key": version("key") } },
  silent: { url: "https://silent.example", off: true, headers: { "X-Api-Key": version("gone") } },
  frontier: { headers: { "X-Api-Key": version("gone") } },
};

test("headers hold what their secrets hold; each is read once, and none of a relay that isn't asked", async (t) => {
  const { read, asked } = await secretManager(t, {
    [version("key")]: "swordfish\n",
    [version("pass", "latest")]: "Bearer hunter2",
  });
  const headers = await readRelayHeaders(headerSources("mainnet", overrides), read);
  t.deepEqual(Object.fromEntries(headers), {
    mine: { "x-api-key": "swordfish", authorization: "Bearer hunter2" },
    other: { "x-api-key": "swordfish" },
  });
  t.deepEqual(asked, [`/v1/${version("key")}:access`, `/v1/${version("pass", "latest")}:access`]);
  t.deepEqual(
    headerSources("mainnet", overrides, ["other"]).map(({ relay, project, secret }) => [
      relay,
      project,
      secret,
    ]),
    [["other", "a-project", "key"]],
  );
  t.notRegex(JSON.stringify(overriddenRelays("mainnet", overrides)), /secrets|X-Api-Key/i);
});

test("a secret that can't be read says which, and what to do; a refusal is one for want of a grant", async (t) => {
  const { read } = await secretManager(t, {
    [version("forbidden")]: 403,
    [version("disabled")]: 400,
    [version("lines")]: "sword\nfish",
    [version("empty")]: "",
  });
  const sources = (secret: string) =>
    headerSources("mainnet", {
      mine: { url: "https://relay.example", headers: { "X-Api-Key": version(secret) } },
    });
  for (const [secret, exitCode, says] of [
    ["none", 2, /can't read projects\/a-project\/secrets\/none\/versions\/1: there is no such secret/],
    ["disabled", 2, /disabled or destroyed; enable it/],
    [
      "forbidden",
      1,
      /grant this account roles\/secretmanager\.secretAccessor on projects\/a-project\/secrets\/forbidden$/,
    ],
    ["lines", 2, /mine: its header x-api-key can't be sent: .*\/lines\/.* one line of printable ASCII/],
    ["empty", 2, /can't be sent/],
  ] as const) {
    const error = await t.throwsAsync(
      readRelayHeaders(sources(secret), read),
      { instanceOf: UserError },
      secret,
    );
    t.is(error.exitCode, exitCode, secret);
    t.regex(error.message, says);
    t.notRegex(error.message, /sword|fish/);
    t.is(isForbidden(error), secret === "forbidden", secret);
  }
});
