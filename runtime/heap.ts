import { setFlagsFromString } from "node:v8";

/**
 * Node's arguments wherever the program is started. Since Node 24 V8 lets young objects take 64 MB before it looks at them, twice as
 * much as before, and a collector's peak was 100 MB higher. V8 can't be told so once it runs: the script `start`, the first line of
 * built commands and the Dockerfile say the same.
 */
export const START_FLAGS: readonly string[] = ["--max-semi-space-size=16"];

/**
 * Node's arguments where a process has about one core: V8 else collects garbage and compiles on several threads, which costs a
 * fifth more processor time. V8 can't be told so once it runs. The Dockerfile says the same.
 */
export const ONE_CORE_FLAGS: readonly string[] = ["--single-threaded"];

/**
 * Bodies and lines die young, but V8 lets garbage pile up to several times what lives before it looks at large strings. A
 * slower growing heap keeps a collector under 256 MB. At 20 % a worker's peak was the same, and it marked so often that it took
 * an eighth more processor time; at 120 % it needed 300 MB.
 */
export function keepHeapSmall(): void {
  setFlagsFromString("--heap-growing-percent=60");
}
