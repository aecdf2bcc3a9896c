import { containerName, makesPods, podContainers, podSpec } from "./common/containers.ts";
import { onTypes, resourceRule } from "./common/rule.ts";
import { each } from "./common/unknown.ts";

export const podLimits = resourceRule(
  {
    name: "pod-limits",
    severity: "medium",
    description:
      "A container in a cluster states what it asks for and its limits of CPU and memory: one that leaks must not take its node along.",
    remedy: "Set resources.requests and resources.limits, each with cpu and memory",
  },
  onTypes(makesPods, (props, { type }) =>
    each(podContainers(podSpec(props, type)), (container, index) =>
      (["requests", "limits"] as const).flatMap((kind) =>
        ["cpu", "memory"]
          .filter((resource) => !container.resources?.[kind]?.[resource])
          .map((resource) => `${containerName(container, index)} has no ${resource} among its ${kind}`),
      ),
    ),
  ),
);
