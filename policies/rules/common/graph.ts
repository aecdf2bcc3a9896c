import type { PolicyResource } from "@pulumi/policy";
import { account } from "./kinds.ts";
import { known } from "./unknown.ts";

/** The resources that one property was made from: known in a preview too, when its value isn't. */
export function sources(resource: PolicyResource, property: string): readonly PolicyResource[] {
  return resource.propertyDependencies[property] ?? [];
}

/** The service accounts among `accounts` that a property names: by its value where that is known, else by what it was made from. */
export function accountsIn(
  resource: PolicyResource,
  property: string,
  values: readonly (string | undefined)[],
  accounts: readonly PolicyResource[],
): readonly PolicyResource[] {
  const told = values.filter((value) => value !== undefined);
  const named = accounts.filter((resource) => {
    const id = known(() => resource.props["accountId"] as string);
    return told.some((value) => value.replace(/^serviceAccount:/, "").startsWith(`${id}@`));
  });
  const made = told.length > 0 ? [] : sources(resource, property).filter(({ type }) => type === account.type);
  return [...new Set([...named, ...made])];
}
