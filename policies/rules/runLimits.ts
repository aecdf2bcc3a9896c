import { containerName, containers } from "./common/containers.ts";
import { runJob, service } from "./common/kinds.ts";
import { onTypes, resourceRule } from "./common/rule.ts";
import { each } from "./common/unknown.ts";

export const runLimits = resourceRule(
  {
    name: "run-limits",
    severity: "medium",
    description:
      "A Cloud Run container states its CPU and memory: the defaults can change, and cost and behaviour with them.",
    remedy: "Set resources.limits.cpu and resources.limits.memory",
  },
  onTypes(
    (type) => type === service.type || type === runJob.type,
    (props, { type }) =>
      ["cpu", "memory"].flatMap((resource) =>
        each(containers(props, type), (container, index) => {
          const limit = container.resources?.limits?.[resource];
          return limit ? undefined : `${containerName(container, index)} has no limit of ${resource}`;
        }),
      ),
  ),
);
