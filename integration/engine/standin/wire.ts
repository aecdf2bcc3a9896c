import struct from "google-protobuf/google/protobuf/struct_pb.js";
import type { Values } from "./kind.ts";

/** What stands for a value that isn't known in a preview. */
export const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";
/** A secret travels as an object with this key and mark, and its value. */
const SIGNATURE = "4dabf18193072939515e22adb298388d";
const SECRET = "1b47061264138c4ac30d75fd1eb44270";

export type Struct = struct.Struct;

/** What a message holds, with secrets still marked. */
export function values(message: Struct | undefined): Record<string, unknown> {
  return (message?.toJavaScript() ?? {}) as Record<string, unknown>;
}

/** Values as a message takes them; what is undefined is left out. */
export function message(from: Values): Struct {
  return struct.Struct.fromJavaScript(JSON.parse(JSON.stringify(from)));
}

/** A value without the marks of secrets. */
export function plain<T>(value: T): T {
  if (Array.isArray(value)) return value.map(plain) as T;
  if (value === null || typeof value !== "object") return value;
  const record = value as Record<string, unknown>;
  if (record[SIGNATURE] === SECRET) return plain(record["value"]) as T;
  return Object.fromEntries(Object.entries(record).map(([key, inner]) => [key, plain(inner)])) as T;
}

/** Whether a value, or with `within` anything in it, isn't known yet. */
export function isUnknownValue(value: unknown, where: "itself" | "within" = "within"): boolean {
  if (value === UNKNOWN) return true;
  if (where === "itself" || value === null || typeof value !== "object") return false;
  return Object.values(value).some((inner) => isUnknownValue(inner));
}

/** Of values those that hold a secret, marked as a whole. */
export function secretsOf(given: Values): Values {
  return Object.fromEntries(
    Object.entries(given).filter(([, value]) => JSON.stringify(value ?? null).includes(SECRET)),
  );
}
