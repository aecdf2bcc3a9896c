import { VERDICTS } from "../payments/verdict.ts";
import { type ChainSource, verifyPayments } from "../payments/verify.ts";
import { contextOf, stopSignal } from "./context.ts";
import { openWarehouse } from "./load.ts";
import { loadedScope } from "./loadedScope.ts";
import type { CommonOptions } from "./options.ts";
import { tableText } from "./tables.ts";

/** What each verdict says, for the person. */
const MEANINGS: Readonly<Record<(typeof VERDICTS)[number], string>> = {
  exact: "paid what was claimed",
  more: "the recipient got more",
  less: "no step found the whole value: look at them, this proves nothing",
  untestable: "nothing could tell: a recipient that passes on, or no archive node",
  not_found: "the chain has no such block",
  not_canonical: "another block is in its place",
};

/** `verify`: was each delivered payload paid? Exit 3 where one was paid less. */
export async function verify(options: CommonOptions & { chain: string; again: boolean }): Promise<number> {
  const context = contextOf(options);
  const { network, clock, say } = context;
  const source = await chainSource(options.chain);
  const warehouse = await openWarehouse(options, context);
  const signal = stopSignal(say);
  try {
    const { range, relays } = await loadedScope(options, context, warehouse);
    const shown = process.stderr.isTTY && !options.quiet;
    const { verdicts, left, pruned } = await verifyPayments({
      warehouse,
      network,
      clock,
      source,
      range,
      again: options.again,
      signal,
      ...(relays ? { relays } : {}),
      ...(shown ? { progress: (done, total) => process.stderr.write(`\r${done} of ${total} payloads`) } : {}),
    });
    if (shown) process.stderr.write("\n");
    if (options.json) process.stdout.write(`${JSON.stringify({ verdicts, left })}\n`);
    else {
      const rows = VERDICTS.map((verdict) => [verdict, String(verdicts[verdict] ?? 0), MEANINGS[verdict]]);
      process.stdout.write(
        `${tableText(["verdict", "payloads", "meaning"], rows, { gap: "  ", left: [0, 2], widths: [13, 8, 66] })}\n`,
      );
      if (left > 0)
        process.stdout.write(
          `${left} payloads have no verdict yet: their blocks aren't final, or not in the files\n`,
        );
    }
    if (pruned) say("the node no longer keeps the balances of some blocks: an archive node can tell of them");
    if (signal.aborted) say("stopped; the same command goes on");
    return (verdicts.less ?? 0) > 0 ? 3 : 0;
  } finally {
    await warehouse.close();
    if (source.kind === "xatu") source.blocks.close();
  }
}

async function chainSource(given: string): Promise<ChainSource> {
  if (/^https?:\/\//.test(given)) {
    const { checkedUrl } = await import("../nodes/nodeEndpoint.ts");
    const { openRpc } = await import("../nodes/rpc.ts");
    return { kind: "rpc", rpc: openRpc(checkedUrl(given)) };
  }
  const { openXatu } = await import("../payments/xatuFacts.ts");
  return { kind: "xatu", blocks: await openXatu(given) };
}
