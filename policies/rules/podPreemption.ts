import type { Unwrap } from "@pulumi/pulumi";
import type { batch } from "@pulumi/kubernetes/types/input.js";
import { makesPods, podSpec } from "./common/containers.ts";
import { numberSetting, onTypes, resourceRule } from "./common/rule.ts";

const JOB = "kubernetes:batch/v1:Job";
type JobSpec = Unwrap<batch.v1.JobSpec>;

export const podPreemption = resourceRule(
  {
    name: "pod-preemption",
    severity: "high",
    description:
      "A pod on a spot node has time to write what it holds, and losing its node counts as nobody's failure: nodes go every day.",
    remedy:
      "Set terminationGracePeriodSeconds, and in a Job a podFailurePolicy that ignores DisruptionTarget, with podReplacementPolicy: Failed",
    settings: { graceSeconds: numberSetting("Least time that a pod has to end, s", 25) },
  },
  onTypes(makesPods, (props, { type, config }) => {
    const grace = podSpec(props, type).terminationGracePeriodSeconds;
    if (grace === undefined) return "The time to end isn't set (terminationGracePeriodSeconds)";
    return (
      grace < config.graceSeconds && `The pod has ${grace} s to end, ${config.graceSeconds} s are needed`
    );
  }),
  onTypes(
    (type) => type === JOB,
    (props) =>
      !(props["spec"] as JobSpec).podFailurePolicy?.rules?.some(
        ({ action, onPodConditions }) =>
          action === "Ignore" &&
          onPodConditions?.some(({ type: condition }) => condition === "DisruptionTarget"),
      ) && "A lost node counts as a failure (no podFailurePolicy that ignores DisruptionTarget)",
    (props) =>
      (props["spec"] as JobSpec).podReplacementPolicy !== "Failed" &&
      "A pod is replaced while it is still ending (podReplacementPolicy)",
  ),
);
