import { join } from "node:path";
import test from "ava";
import { fixedDateClock } from "../chain/clock.ts";
import { simulatedNetwork } from "../chain/networks.ts";
import { slotStartMs } from "../chain/slots.ts";
import { openFolderLake } from "../lake/folder/folder.ts";
import { silentLog } from "../log.ts";
import { openRpc } from "../nodes/rpc.ts";
import { writeXatu } from "../nodes/xatuFiles.testing.ts";
import { startSimulator } from "../simulator/server.ts";
import { openDuckDb } from "../warehouse/duckdb/duckdb.ts";
import { newFolder, put, relayNamed, rowOf } from "../warehouse/warehouse.testing.ts";
import { rpcFacts } from "./rpcFacts.ts";
import { verifyPayments } from "./verify.ts";
import { openXatu } from "./xatuFacts.ts";

const seed = 5;
const network = simulatedNetwork(seed);
const [FIRST, LAST, HEAD] = [3200, 3391, 6400];
const COLUMNS = "slot, block_hash, claimed, paid, difference, verdict, method, short_by";

test("of what the simulated relays delivered, an execution node and xatu's files tell the same payments, and those are the truth", async (t) => {
  const clock = fixedDateClock(slotStartMs(network, HEAD));
  const simulator = await startSimulator({ seed, clock, faults: "none" });
  t.teardown(() => simulator.close());
  const { truth, relays } = simulator;
  const folder = await newFolder(t);
  const lake = openFolderLake(join(folder, "lake"), network.name);
  const warehouse = openDuckDb(join(folder, "w.duckdb"), network, { clock, log: silentLog });
  t.teardown(() => warehouse.close());
  const wanted = new Map<string, string>();
  const rows = new Map<number, ReturnType<typeof rowOf>[]>();
  for (let slot = FIRST; slot <= LAST; slot++)
    for (const { name } of relays.filter(({ state }) => state === "active")) {
      const [raw] = truth.payloads(name, slot);
      if (!raw || raw.quirk) continue;
      const { hash, number, value } = raw.block;
      const { payment, isCanonical } = truth.chain.byHash(hash) ?? {};
      wanted.set(
        `${slot} ${hash}`,
        !payment
          ? "not_found block"
          : isCanonical
            ? `${payment.verdict} ${payment.method}`
            : "not_canonical block",
      );
      rows.set(slot, [
        rowOf(slot, 1, {
          block_hash: hash,
          block_number: String(number),
          proposer_fee_recipient: raw.feeRecipient,
          value,
        }),
      ]);
    }
  await put(lake, network, "payloads", "heron", { rows: new Map([...rows].filter(([slot]) => slot < 3520)) });
  await warehouse.load(lake, [relayNamed("heron")]);
  const scope = { network, range: { first: FIRST, last: LAST }, nowMs: clock.now() };
  const rpc = openRpc(simulator.nodes.execution);
  const summary = await verifyPayments({ warehouse, clock, scope, source: { kind: "rpc", rpc } });
  t.deepEqual([summary.left, summary.pruned], [0, false]);
  const byNode = await warehouse.query(`SELECT ${COLUMNS} FROM payments ORDER BY slot`);
  t.deepEqual(
    byNode.map(({ slot, block_hash, verdict, method }) => [slot, block_hash, verdict, method]),
    [...wanted].map(([key, outcome]) => [...key.split(" "), ...outcome.split(" ")]),
  );
  const seen = new Set(byNode.map(({ method }) => method));
  for (const method of ["balance", "last_transaction", "forwarder", "shortfall", "block"])
    t.true(seen.has(method), `a payment of each kind: ${method}`);

  const onChain = Array.from({ length: LAST - FIRST + 1 }, (_, index) => truth.chain.at(FIRST + index));
  await writeXatu(
    rpc,
    onChain.flatMap((block) => block ?? []),
    folder,
  );
  const blocks = await openXatu(folder);
  t.teardown(() => blocks.close());
  await verifyPayments({ warehouse, clock, scope, source: { kind: "xatu", blocks }, again: true });
  const columns = `${COLUMNS} FROM payments WHERE source = 'xatu' ORDER BY slot`;
  t.deepEqual(
    await warehouse.query(`SELECT ${columns}`),
    byNode.filter(({ verdict }) => verdict !== "not_found"),
  );
  // A payload may have its block's number wrong, as 0, or not at all.
  const [one, other] = onChain.filter((block) => block !== undefined);
  for (const blockNumber of [one?.number ?? 0, other?.number ?? 0, 0, null]) {
    const claim = { slot: one?.slot ?? 0, blockHash: one?.hash ?? "", blockNumber, recipient: "0x", due: 1n };
    const told = await blocks.facts([claim]);
    t.deepEqual(
      Array.from(told.values(), ({ state }) => state),
      ["canonical"],
    );
    t.is((await rpcFacts(rpc, claim, network))?.state, "canonical");
  }
});
