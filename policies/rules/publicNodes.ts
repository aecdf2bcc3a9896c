import { cluster, nodePool } from "./common/kinds.ts";
import { on, resourceRule, textsSetting } from "./common/rule.ts";

export const publicNodes = resourceRule(
  {
    name: "public-nodes",
    severity: "high",
    description:
      "Only the nodes of the back-load have addresses of their own, because relays limit by address; all others need none.",
    remedy:
      "Set networkConfig.enablePrivateNodes: true on the pool, or name it in the setting pools if it runs workers",
    settings: {
      pools: textsSetting("Patterns of the names of pools that may have public nodes", ["workers"]),
    },
  },
  on(nodePool, ({ networkConfig }, { name, config }) => {
    if (config.pools.some((pattern) => new RegExp(pattern).test(name))) return;
    return (
      networkConfig?.enablePrivateNodes !== true &&
      "The pool's nodes have public addresses (enablePrivateNodes)"
    );
  }),
  on(
    cluster,
    ({ removeDefaultNodePool }) =>
      removeDefaultNodePool !== true &&
      "The cluster keeps its default pool, whose nodes are like no other's (removeDefaultNodePool)",
  ),
);
