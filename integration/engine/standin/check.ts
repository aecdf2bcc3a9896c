import { declared, type Properties } from "./declared.ts";
import type { StandinKind, Values } from "./kind.ts";
import { isUnknownValue } from "./wire.ts";

/** What is wrong with an argument, by its path. */
export interface StandinFault {
  readonly property: string;
  readonly reason: string;
}

/** Everything in a resource's arguments that the SDK doesn't declare, that is missing, or that no server would take. */
export function faultsOf(type: string, kind: StandinKind, inputs: Values): StandinFault[] {
  const packageName = type.split(":")[0] ?? "";
  const properties = declared.types[type]?.inputs;
  if (!properties) return [{ property: "", reason: `${type} isn't in declared.json: run npm run declare` }];
  const faults = [...objectFaults(packageName, properties, inputs, "")];
  if (faults.length > 0 || isUnknownValue(inputs)) return faults;
  const refused = kind.refuse?.(inputs);
  return refused === undefined ? [] : [{ property: "", reason: refused }];
}

/** The properties of a provider that its SDK doesn't declare. The engine passes all but texts as JSON. */
export function providerFaults(type: string, inputs: Values): StandinFault[] {
  const properties = declared.types[type]?.inputs;
  if (!properties) return [{ property: "", reason: `${type} isn't in declared.json: run npm run declare` }];
  return Object.keys(inputs)
    .filter((name) => !name.startsWith("__") && name !== "version" && !properties[name])
    .map((property) => ({ property, reason: "no such property in the SDK's declarations" }));
}

function* objectFaults(
  packageName: string,
  properties: Properties,
  value: Values,
  at: string,
): Generator<StandinFault> {
  for (const [name, { required }] of Object.entries(properties))
    if (required && value[name] === undefined)
      yield { property: at + name, reason: "is required and missing" };
  for (const [name, inner] of Object.entries(value)) {
    if (name.startsWith("__") || inner === undefined) continue;
    const property = properties[name];
    if (property) yield* valueFaults(packageName, property.type, inner, at + name);
    else yield { property: at + name, reason: "no such property in the SDK's declarations" };
  }
}

function* valueFaults(
  packageName: string,
  type: string,
  value: unknown,
  at: string,
): Generator<StandinFault> {
  if (type === "any" || value === null || value === undefined || isUnknownValue(value, "itself")) return;
  if (type.endsWith("[]")) {
    if (!Array.isArray(value)) yield { property: at, reason: "is no list" };
    else
      for (const [i, one] of value.entries())
        yield* valueFaults(packageName, type.slice(0, -2), one, `${at}[${i}]`);
  } else if (type.startsWith("{")) {
    if (typeof value !== "object" || Array.isArray(value)) yield { property: at, reason: "is no map" };
    else
      for (const [key, one] of Object.entries(value))
        yield* valueFaults(packageName, type.slice(1, -1), one, `${at}.${key}`);
  } else if (type.startsWith("@")) {
    const shape = declared.shapes[`${packageName}.${type.slice(1)}`];
    if (typeof value !== "object" || Array.isArray(value) || !shape)
      yield { property: at, reason: "is no object" };
    else yield* objectFaults(packageName, shape, value as Values, `${at}.`);
  } else if (typeof value !== type && !convertible(type, value)) {
    yield { property: at, reason: `is ${JSON.stringify(value)}, no ${type}` };
  }
}

/** Providers take numbers and booleans that are written as texts, and the other way round. */
function convertible(type: string, value: unknown): boolean {
  if (type === "string") return typeof value === "number" || typeof value === "boolean";
  if (type === "number") return typeof value === "string" && value !== "" && !Number.isNaN(Number(value));
  return type === "boolean" && (value === "true" || value === "false");
}
