import { makesPods, podContainers, podSpec } from "./common/containers.ts";
import { onTypes, resourceRule } from "./common/rule.ts";
import { each } from "./common/unknown.ts";

const NAMESPACES = ["hostNetwork", "hostPID", "hostIPC"] as const;

export const podNoHost = resourceRule(
  {
    name: "pod-no-host",
    severity: "critical",
    description:
      "A pod sees nothing of its node: no paths, no namespaces, no ports. Who has these has the node.",
    remedy:
      "Use emptyDir for scratch space, and leave out hostPath, hostNetwork, hostPID, hostIPC and hostPort",
  },
  onTypes(
    makesPods,
    (props, { type }) =>
      each(
        podSpec(props, type).volumes,
        ({ name, hostPath }) => hostPath && `Volume ${name} is a path of the node`,
      ),
    (props, { type }) => {
      const spec = podSpec(props, type);
      return NAMESPACES.filter((name) => spec[name] === true).map(
        (name) => `The pod shares the node's (${name})`,
      );
    },
    (props, { type }) =>
      each(podContainers(podSpec(props, type)), ({ ports }) =>
        each(ports, ({ hostPort }) => hostPort !== undefined && `Port ${hostPort} of the node is taken`),
      ),
  ),
);
