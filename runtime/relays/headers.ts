/**
 * What is sent to one relay beside the usual headers, by name in lower case. The values are secret: they stand apart from the
 * relay, which is shown and stored, and go to its client alone.
 */
export type RelayHeaders = Readonly<Record<string, string>>;

const NAME = /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$/;
const VALUE = /^[\u0020-\u007e]{1,4096}$/;
/** What the connection and the reading of an answer rest on. */
const TAKEN: ReadonlySet<string> = new Set([
  "accept",
  "accept-encoding",
  "connection",
  "content-length",
  "expect",
  "host",
  "keep-alive",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** What is wrong with a header's name, to be said after it; undefined when it may be sent. */
export function headerNameFault(name: string): string | undefined {
  if (!NAME.test(name)) return "isn't the name of an HTTP header";
  return TAKEN.has(name.toLowerCase()) ? "is set by the client itself; leave it out" : undefined;
}

/** A header's value as it is sent: without blanks at its ends. Undefined for what no header can carry. */
export function headerValue(text: string): string | undefined {
  const value = text.trim();
  return VALUE.test(value) ? value : undefined;
}
