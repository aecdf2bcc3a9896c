import { setFlagsFromString } from "node:v8";

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
