import { makesPods, podSpec } from "./common/containers.ts";
import { onTypes, resourceRule } from "./common/rule.ts";

export const podNoToken = resourceRule(
  {
    name: "pod-no-token",
    severity: "high",
    description:
      "A pod gets no token for the cluster's API: workers speak to relays and to the lake, and workload identity needs none.",
    remedy: "Set automountServiceAccountToken: false in the pod's specification",
  },
  onTypes(
    makesPods,
    (props, { type }) =>
      podSpec(props, type).automountServiceAccountToken !== false && "The service account's token is mounted",
    (props, { type }) =>
      (podSpec(props, type).volumes ?? []).some(({ projected }) =>
        projected?.sources?.some(({ serviceAccountToken }) => serviceAccountToken),
      ) && "A volume projects a service account's token",
  ),
);
