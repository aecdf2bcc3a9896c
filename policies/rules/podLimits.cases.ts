import { type RuleCases, change } from "./common/cases.ts";
import { backloadJob } from "./common/compliant.ts";
import { podLimits } from "./podLimits.ts";

const CONTAINER = "spec.template.spec.containers.0";
const WORKER = (backloadJob().props["spec"] as { template: { spec: { containers: object[] } } }).template.spec
  .containers[0];

export const cases: RuleCases = {
  rule: podLimits,
  compliant: [backloadJob()],
  broken: {
    "of memory": [change(`${CONTAINER}.resources.limits.memory`, undefined)],
    "of CPU": [change(`${CONTAINER}.resources.limits.cpu`, undefined)],
    "and nothing asked for": [change(`${CONTAINER}.resources.requests`, undefined)],
    "of a container that runs first": [
      change("spec.template.spec.initContainers", [{ ...WORKER, name: "first", resources: {} }]),
    ],
  },
};
