import test from "ava";
import { prices } from "../prices.ts";
import { KNOWN_MACHINE_TYPES, SYSTEM_MACHINE_TYPE, askedFor, nodeRoom } from "./nodes.ts";
import { NODE } from "./shared.ts";

test("a worker of the defaults fits on its node, with a fifth of the room to spare", (t) => {
  const room = nodeRoom(NODE.machineType);
  if (!room) return t.fail(`no figures of ${NODE.machineType}`);
  const asked = askedFor(NODE);
  t.true(asked.cpu <= 0.8 * room.cpu, `${asked.cpu} of ${room.cpu}`);
  t.true(asked.memory <= 0.8 * room.memory, `${asked.memory} of ${room.memory}`);
  t.true(asked.cpu > 0.6 * room.cpu, "and no more than it needs to spare");
});

test("the prices of nodes are those of the machines that are deployed", (t) => {
  t.regex(prices.nodeSpot.source, new RegExp(`spot-vms/pricing, ${NODE.machineType};`));
  t.regex(prices.systemNode.source, new RegExp(`vm-instance-pricing, ${SYSTEM_MACHINE_TYPE}$`));
});

test("room is what Google's documents leave of a machine, less the node's own pods", (t) => {
  // 2000m - 1060m, and 4 GiB - 25 % - 5 % - 100 MiB.
  t.deepEqual(nodeRoom("e2-medium"), { cpu: 940 - 479, memory: 2767 - 661 });
  // 2000m - 6 % of one and 1 % of the other; 8 GiB - 25 % of four, 20 % of four and 5 % - 100 MiB.
  t.deepEqual(nodeRoom("e2-standard-2"), { cpu: 1930 - 479, memory: 5839 - 661 });
  t.is(nodeRoom("e2-standard-4")?.cpu, 3920 - 479);
  for (const unknown of ["x9-huge", "toString", ""]) t.is(nodeRoom(unknown), undefined, unknown);
  for (const known of KNOWN_MACHINE_TYPES) t.true((nodeRoom(known)?.cpu ?? -1) >= 0, known);
});

test("what a pod asks for is read in all forms that config takes", (t) => {
  t.deepEqual(askedFor({ cpu: "350m", memory: "512Mi" }), { cpu: 350, memory: 512 });
  t.deepEqual(askedFor({ cpu: "2", memory: "3Gi" }), { cpu: 2000, memory: 3072 });
});
