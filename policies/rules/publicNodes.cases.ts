import { type RuleCases, change } from "./common/cases.ts";
import { backloadCluster, systemPool, workersPool } from "./common/compliant.ts";
import { publicNodes } from "./publicNodes.ts";

export const cases: RuleCases = {
  rule: publicNodes,
  compliant: [systemPool(), workersPool(), backloadCluster()],
  broken: {
    "of the system": [change("networkConfig.enablePrivateNodes", false)],
    "by default": [change("networkConfig", undefined)],
    "of the default pool": [change("removeDefaultNodePool", undefined, "backload-cluster")],
  },
};
