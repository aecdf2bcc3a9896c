// One side of the bench of payments: `serve` is a node, `verify` holds a day against it or xatu's files and tells time and memory.
import { isDeepStrictEqual } from "node:util";
import { systemClock } from "../runtime/chain/clock.ts";
import { simulatedNetwork } from "../runtime/chain/networks.ts";
import { silentLog } from "../runtime/log.ts";
import { openRpc } from "../runtime/nodes/rpc.ts";
import { type PaymentsSource, verifyPayments } from "../runtime/payments/verify.ts";
import { openXatu } from "../runtime/payments/xatuFacts.ts";
import { openDuckDb } from "../runtime/warehouse/duckdb/duckdb.ts";
import { wantedVerdicts } from "./verify.ts";
import { BLOCKS, startVerifyNode } from "./verifyNode.ts";

const [, , what, path = "", given = ""] = process.argv;

if (what === "serve") process.send?.(await startVerifyNode());
else {
  const network = simulatedNetwork(1);
  const warehouse = openDuckDb(path, network, { clock: systemClock, log: silentLog });
  const scope = { network, range: { first: 1, last: BLOCKS }, nowMs: systemClock.now() };
  const started = performance.now();
  const source: PaymentsSource = given.startsWith("http:")
    ? { kind: "rpc", rpc: openRpc(given) }
    : { kind: "xatu", blocks: await openXatu(given) };
  const { verdicts, left } = await verifyPayments({
    warehouse,
    clock: systemClock,
    scope,
    source,
    again: true,
  });
  const s = (performance.now() - started) / 1000;
  await warehouse.close();
  const wanted = wantedVerdicts();
  if (!isDeepStrictEqual(verdicts, wanted) || left > 0)
    throw new Error(`${JSON.stringify(verdicts)} and ${left} left, not ${JSON.stringify(wanted)}`);
  process.send?.({ s, mb: process.resourceUsage().maxRSS / 1024 });
  process.exit(0);
}
