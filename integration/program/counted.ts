import type { Lake } from "../../runtime/lake/lake.ts";
import { chunkKey } from "../../runtime/tick/listings.ts";

/** The same lake, and how often each chunk was written to it, by `chunkKey`. */
export function counted(lake: Lake): { readonly lake: Lake; readonly writes: ReadonlyMap<string, number> } {
  const writes = new Map<string, number>();
  const wrote = (key: string) => writes.set(key, (writes.get(key) ?? 0) + 1);
  const counting: Partial<Lake> = {
    async write(chunk, ...rest) {
      const generation = await lake.write(chunk, ...rest);
      wrote(chunkKey(chunk));
      return generation;
    },
    async restate(chunk, ...rest) {
      const generation = await lake.restate(chunk, ...rest);
      wrote(chunkKey(chunk));
      return generation;
    },
  };
  const handler: ProxyHandler<Lake> = {
    get(target, name): unknown {
      const member: unknown = Reflect.get(name in counting ? counting : target, name);
      return typeof member === "function" ? member.bind(target) : member;
    },
  };
  return { lake: new Proxy(lake, handler), writes };
}
