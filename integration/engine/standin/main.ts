// A provider that pretends: main.js PACKAGE VERSION [ENGINE], with ETL_STANDIN_CLOUD the folder that is the cloud.
import { connect } from "node:net";
import { Server, ServerCredentials } from "@grpc/grpc-js";
import rpc from "@pulumi/pulumi/proto/provider_grpc_pb.js";
import { Cloud } from "./cloud.ts";
import { implementation, Provider } from "./provider.ts";

const [, , packageName, version = "", ...rest] = process.argv;
const folder = process.env["ETL_STANDIN_CLOUD"];
if (packageName === undefined || folder === undefined) {
  process.stderr.write("usage: ETL_STANDIN_CLOUD=FOLDER main.js PACKAGE VERSION [ENGINE]\n");
  process.exit(2);
}

const MAX_MESSAGE = 400 << 20;
const server = new Server({
  "grpc.max_receive_message_length": MAX_MESSAGE,
  "grpc.max_send_message_length": MAX_MESSAGE,
});
server.addService(rpc.ResourceProviderService, implementation(new Provider(new Cloud(folder), version)));
server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  // The engine reads the port from the first line.
  process.stdout.write(`${port}\n`);
});
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => process.exit(0));

// An engine that was killed says nothing: without it nobody would end this process.
const engine = rest.find((argument) => /^[\d.]+:\d+$/.test(argument));
if (engine !== undefined) {
  const [host = "", port = ""] = engine.split(":");
  const look = () => {
    const socket = connect(Number(port), host, () => socket.destroy());
    socket.on("error", () => process.exit(0));
  };
  setInterval(look, 2000).unref();
}
