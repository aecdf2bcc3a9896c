import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import test from "ava";
import { serviceLog } from "../log.ts";
import { WAY_OUT_PATIENCE_SECONDS } from "../settings/shared.ts";
import { startServer } from "./server.ts";
import { WayOut } from "./wayOut.ts";

/** Something to connect to, and how often that was done. */
async function listener(port = 0) {
  const server = createServer((socket) => socket.destroy());
  let connections = 0;
  server.on("connection", () => connections++);
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  const destination = { host: "127.0.0.1", port: (server.address() as AddressInfo).port };
  const close = async () => {
    server.close();
    await once(server, "close");
  };
  return { destination, close, connections: () => connections };
}

test("a service has started once each destination was reached, and asks none of them again", async (t) => {
  const [here, there] = [await listener(), await listener()];
  await there.close();
  const lines: string[] = [];
  const wayOut = new WayOut({
    clock: { monotonic: () => 0 },
    log: serviceLog("info", { write: (line: string) => void lines.push(line) }),
    destinations: [here.destination, there.destination],
  });
  const name = `127.0.0.1:${there.destination.port}`;
  t.deepEqual(await wayOut.unreached(), [name]);
  t.deepEqual(await wayOut.unreached(), [name]);
  const again = await listener(there.destination.port);
  t.deepEqual(await wayOut.unreached(), []);
  t.deepEqual(await wayOut.unreached(), []);
  t.deepEqual([here.connections(), again.connections()], [1, 1]);
  t.deepEqual(lines, []);
  await Promise.all([here.close(), again.close()]);
});

test("an outage elsewhere keeps no service down: its time over, it starts and says so once", async (t) => {
  const gone = await listener();
  await gone.close();
  const lines: string[] = [];
  let now = 5000;
  const wayOut = new WayOut({
    clock: { monotonic: () => now },
    log: serviceLog("info", { write: (line: string) => void lines.push(line) }),
    destinations: [gone.destination],
  });
  now += 1000 * WAY_OUT_PATIENCE_SECONDS - 1;
  t.is((await wayOut.unreached()).length, 1);
  now += 1;
  for (let turn = 0; turn < 3; turn++) t.deepEqual(await wayOut.unreached(), []);
  t.is(lines.length, 1);
  t.regex(lines[0] ?? "", /"severity":"WARNING".*ECONNREFUSED.*started without having reached/);
});

test("GET /started answers 503 until connections get out; /health and /ready don't ask for any", async (t) => {
  let left = ["one.one.one.one:443"];
  const server = await startServer({
    port: 0,
    host: "127.0.0.1",
    service: { stopping: false, tick: () => Promise.reject(new Error("nobody ticks")) },
    wayOut: { unreached: async () => Promise.resolve(left) },
    project: undefined,
    log: serviceLog("error"),
  });
  const ask = async (path: string) => {
    const answer = await fetch(`http://127.0.0.1:${server.port}${path}`);
    return [answer.status, await answer.json()] as const;
  };
  t.deepEqual(await ask("/started"), [503, { started: false, unreached: ["one.one.one.one:443"] }]);
  t.is((await ask("/health"))[0], 200);
  t.is((await ask("/ready"))[0], 200);
  left = [];
  t.deepEqual(await ask("/started"), [200, { started: true, unreached: [] }]);
  await server.close();
});
