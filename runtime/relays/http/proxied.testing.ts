import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync } from "node:fs";
import { type IncomingMessage, type ServerResponse, createServer, request } from "node:http";
import { type Server as TlsServer, createServer as createTlsServer } from "node:https";
import { type AddressInfo, type Socket, connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ExecutionContext } from "ava";
import { listen } from "./served.testing.ts";

/** A forward proxy on loopback, and what it was asked for. */
export interface ServedProxy {
  /** `CONNECT host:port`, or a method and an absolute URL, in order. */
  readonly asked: string[];
  readonly authorizations: (string | undefined)[];
  /** Sockets on which a CONNECT came. */
  readonly tunnels: Socket[];
  readonly url: string;
}

/** Whatever host is named, the proxy leads to `target`, a port on loopback; `refusal` is the status by which it refuses. */
export async function serveProxy(
  t: ExecutionContext,
  target: number,
  refusal?: number,
): Promise<ServedProxy> {
  const asked: string[] = [];
  const authorizations: (string | undefined)[] = [];
  const tunnels: Socket[] = [];
  const server = createServer((incoming, response) => {
    asked.push(`${incoming.method} ${incoming.url}`);
    authorizations.push(incoming.headers["proxy-authorization"]);
    const { pathname, search } = new URL(incoming.url ?? "");
    const onward = request(
      { port: target, path: `${pathname}${search}`, headers: incoming.headers },
      (answer) => {
        response.writeHead(answer.statusCode ?? 0, answer.headers);
        answer.pipe(response);
      },
    );
    onward.end();
  });
  server.on("connect", (incoming: IncomingMessage, socket: Socket) => {
    asked.push(`CONNECT ${incoming.url}`);
    authorizations.push(incoming.headers["proxy-authorization"]);
    if (refusal !== undefined) {
      socket.end(`HTTP/1.1 ${refusal} No\r\nContent-Length: 0\r\n\r\n`);
      return;
    }
    tunnels.push(socket);
    const onward = connect(target, "127.0.0.1", () => {
      socket.write("HTTP/1.1 200 Connection Established\r\n\r\n");
      socket.pipe(onward).pipe(socket);
    });
    for (const end of [socket, onward])
      end.on("error", () => [socket, onward].forEach((other) => other.destroy()));
    t.teardown(() => onward.destroy());
  });
  t.teardown(() => server.closeAllConnections());
  return { asked, authorizations, tunnels, url: new URL(await listen(t, server)).origin };
}

/** A relay over TLS on loopback, with a certificate of its own making; the port. */
export async function serveTls(
  t: ExecutionContext,
  handler: (incoming: IncomingMessage, response: ServerResponse) => void,
): Promise<number> {
  const server: TlsServer = createTlsServer(selfSigned(), handler);
  server.keepAliveTimeout = 0;
  t.teardown(() => server.closeAllConnections());
  await listen(t, server);
  return (server.address() as AddressInfo).port;
}

function selfSigned(): { key: Buffer; cert: Buffer } {
  const folder = mkdtempSync(join(tmpdir(), "etl-tls-"));
  const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")];
  const words = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const where = ["-keyout", key, "-out", cert, "-subj", "/CN=relay.test", "-days", "2"];
  execFileSync("openssl", [...words, ...where], { stdio: "pipe" });
  return { key: readFileSync(key), cert: readFileSync(cert) };
}
