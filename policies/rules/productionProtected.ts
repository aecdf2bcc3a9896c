import { bucket, dataset, table } from "./common/kinds.ts";
import { type RuleContext, on, resourceRule, textsSetting } from "./common/rule.ts";

interface Config {
  readonly stacks: readonly string[];
}

export const productionProtected = resourceRule(
  {
    name: "production-protected",
    severity: "critical",
    description:
      "Data in production is protected against deletion: relays forget what they served, so it can't be collected again.",
    remedy:
      "Protect bucket, datasets and tables (protect: true), with forceDestroy and deleteContentsOnDestroy off and the tables' deletionProtection on",
    settings: { stacks: textsSetting("Names of the stacks whose data is protected", ["production"]) },
  },
  on(
    bucket,
    (_, context: RuleContext<Config>) => unprotected(context),
    ({ forceDestroy }, context) =>
      isProduction(context) &&
      forceDestroy === true &&
      "The bucket may be destroyed with what is in it (forceDestroy)",
  ),
  on(
    dataset,
    // What expires by itself is scratch.
    ({ defaultTableExpirationMs }, context: RuleContext<Config>) =>
      defaultTableExpirationMs === undefined && unprotected(context),
    ({ defaultTableExpirationMs, deleteContentsOnDestroy }, context) =>
      defaultTableExpirationMs === undefined &&
      isProduction(context) &&
      deleteContentsOnDestroy === true &&
      "The dataset may be destroyed with its tables (deleteContentsOnDestroy)",
  ),
  on(
    table,
    ({ view }, context: RuleContext<Config>) => !view && unprotected(context),
    ({ view, deletionProtection }, context) =>
      !view &&
      isProduction(context) &&
      deletionProtection === false &&
      "The table's deletionProtection is off",
  ),
);

function unprotected(context: RuleContext<Config>): string | undefined {
  return isProduction(context) && !context.protect ? "The resource isn't protected (protect)" : undefined;
}

/** A URN is urn:pulumi:<stack>::<project>::<types>::<name>. */
function isProduction({ urn, config }: RuleContext<Config>): boolean {
  return config.stacks.includes(urn.split("::")[0]?.split(":").at(-1) ?? "");
}
