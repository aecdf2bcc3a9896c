import type { SlotRange } from "../chain/slots.ts";
import { VERDICTS } from "../payments/verdict.ts";
import { type PaymentsSource, type VerifySummary, verifyPayments } from "../payments/verify.ts";
import { type Context, contextOf, stopSignal, tellRange } from "./context.ts";
import { openWarehouse } from "./load.ts";
import { loadedScope } from "./loadedScope.ts";
import { grouped } from "./numbers.ts";
import type { CommonOptions } from "./options.ts";
import { tableText } from "./tables.ts";

/** What each verdict says, for the person. */
const MEANINGS: Readonly<Record<(typeof VERDICTS)[number], string>> = {
  exact: "paid what was claimed",
  more: "the recipient got more",
  less: "no step found all of it: a reason to look, no proof",
  untestable: "it passes all on at once, or the state is pruned",
  not_found: "the chain has no such block",
  not_canonical: "another block is in its place",
};

/** `verify`: was each delivered payload paid? Exit 3 where one was paid less. */
export async function verify(options: CommonOptions & { chain: string; again: boolean }): Promise<number> {
  const context = contextOf(options);
  const { clock, say, note, print } = context;
  const source = await chainSource(options.chain);
  const warehouse = await openWarehouse(options, context);
  const signal = stopSignal(note);
  try {
    const scope = await loadedScope(options, context, warehouse);
    tellRange(options, context, scope.range);
    const { verdicts, left, pruned } = await verifyPayments({
      warehouse,
      clock,
      source,
      scope,
      again: options.again,
      signal,
      progress: progressLine(options.quiet),
    });
    if (options.json) process.stdout.write(`${JSON.stringify({ verdicts, left })}\n`);
    else print(`\n${tableOf(verdicts)}\n`);
    if (left > 0)
      note(
        `${grouped(left)} payloads have no verdict yet: their blocks aren't final, or ${source.kind === "xatu" ? "not in the files" : "the node has none of that time"}`,
      );
    if (pruned)
      say(
        source.kind === "xatu"
          ? "the files lack the balance changes of some blocks: fetch those too, then --again"
          : "the node no longer keeps the balances of some blocks: an archive node can tell of them, with --again",
      );
    if (signal.aborted) note("stopped: the same command goes on");
    return (verdicts.less ?? 0) > 0 ? 3 : 0;
  } finally {
    await warehouse.close();
    if (source.kind === "xatu") source.blocks.close();
  }
}

/** Holds what a run on the simulated network delivered against the simulated chain, so that its tables show that too. */
export async function verifySimulated(
  options: CommonOptions,
  context: Context,
  range: SlotRange,
  node: string,
): Promise<string> {
  const { network, clock } = context;
  const { openRpc } = await import("../nodes/rpc.ts");
  const warehouse = await openWarehouse(options, context);
  try {
    const scope = { network, range, nowMs: clock.now() };
    const source = { kind: "rpc", rpc: openRpc(node) } as const;
    const { verdicts, left } = await verifyPayments({ warehouse, clock, scope, source });
    const told = VERDICTS.flatMap((verdict) =>
      verdicts[verdict] ? [`${verdicts[verdict]} ${verdict.replace("_", " ")}`] : [],
    );
    return `payments held against the chain: ${told.join(", ") || "none"}; ${left} of blocks that aren't final yet`;
  } finally {
    await warehouse.close();
  }
}

function tableOf(verdicts: VerifySummary["verdicts"]): string {
  const rows = VERDICTS.map((verdict) => [verdict, grouped(verdicts[verdict] ?? 0), MEANINGS[verdict]]);
  return tableText(["verdict", "payloads", "meaning"], rows, {
    gap: "  ",
    left: [0, 2],
    widths: [13, 8, 55],
  });
}

/** How far it is, on a terminal alone. */
function progressLine(quiet: boolean): (done: number, total: number) => void {
  const { stderr } = process;
  if (quiet || !stderr.isTTY) return () => {};
  return (done, total) =>
    void stderr.write(`\r${grouped(done)} of ${grouped(total)} payloads${done === total ? "\n" : ""}`);
}

async function chainSource(given: string): Promise<PaymentsSource> {
  if (/^https?:\/\//.test(given)) {
    const { checkedUrl } = await import("../nodes/nodeEndpoint.ts");
    const { openRpc } = await import("../nodes/rpc.ts");
    return { kind: "rpc", rpc: openRpc(checkedUrl(given, "--chain")) };
  }
  const { openXatu } = await import("../payments/xatuFacts.ts");
  return { kind: "xatu", blocks: await openXatu(given) };
}
