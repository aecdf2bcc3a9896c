import { settledSlot } from "../chain/slots.ts";
import { storedRange } from "../collect/coverage.ts";
import { UserError } from "../errors.ts";
import { contextOf, lakeToRead, rangeOf, tellRange } from "./context.ts";
import { coverageTables, coverageLines } from "./coverageTable.ts";
import { COMMAND } from "./invoked.ts";
import type { CommonOptions } from "./options.ts";
import { importedSlots } from "./importedSlots.ts";
import { knownRelays } from "./relays.ts";
import { coverageOfAll } from "../collect/coverageOfAll.ts";
import { exitCodeOf } from "./summary.ts";

/** `coverage`: what the lake has and lacks, from the lake alone. */
export async function coverage(options: CommonOptions & { format: string }): Promise<number> {
  if (!["table", "json"].includes(options.format))
    throw new UserError("--format: table or json", { exitCode: 2 });
  const context = contextOf(options);
  const { network, clock, datasets, say, note, print } = context;
  const lake = await lakeToRead(options, network);
  const range = rangeOf(options, context) ?? (await storedRange(lake, datasets));
  const inJson = options.json || options.format === "json";
  if (!range) {
    if (inJson) process.stdout.write("[]\n");
    else note(`the lake ${lake.url} holds nothing of ${network.name} yet; ${COMMAND} run collects`);
    return 0;
  }
  const last = Math.min(range.last, settledSlot(network, clock.now()));
  tellRange({ ...options, json: inJson }, context, { ...range, last });
  const relays = await knownRelays(options, context, lake);
  const { coverage: rows, faults } = await coverageOfAll(
    lake,
    {
      network,
      range: { ...range, last },
      nowMs: clock.now(),
      imported: await importedSlots(options, network),
    },
    relays,
    datasets,
  );
  if (inJson) process.stdout.write(`${JSON.stringify(rows, null, 1)}\n`);
  else {
    print(`lake: ${lake.url}\n\n${coverageTables(rows)}\n`);
    const lines = coverageLines(rows);
    if (lines.length > 0) print(`\n${lines.join("\n")}\n`);
  }
  for (const fault of faults) say(fault);
  return faults.length > 0 ? 1 : exitCodeOf(rows);
}
