import { once } from "node:events";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import test, { type ExecutionContext } from "ava";
import fc from "fast-check";
import { systemClock } from "../../chain/clock.ts";
import { MalformedAnswerError } from "../../datasets/answer.ts";
import { messageOf } from "../../errors.ts";
import { ByteBudget } from "./budget.ts";
import { RelayClient } from "./client.ts";
import { unknownRelay } from "../directory.ts";
import { headerNameFault, headerValue } from "../headers.ts";

/** A server that keeps the headers that it was sent, and answers with a status. */
async function listening(t: ExecutionContext, status: number) {
  const seen: IncomingHttpHeaders[] = [];
  const server = createServer((request, response) => {
    seen.push(request.headers);
    response.writeHead(status, { location: "http://127.0.0.1:1/elsewhere" }).end("[]");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.teardown(() => server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen };
}

const secret = { authorization: "Basic aHVudGVyMg==", "x-api-key": "hunter2", "user-agent": "somebody" };

function clientOf(t: ExecutionContext, url: string, headers?: Readonly<Record<string, string>>) {
  const budget = new ByteBudget();
  const relay = unknownRelay("mine", url);
  const client = new RelayClient(relay, {
    clock: systemClock,
    budget,
    allowPrivate: true,
    limits: { attempts: 1 },
    ...(headers ? { headers } : {}),
  });
  t.teardown(() => client.close());
  return client;
}

test("a relay's headers go with each request to it, over the usual ones", async (t) => {
  const { url, seen } = await listening(t, 200);
  const client = clientOf(t, url, secret);
  await client.ask({ kind: "bids", slot: 5_000_000 }, () => {});
  const plain = clientOf(t, url);
  await plain.ask({ kind: "bids", slot: 5_000_000 }, () => {});
  const [first, second] = seen;
  t.like(first, { ...secret, accept: "application/json", "accept-encoding": "gzip" });
  t.is(second?.["user-agent"], "mev-boost-etl");
  t.is(second?.["authorization"], undefined);
});

test("they follow no redirect, and stand in no error and in nothing that shows the client", async (t) => {
  const { url, seen } = await listening(t, 302);
  const client = clientOf(t, url, secret);
  const error = await t.throwsAsync(client.ask({ kind: "bids", slot: 5_000_000 }, () => {}));
  t.is(seen.length, 1);
  t.regex(messageOf(error), /redirects \(302\)/);
  const { inspect } = await import("node:util");
  t.notRegex(inspect([error, client], { depth: 9 }), /hunter2|aHVudGVyMg/);
  t.notRegex(JSON.stringify([error, client]), /hunter2|aHVudGVyMg/);
});

test("a header's name and value are what HTTP can carry, and none that the client sets itself", (t) => {
  for (const name of ["X-Api-Key", "authorization", "Cookie", "user-agent"])
    t.is(headerNameFault(name), undefined, name);
  for (const name of ["", "X Api Key", "x:y", "ключ", "x\r\n"]) t.regex(headerNameFault(name) ?? "", /isn't/);
  for (const name of ["Host", "accept-encoding", "Content-Length"])
    t.regex(headerNameFault(name) ?? "", /itself/);
  t.is(headerValue(" Bearer abc\n"), "Bearer abc");
  for (const value of ["", " \n", "two\nlines", "a\u0000b", "schlüssel"]) t.is(headerValue(value), undefined);
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      const value = headerValue(text);
      if (value !== undefined) t.notThrows(() => new Headers({ "x-any": value }));
    }),
  );
});

test("what a relay repeats of them is crossed out, in refusals and in answers that can't be taken, however far in it stands", async (t) => {
  for (const status of [400, 200]) {
    for (const before of [0, 120, 155, 400]) {
      const server = createServer((request, response) => {
        const echo = `${"x".repeat(before)}${String(request.headers["x-api-key"])} ${String(request.headers.authorization)}`;
        response.writeHead(status).end(status === 200 ? `[{"message":"${echo}"}]` : echo);
      });
      server.listen(0, "127.0.0.1");
      await once(server, "listening");
      t.teardown(() => server.close());
      const client = clientOf(t, `http://127.0.0.1:${(server.address() as AddressInfo).port}`, secret);
      const question = client.ask({ kind: "bids", slot: 5_000_000 }, ({ body }) => {
        throw new MalformedAnswerError(body.toString());
      });
      const error = await t.throwsAsync(question);
      t.notRegex(messageOf(error), /hunt|aHVud/);
    }
  }
});
