import { onTypes, resourceRule } from "./common/rule.ts";

const KEYS = new Set(["gcp:serviceaccount/key:Key", "gcp:storage/hmacKey:HmacKey"]);

export const accountKeys = resourceRule(
  {
    name: "account-keys",
    severity: "critical",
    description:
      "No keys of service accounts: a key works from anywhere, for ever, for whoever has copied it.",
    remedy: "Use the account that the service runs as, workload identity in clusters, and federation in CI",
  },
  onTypes(
    (type) => KEYS.has(type),
    () => "A long-lived key of a service account is made",
  ),
);
