import { slotCount } from "../chain/slots.ts";
import { storedRange } from "../collect/coverage.ts";
import { recheck } from "../collect/recheck.ts";
import { type Tally, countsOf, sumOver } from "../collect/tally.ts";
import type { DatasetName } from "../datasets/dataset.ts";
import { UserError, printable } from "../errors.ts";
import { startAsking } from "./asking.ts";
import { contextOf, lakeToRead, rangeOf, stopSignal, tellRange } from "./context.ts";
import { coverageTables, rangesText } from "./coverageTable.ts";
import { COMMAND } from "./invoked.ts";
import { loadInto } from "./load.ts";
import type { CommonOptions } from "./options.ts";
import { grouped } from "./numbers.ts";
import { progressOn } from "./progress.ts";
import { importedSlots } from "./importedSlots.ts";
import { coverageOfAll } from "../collect/coverageOfAll.ts";
import { exitCodeOf } from "./summary.ts";

/** `recheck`: ask covered slots again, compare, load what changed. Returns the exit code. */
export async function recheckCommand(
  options: CommonOptions & { sample: number; accept: boolean; empty: boolean },
): Promise<number> {
  const context = contextOf(options);
  const { network, clock, log, datasets, say, note, print } = context;
  const lake = await lakeToRead(options, network);
  const range = rangeOf(options, context) ?? (await storedRange(lake, datasets));
  if (!range)
    throw new UserError(`the lake ${lake.url} holds nothing of ${network.name} yet; ${COMMAND} run collects`);
  const stop = stopSignal(note);
  const asking = await startAsking(options, context, stop);
  try {
    tellRange(options, context, range);
    const progress = progressOn(process.stderr, { quiet: options.quiet, clock, clients: asking.clients });
    const { sample, accept } = options;
    const common = { network, lake, clock, log, sources: asking.sources, datasets, range, stop };
    const tallies = await recheck({
      ...common,
      onTally: (tally) => progress.add(tally),
      accept,
      onlyEmpty: options.empty,
      chosen: () => Math.random() < sample,
    }).finally(() => progress.stop());
    const loaded = stop.aborted ? undefined : await loadInto(options, context, lake, asking.relays);
    const { coverage, faults } = await coverageOfAll(
      lake,
      { network, range, nowMs: clock.now(), imported: await importedSlots(options, network) },
      asking.relays,
      datasets,
    );
    const unanswered = unansweredOf(tallies, datasets);
    const failed = unanswered
      .flatMap(({ ranges }) => ranges)
      .reduce((total, range) => total + slotCount(range), 0);
    const [asked, differing] = (["wanted", "differing"] as const).map((key) =>
      tallies.reduce((total, tally) => total + sumOver(tally, key), 0),
    ) as [number, number];
    const result = { asked, differing, failed };
    if (options.json)
      process.stdout.write(`${JSON.stringify({ coverage, ...result, loaded_rows: loaded?.rows ?? 0 })}\n`);
    else print(`\n${coverageTables(coverage)}\n\n${sentenceOf(result, loaded?.rows ?? 0)}\n`);
    for (const { relay, dataset, ranges } of unanswered)
      if (ranges.length > 0) say(`no answer: ${relay} ${dataset} ${rangesText(ranges)}`);
    for (const { relay, lastError } of tallies)
      if (lastError !== undefined) say(`${relay}: ${printable(lastError)}`);
    const troubles = new Set([
      ...faults,
      ...tallies.flatMap((tally) => tally.faults),
      ...(loaded?.failed ?? []),
    ]);
    for (const trouble of troubles) say(trouble);
    return troubles.size > 0 ? 1 : failed > 0 ? 3 : exitCodeOf(coverage);
  } finally {
    await asking.close();
  }
}

function sentenceOf(
  {
    asked,
    differing,
    failed,
  }: { readonly asked: number; readonly differing: number; readonly failed: number },
  rows: number,
): string {
  const [again, otherwise, silent] = [asked, differing, failed].map(grouped);
  return `${again} slots asked again, ${otherwise} answered differently, ${silent} gave no answer; ${grouped(rows)} rows loaded`;
}

/** The slots that gave no answer, by relay and dataset. */
function unansweredOf(tallies: readonly Tally[], datasets: readonly DatasetName[]) {
  return tallies.flatMap((tally) =>
    datasets.map((dataset) => ({
      relay: tally.relay,
      dataset,
      ranges: countsOf(tally, dataset).unanswered.toSorted((a, b) => a.first - b.first),
    })),
  );
}
