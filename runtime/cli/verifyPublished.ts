import { contextOf, lakeToRead } from "./context.ts";
import { grouped } from "./numbers.ts";
import type { CommonOptions } from "./options.ts";
import { filesAt } from "./publish.ts";

/** `verify-published`: published files against their catalog and the lake, each difference one line. Exit 3 where there is any. */
export async function verifyPublishedCommand(place: string, options: CommonOptions): Promise<number> {
  const context = contextOf(options);
  const { network, print } = context;
  const { strangersIn, verifyPublished } = await import("../publish/verify.ts");
  const lake = await lakeToRead(options, network);
  const store = await filesAt(place);
  const differences: string[] = [];
  let files = 0;
  const tell = (lines: readonly string[]) => {
    differences.push(...lines);
    if (!options.json) for (const line of lines) print(`${line}\n`);
  };
  for await (const day of verifyPublished({ lake, network }, store)) {
    files++;
    tell(day.differences);
  }
  const strangers = await strangersIn({ lake, network }, store);
  tell(strangers.map((name) => `${name} stands in no catalog; publish again, or remove it`));
  if (options.json) process.stdout.write(`${JSON.stringify({ files, differences }, null, 1)}\n`);
  else print(`${grouped(files)} files of ${store.url}: ${grouped(differences.length)} differences\n`);
  return differences.length > 0 ? 3 : 0;
}
