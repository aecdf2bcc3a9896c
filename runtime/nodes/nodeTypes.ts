import * as E from "fp-ts/lib/Either.js";
import * as t from "io-ts";
import { UserError } from "../errors.ts";

/** Integers of JSON-RPC, up to 256 bits. */
export const quantity = t.refinement(t.string, (text) => /^0x[0-9a-fA-F]{1,64}$/.test(text));
/** Integers of the beacon API, up to 256 bits. */
export const digits = t.refinement(t.string, (text) => /^\d{1,78}$/.test(text));
export const hexBytes = t.refinement(t.string, (text) => /^0x(?:[0-9a-fA-F]{2})*$/.test(text));
export const hash32 = t.refinement(t.string, (text) => /^0x[0-9a-fA-F]{64}$/.test(text));
export const address20 = t.refinement(t.string, (text) => /^0x[0-9a-fA-F]{40}$/.test(text));

type NodeKind = "a beacon" | "an execution";

/** Throws UserError when a node's answer isn't of a type. */
export function nodeDecoded<A>(
  type: t.Type<A, unknown, unknown>,
  value: unknown,
  kind: NodeKind = "an execution",
): A {
  const result = type.decode(value);
  if (E.isRight(result)) return result.right;
  throw strangeNode("its answer is of another form", kind);
}

export function strangeNode(what: string, kind: NodeKind = "an execution"): UserError {
  return new UserError(`the node answers, but not as ${kind} node does (${what}); give another URL`);
}
