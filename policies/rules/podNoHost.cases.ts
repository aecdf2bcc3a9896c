import { type RuleCases, change } from "./common/cases.ts";
import { backloadJob } from "./common/compliant.ts";
import { podNoHost } from "./podNoHost.ts";

export const cases: RuleCases = {
  rule: podNoHost,
  compliant: [backloadJob()],
  broken: {
    "a path": [change("spec.template.spec.volumes.0", { name: "node", hostPath: { path: "/var" } })],
    "its network": [change("spec.template.spec.hostNetwork", true)],
    "its processes": [change("spec.template.spec.hostPID", true)],
    "a port": [change("spec.template.spec.containers.0.ports", [{ containerPort: 80, hostPort: 80 }])],
  },
};
