import type { Profiler } from "node:inspector";

/** Parts of a process's processor time, 0–1, by what it was spent on. */
export type CpuShares = Readonly<Record<string, number>>;

/** zlib's own functions, which lie in no source of Node's. */
const NATIVE_GZIP: ReadonlySet<string> = new Set(["writeSync", "crc32"]);

/** Where a function lies tells what it is for; the first that fits counts. */
const KINDS: readonly (readonly [string, RegExp])[] = [
  ["decode", /\/runtime\/(?:datasets|collect\/(?:slotAnswer|relayAsker))/],
  [
    "http",
    /\/runtime\/relay\/|node:(?:_?http|net|_stream|stream|internal\/(?:http|streams|stream_base|timers|net))/,
  ],
  ["gzip", /\/runtime\/lake\/(?:gzip|inflate|member)|node:zlib/],
  ["lake", /\/runtime\/(?:lake|collect)\/|node:(?:fs|internal\/fs)/],
];

/**
 * What a process's processor time was spent on: the main thread's by a profile of V8's, function by function; the rest is
 * the threads' that write files, and V8's own helpers'.
 */
export function sharesOf(profile: Profiler.Profile, cpuSeconds: number): CpuShares {
  const spent = new Map<string, number>();
  const byId = new Map(profile.nodes.map((node) => [node.id, node.callFrame]));
  (profile.samples ?? []).forEach((id, at) => {
    const frame = byId.get(id);
    const micros = profile.timeDeltas?.[at] ?? 0;
    if (!frame || frame.functionName === "(idle)") return;
    const kind = kindOf(frame);
    spent.set(kind, (spent.get(kind) ?? 0) + micros / 1e6);
  });
  const main = [...spent.values()].reduce((sum, seconds) => sum + seconds, 0);
  spent.set("threads", Math.max(0, cpuSeconds - main));
  const total = Math.max(cpuSeconds, main);
  return Object.fromEntries(Array.from(spent, ([kind, seconds]) => [kind, seconds / total]));
}

function kindOf({ functionName, url }: { functionName: string; url: string }): string {
  if (functionName === "(garbage collector)") return "garbage_collector";
  if (url === "" && NATIVE_GZIP.has(functionName)) return "gzip";
  return KINDS.find(([, place]) => place.test(url))?.[0] ?? "other";
}
