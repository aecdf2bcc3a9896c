import { type RuleCases, change } from "./common/cases.ts";
import { backloadJob, systemPool, workersPool } from "./common/compliant.ts";
import { podFits } from "./podFits.ts";

const CONTAINER = "spec.template.spec.containers.0";
const WORKER = (backloadJob().props["spec"] as { template: { spec: { containers: object[] } } }).template.spec
  .containers[0];
const MACHINE = "nodeConfig.machineType";

export const cases: RuleCases = {
  rule: podFits,
  compliant: [backloadJob(), workersPool(), systemPool()],
  broken: {
    "too much CPU": [change(`${CONTAINER}.resources.requests.cpu`, "700m")],
    "too much memory": [change(`${CONTAINER}.resources.requests.memory`, "3Gi")],
    "on a smaller machine": [change(MACHINE, "e2-small", "backload-workers")],
    "two containers together": [
      change("spec.template.spec.containers", [WORKER, { ...WORKER, name: "second" }]),
    ],
    "one that runs first": [
      change("spec.template.spec.initContainers", [
        {
          ...WORKER,
          name: "first",
          resources: { requests: { cpu: "1", memory: "1Gi" }, limits: { cpu: "1", memory: "1Gi" } },
        },
      ]),
    ],
  },
  fine: {
    "on a larger machine": [
      change(`${CONTAINER}.resources.requests.cpu`, "1400m"),
      change(MACHINE, "e2-standard-2", "backload-workers"),
    ],
    "on any node": [
      change("spec.template.spec.nodeSelector", undefined),
      change(`${CONTAINER}.resources.requests.cpu`, "700m"),
    ],
  },
};
