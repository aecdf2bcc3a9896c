/**
 * Exit codes of a worker, as the Job's pod failure policy reads them. `retry`: time ran out, a relay was down, slots failed,
 * the pod was stopped; another try goes on where this one ended. `badInput`: no try will help before a person mends the
 * settings or an object of the lake. `failed`: something else went wrong, the lake most likely.
 */
export const BACKLOAD_EXIT = { done: 0, failed: 1, badInput: 42, retry: 75 } as const;
