import { onTypes, resourceRule, textsSetting } from "./common/rule.ts";
import { each } from "./common/unknown.ts";

const isGoogle = (type: string) => type.startsWith("gcp:");

export const locations = resourceRule(
  {
    name: "locations",
    severity: "high",
    description:
      "Everything lies in the allowed locations: data that crosses a border costs money, time and sometimes a law.",
    remedy:
      "Set the location by the stack's region, bucketLocation and bigqueryLocation, or extend the setting allowed",
    settings: { allowed: textsSetting("Regions and multi-regions that may be used", ["us-central1", "US"]) },
  },
  onTypes(
    isGoogle,
    ({ location }, { config }) => outside(location, config.allowed),
    ({ region }, { config }) => outside(region, config.allowed),
    ({ zone }, { config }) => outside(zone, config.allowed),
    ({ nodeLocations }, { config }) =>
      Array.isArray(nodeLocations) ? each(nodeLocations, (zone) => outside(zone, config.allowed)) : undefined,
  ),
);

/** Names are compared without case, as Google does; a zone is allowed with its region. */
function outside(location: unknown, allowed: readonly string[]): string | undefined {
  if (typeof location !== "string") return undefined;
  const region = location.toLowerCase().replace(/-[a-z]$/, "");
  if (allowed.some((one) => one.toLowerCase() === region)) return undefined;
  return `It lies in ${location}; allowed are ${allowed.join(", ")}`;
}
