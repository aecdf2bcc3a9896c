/** A mistake of the user's: shown as one line without a stack trace. `exitCode` 2 is bad usage, 1 a failure. */
export class UserError extends Error {
  override readonly name: string = "UserError";
  readonly exitCode: number;

  constructor(message: string, options: { exitCode?: number; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.exitCode = options.exitCode ?? 1;
  }
}

/** The message of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The `code` of a Node system error (ENOENT, ECONNREFUSED …), or undefined. */
export function codeOf(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}

/**
 * Text from outside made safe to show in a terminal, a log or an error: control characters and escape sequences
 * become visible, and what is longer than `limit` characters is cut.
 */
export function printable(text: string, limit = 200): string {
  const cut = text.length > limit ? `${text.slice(0, limit)}…` : text;
  return cut.replace(
    /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/g,
    (c) => {
      return `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`;
    },
  );
}

/**
 * Text without what stands before an "@" in any of its words, beginning at "://": users and passwords of URLs, well formed or
 * not. For what a person wrote where a URL belongs.
 */
export function withoutUsers(text: string): string {
  return text.replaceAll(/\S+/g, (word) => {
    const at = word.lastIndexOf("@");
    if (at === -1) return word;
    const scheme = word.indexOf("://");
    const shown = scheme === -1 || scheme > at ? "" : word.slice(0, scheme + 3);
    return `${shown}***${word.slice(at)}`;
  });
}
