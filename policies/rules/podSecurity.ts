import { containerName, makesPods, podContainers, podSpec, type PodSpec } from "./common/containers.ts";
import { onTypes, resourceRule } from "./common/rule.ts";
import { each } from "./common/unknown.ts";

type PodContainer = NonNullable<PodSpec["containers"]>[number];

export const podSecurity = resourceRule(
  {
    name: "pod-security",
    severity: "high",
    description:
      "A pod runs as nobody in particular, without capabilities, on a file system that it can't write: it parses what strangers send.",
    remedy:
      "Set runAsNonRoot, seccompProfile RuntimeDefault, readOnlyRootFilesystem, allowPrivilegeEscalation: false and capabilities.drop: [ALL]",
  },
  onTypes(makesPods, (props, { type }) => {
    const spec = podSpec(props, type);
    return each(podContainers(spec), (container, index) => {
      const name = containerName(container, index);
      return Object.entries(faults(spec, container))
        .filter(([, faulty]) => faulty)
        .map(([what]) => `${name} ${what}`);
    });
  }),
);

/** A setting of the container goes before the pod's. */
function faults(
  { securityContext: pod }: PodSpec,
  { securityContext: own }: PodContainer,
): Record<string, boolean> {
  const seccomp = own?.seccompProfile?.type ?? pod?.seccompProfile?.type;
  const user = own?.runAsUser ?? pod?.runAsUser;
  return {
    "may run as root (runAsNonRoot)": (own?.runAsNonRoot ?? pod?.runAsNonRoot) !== true || user === 0,
    "has no seccomp profile (seccompProfile)": seccomp !== "RuntimeDefault" && seccomp !== "Localhost",
    "can write its root file system (readOnlyRootFilesystem)": own?.readOnlyRootFilesystem !== true,
    "may gain privileges (allowPrivilegeEscalation)": own?.allowPrivilegeEscalation !== false,
    "is privileged": own?.privileged === true,
    "keeps capabilities (capabilities.drop)": !own?.capabilities?.drop?.includes("ALL"),
    "adds capabilities (capabilities.add)": (own?.capabilities?.add?.length ?? 0) > 0,
  };
}
