import { type Cloud, type CloudObject } from "./cloud.ts";
import { declared } from "./declared.ts";
import { drawn, type StandinKind, textOrNone, type Values } from "./kind.ts";
import { KINDS } from "./kinds.ts";
import { UNKNOWN } from "./wire.ts";

/** An answer that isn't the wished one, in the words of the API or the provider. */
export class Refused extends Error {}

/** The kind of a type. Throws Refused for one that the stand-ins don't know. */
export function kindOf(type: string): StandinKind {
  const kind = KINDS[type];
  if (kind) return kind;
  throw new Refused(
    `the stand-in doesn't know ${type}: add it to integration/engine/standin/kinds and run npm run declare`,
  );
}

/** What an object is after it was made or changed: what was given, in the server's form, and what the server adds. */
export function stateOf(type: string, id: string, inputs: Values, before: Values = {}): Values {
  const kind = kindOf(type);
  const given = kind.echo?.({ ...kind.defaults, ...inputs }) ?? { ...kind.defaults, ...inputs };
  const computed = kind.computed?.(given, id) ?? {};
  const rest: Record<string, unknown> = {};
  for (const [name, { type: of, always }] of Object.entries(declared.types[type]?.outputs ?? {}))
    if (always && given[name] === undefined && computed[name] === undefined)
      rest[name] = before[name] ?? some(of, `${id} ${name}`);
  return { ...rest, ...given, ...computed };
}

/** The outputs that a preview can promise. */
export function promised(type: string, inputs: Values, before?: Values): Values {
  const kind = kindOf(type);
  const outputs: Record<string, unknown> = { ...kind.defaults, ...inputs };
  for (const name of Object.keys(declared.types[type]?.outputs ?? {})) {
    const known = before !== undefined && !kind.unsure?.includes(name);
    if (outputs[name] === undefined) outputs[name] = known ? before[name] : UNKNOWN;
  }
  return outputs;
}

/** Makes sure that what an object needs is there: its API and the objects that it names. */
export function checkNeeds(cloud: Cloud, kind: StandinKind, values: Values): void {
  const project = textOrNone(values["project"]);
  if (kind.api !== undefined && !cloud.has(["gcp:projects/service:Service", `${project}/${kind.api}`]))
    throw new Refused(
      `googleapi: Error 403: ${kind.api} has not been used in project ${project} before or it is disabled`,
    );
  for (const needed of kind.needs?.(values) ?? [])
    if (!cloud.has(needed)) throw new Refused(`googleapi: Error 404: Not found: ${needed[0]} ${needed[1]}`);
}

/** Makes sure that an object may go. */
export function checkDelete(cloud: Cloud, { type, id, state, inputs }: CloudObject): void {
  const kind = kindOf(type);
  if (kind.deletionProtected && state["deletionProtection"] !== false)
    throw new Refused(
      `cannot destroy ${id} without setting deletionProtection=false and running \`pulumi up\``,
    );
  if (state["deletionPolicy"] === "PREVENT")
    throw new Refused(`cannot destroy ${id}: its deletionPolicy is PREVENT`);
  if (kind.contains === undefined && !kind.heldByUsers) return;
  const others = cloud.all().filter((other) => other.id !== id || other.type !== type);
  if (kind.contains !== undefined && inputs[kind.contains] !== true) {
    const inside = others.find((other) => other.id.startsWith(`${id}/`) && !kindOf(other.type).idempotent);
    if (inside) throw new Refused(`googleapi: Error 400: ${id} is still in use, by ${inside.id}`);
  }
  if (!kind.heldByUsers) return;
  const user = others.find((other) =>
    kindOf(other.type)
      .needs?.(other.state)
      .some((reference) => reference[0] === type && reference[1] === id),
  );
  if (user)
    throw new Refused(
      `googleapi: Error 400: ${id} is already being used by ${user.id}, resourceInUseByAnotherResource`,
    );
}

/** Deletes an object and, where its kind holds others, what is inside. */
export function remove(cloud: Cloud, { type, id }: CloudObject): void {
  cloud.remove(type, id);
  const { contains, takes } = kindOf(type);
  if (contains === undefined && takes === undefined) return;
  const inside = (other: CloudObject) =>
    (contains !== undefined && other.id.startsWith(`${id}/`)) ||
    (takes !== undefined && other.type.startsWith(takes));
  for (const other of cloud.all()) if (inside(other)) cloud.remove(other.type, other.id);
}

/** Some value of a declared type, the same for the same text. */
function some(type: string, from: string): unknown {
  if (type === "string") return drawn(from).toString(16);
  if (type === "number") return drawn(from) % 1000;
  if (type === "boolean") return false;
  return type.endsWith("[]") ? [] : {};
}
