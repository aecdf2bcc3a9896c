import { runJob } from "./common/kinds.ts";
import { numberSetting, on, resourceRule } from "./common/rule.ts";

/** Cloud Run's own where nothing is set: three times again. */
const DEFAULT_RETRIES = 3;

export const runJobEnds = resourceRule(
  {
    name: "run-job-ends",
    severity: "medium",
    description:
      "A Cloud Run job states how long a run may take and how often it is begun again: one that hangs or fails for ever costs all month.",
    remedy: "Set template.template.timeout, and maxRetries to what the settings allow",
    settings: {
      mostSeconds: numberSetting("What a run may take at most, s", 86_400),
      mostRetries: numberSetting("How often it may be begun again at most", 1),
    },
  },
  on(
    runJob,
    ({ template }, { config }) => {
      const { timeout } = template.template;
      if (timeout === undefined) return "It doesn't say how long a run may take (timeout)";
      const seconds = Number(timeout.replace(/s$/, ""));
      return (
        !(seconds <= config.mostSeconds) && `A run may take ${timeout}, not ${config.mostSeconds}s at most`
      );
    },
    ({ template }, { config }) => {
      const retries = template.template.maxRetries ?? DEFAULT_RETRIES;
      return retries > config.mostRetries && `A run that fails is begun again ${retries} times`;
    },
  ),
);
