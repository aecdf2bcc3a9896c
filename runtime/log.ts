import { destination, pino } from "pino";

/** Structured logs; always on standard error, one JSON object a line. */
export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** A log on standard error. Levels: debug, info, warn, error, silent. */
export function stderrLog(level: string): Log {
  return pino({ level, base: null }, destination({ fd: 2, sync: true }));
}

/** A log that says nothing, for tests and for `--quiet`. */
export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} };
