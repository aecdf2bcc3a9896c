import { type DestinationStream, destination, pino } from "pino";
import { printable } from "./errors.ts";

/** Structured logs; always one JSON object a line. */
export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** A command's log on standard error, in the form of a service's. Levels: debug, info, warn, error, silent. */
export function stderrLog(level: string): Log {
  return serviceLog(level, destination({ fd: 2, sync: true }));
}

/** Who writes lines to a person, while something that is redrawn stands on the terminal. */
let lineWriter: ((text: string) => void) | undefined;

/** Has `speak` write by `write` until the returned function is called: what is redrawn would overwrite its lines. */
export function speakBy(write: (text: string) => void): () => void {
  lineWriter = write;
  return () => {
    lineWriter = undefined;
  };
}

/**
 * Says a line to whoever started a command, on standard error: as it is to a person at a terminal, elsewhere in the form of a log
 * line with the fields that it is about.
 */
export function speak(severity: "INFO" | "WARNING" | "ERROR", line: string, fields: object = {}): void {
  // Workers of `--workers` speak to the process that started them, which says it on.
  const isHeard = process.stderr.isTTY || process.send !== undefined;
  const text = `${isHeard ? line : lineText(severity, line, fields)}\n`;
  if (lineWriter) lineWriter(text);
  else process.stderr.write(text);
}

/** One line as logs have it. */
export function lineText(severity: string, message: string, fields: object = {}): string {
  const time = new Date().toISOString();
  return JSON.stringify({
    severity,
    time,
    ...(spoken(fields) as object),
    message,
  });
}

/** A log that says nothing, for tests and for `--quiet`. */
export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} };

/** Cloud Logging's names of the levels. */
const SEVERITIES: Readonly<Record<string, string>> = {
  debug: "DEBUG",
  info: "INFO",
  warn: "WARNING",
  error: "ERROR",
};

/** The field by which Cloud Logging ties a line to the request that it is about. */
const TRACE_FIELD = "logging.googleapis.com/trace";

/** Characters of one text in a log line, at most. */
const LONGEST_TEXT = 1000;

/** A service's log, in Cloud Logging's form. */
export interface ServiceLog extends Log {
  /** The same log, each line tied to a request's trace; none for undefined. */
  traced(trace: string | undefined): ServiceLog;
}

/**
 * A service's log: `severity`, `time` and `message` as Cloud Logging reads them, on standard output. Texts are cut, and
 * what looks like a credential is left out: no line may hold one, whatever error it came with.
 */
export function serviceLog(
  level: string,
  stream: DestinationStream = destination({ fd: 1, sync: true }),
): ServiceLog {
  const options = {
    level,
    base: null,
    messageKey: "message",
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: {
      level: (label: string) => ({ severity: SEVERITIES[label] ?? "DEFAULT" }),
      log: (fields: object) => spoken(fields) as Record<string, unknown>,
    },
  };
  const tied = (log: Log & { child: (fields: object) => typeof log }): ServiceLog => ({
    debug: (fields, message) => log.debug(fields, message),
    info: (fields, message) => log.info(fields, message),
    warn: (fields, message) => log.warn(fields, message),
    error: (fields, message) => log.error(fields, message),
    traced: (trace) => (trace === undefined ? tied(log) : tied(log.child({ [TRACE_FIELD]: trace }))),
  });
  return tied(pino(options, stream));
}

/** What is logged of a value: texts cut and without credentials, errors as their message. */
function spoken(value: unknown): unknown {
  if (typeof value === "string") return withoutCredentials(printable(value, LONGEST_TEXT));
  if (value instanceof Error) return spoken(value.message);
  if (Array.isArray(value)) return value.map(spoken);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, spoken(inner)]));
}

/** A text in which access tokens, keys, and the user part of URLs are crossed out. */
export function withoutCredentials(text: string): string {
  return text
    .replaceAll(/\b(Bearer|Basic)\s+[\w.~+/=-]+/gi, "$1 ***")
    .replaceAll(/\b(ya29\.|eyJ[\w-]+\.)[\w.-]+/g, "***")
    .replaceAll(/\b([a-z][a-z0-9+.-]*:\/\/)[^\s/@]+@/gi, "$1***@")
    .replaceAll(
      /\b((?:access_|refresh_|id_)?token|api[-_]?key|secret|password|signature)(["']?\s*[=:]\s*["']?)[^\s"'&,}]+/gi,
      "$1$2***",
    );
}
