/** Everything that can go wrong with one ask. */
export const FAULTS = [
  "refused", // the connection is closed at once
  "reset", // this ask is answered, the next one on the same connection isn't
  "hang", // no answer, ever
  "drip", // the answer, a few bytes at a time
  "429",
  "429-retry-after", // in seconds or as a date
  "408",
  "500-html",
  "502", // without a body
  "503",
  "500-for-an-hour", // of simulated time, from the first ask on, whatever was asked
  "cut-json", // with a complete message around it, or with the connection lost in the middle
  "cut-gzip",
  "204",
  "content-type", // the right rows as text/plain
  "html-200",
  "redirect", // to another relay's rows
  "stale-empty", // Helix: [] on the first ask, kept until it hasn't been asked for 12 s
  "short", // fewer rows on the first ask, with 200
  "late", // rows that were stored last are missing on the first ask
  "down", // the relay as a whole doesn't take connections for a while
  "403", // a page of the web server
  "403-cdn", // "error code: 1020", as a CDN refuses
  "429-cdn", // "error code: 1015", as a CDN limits
  "parked", // 200 with the page of a domain that is for sale
  "error-row", // a list whose last or only element is an error object
  "404-empty", // 404 with JSON where there are no rows
  "null-empty", // 200 with null where there are no rows
  "bom", // the right rows behind a UTF-8 byte order mark
  "encoding-odd", // the right rows, plain, with an empty Content-Encoding or one that nobody knows
  "typed-html", // the right rows as text/html
] as const;

export type FaultKind = (typeof FAULTS)[number];
