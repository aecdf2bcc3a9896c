import { type RuleCases, change } from "./common/cases.ts";
import { backloadJob } from "./common/compliant.ts";
import { podSecurity } from "./podSecurity.ts";

const POD = "spec.template.spec";
const OWN = `${POD}.containers.0.securityContext`;

export const cases: RuleCases = {
  rule: podSecurity,
  compliant: [backloadJob()],
  broken: {
    "root is allowed": [change(`${POD}.securityContext.runAsNonRoot`, undefined)],
    "root is named": [change(`${POD}.securityContext.runAsUser`, 0)],
    "root is allowed to the container": [change(`${OWN}.runAsNonRoot`, false)],
    "no seccomp profile": [change(`${POD}.securityContext.seccompProfile`, undefined)],
    "unconfined by seccomp": [change(`${POD}.securityContext.seccompProfile.type`, "Unconfined")],
    "the root file system can be written": [change(`${OWN}.readOnlyRootFilesystem`, false)],
    "privileges can be gained": [change(`${OWN}.allowPrivilegeEscalation`, undefined)],
    "it is privileged": [change(`${OWN}.privileged`, true)],
    "capabilities stay": [change(`${OWN}.capabilities`, undefined)],
    "capabilities are added": [change(`${OWN}.capabilities.add`, ["NET_ADMIN"])],
  },
  fine: { "the container says it itself": [change(`${OWN}.runAsNonRoot`, true)] },
};
