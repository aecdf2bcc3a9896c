import test from "ava";
import { serviceLog } from "../log.ts";
import { startServer } from "./server.ts";

test("a tick that is answered while the server closes leaves no connection that the server waits for", async (t) => {
  t.timeout(20_000);
  let answer = () => {};
  let begun = () => {};
  const beginning = new Promise<void>((resolve) => (begun = resolve));
  const service = {
    stopping: false,
    tick: async () => {
      begun();
      await new Promise<void>((resolve) => (answer = resolve));
      return { status: 503, body: {} };
    },
  };
  const server = await startServer({
    port: 0,
    host: "127.0.0.1",
    service,
    project: undefined,
    log: serviceLog("error"),
  });
  const tick = fetch(`http://127.0.0.1:${server.port}/tick`, { method: "POST" });
  await beginning;
  service.stopping = true;
  const closed = server.close();
  answer();
  const { status, headers } = await tick;
  t.is(status, 503);
  t.is(headers.get("connection"), "close");
  await closed;
});
