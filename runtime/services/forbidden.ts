/** How deep an error's causes are looked through. */
const MAX_DEPTH = 6;

/** True when an error, or what caused it, is Google's 403 for want of a grant (and not of quota or billing). */
export function isForbidden(error: unknown): boolean {
  for (let depth = 0; depth < MAX_DEPTH && typeof error === "object" && error !== null; depth++) {
    const { name, code, status, reason, message, cause }: Partial<Record<string, unknown>> = {
      ...error,
      ...own(error),
    };
    if (name === "AccessError") return true;
    if ([code, status].some((value) => Number(value) === 403)) {
      return !/quota|rateLimit|billing/i.test(`${String(reason)} ${String(message)}`);
    }
    error = cause;
  }
  return false;
}

/** What an error holds that isn't enumerable. */
function own(error: object): Record<string, unknown> {
  if (!(error instanceof Error)) return {};
  return { name: error.name, message: error.message, cause: error.cause };
}
