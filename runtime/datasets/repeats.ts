import { blockHashOf } from "./line.ts";

/** Whether two of a slot's lake lines are equal. Lines of one block are compared with each other, so that others cost a look at their hash. */
export function hasRepeats(lines: readonly string[]): boolean {
  const first = new Map<string, string | Set<string>>();
  for (const line of lines) {
    const hash = blockHashOf(line);
    const others = first.get(hash);
    if (others === undefined) first.set(hash, line);
    else if (typeof others === "string") {
      if (others === line) return true;
      first.set(hash, new Set([others, line]));
    } else if (others.has(line)) return true;
    else others.add(line);
  }
  return false;
}
