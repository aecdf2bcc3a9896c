import { contextOf, lakeToRead } from "./context.ts";
import { grouped } from "./numbers.ts";
import type { CommonOptions } from "./options.ts";
import { filesAt } from "./publish.ts";

/**
 * `prune --published`: takes rows of published days out of the lake, with `--yes`, once each file has been held against catalog and
 * lake. Exit 3 where a day stays for what was found.
 */
export async function pruneLakeCommand(
  options: CommonOptions & { readonly yes: boolean; readonly published: string },
  beforeMs: number,
): Promise<number> {
  const { network, print } = contextOf(options);
  const { pruneLake } = await import("../publish/pruneLake.ts");
  const lake = await lakeToRead(options, network);
  const store = await filesAt(options.published);
  const { pruned, kept } = await pruneLake({ lake, network }, store, beforeMs, options.yes);
  const before = new Date(beforeMs).toISOString().slice(0, 10);
  if (options.json)
    process.stdout.write(
      `${JSON.stringify({ lake: lake.url, before, pruned: options.yes, datasets: pruned, kept })}\n`,
    );
  else {
    const verb = options.yes ? "left" : "would leave";
    for (const { dataset, chunks, rows, bytes } of pruned)
      print(
        `${dataset}: ${grouped(rows)} rows in ${grouped(chunks)} chunks (${grouped(bytes)} bytes) ${verb} ${lake.url}\n`,
      );
    if (pruned.length === 0)
      print(`${lake.url} has no rows of before ${before} UTC that are published in ${store.url}\n`);
    else {
      print(
        "coverage doesn't change; a warehouse keeps what it loaded, and no load brings these rows back\n",
      );
      if (!options.yes) print("nothing was done: --yes does it\n");
    }
    for (const line of kept) print(`${line}\n`);
  }
  return kept.length > 0 ? 3 : 0;
}
