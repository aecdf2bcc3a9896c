import { service } from "./common/kinds.ts";
import { numberSetting, on, resourceRule } from "./common/rule.ts";

export const runInstances = resourceRule(
  {
    name: "run-instances",
    severity: "high",
    description:
      "A service runs as one instance: a second one would ask the same relays at the same time, at twice the rate they allow.",
    remedy: "Set template.scaling.maxInstanceCount: 1",
    settings: { maximum: numberSetting("Most instances that a service may have", 1) },
  },
  on(service, ({ template, scaling }, { config }) => {
    const most = template.scaling?.maxInstanceCount ?? scaling?.maxInstanceCount;
    if (most === undefined) return "The number of instances has no maximum";
    return most > config.maximum && `Up to ${most} instances may run, ${config.maximum} is allowed`;
  }),
);
