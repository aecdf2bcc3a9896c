import { type RuleCases, change } from "./common/cases.ts";
import { backloadJob, bidsService } from "./common/compliant.ts";
import { plainSecrets } from "./plainSecrets.ts";
import { unknownStringValue } from "@pulumi/policy/proxy.js";

export const cases: RuleCases = {
  rule: plainSecrets,
  compliant: [bidsService(), backloadJob()],
  broken: {
    "an environment variable that is called a token": [
      change("template.containers.0.envs.0", { name: "RELAY_TOKEN", value: "swordfish" }),
    ],
    "one whose value isn't known yet": [
      change("template.containers.0.envs.0", { name: "DB_PASSWORD", value: unknownStringValue }),
    ],
    "a URL with credentials": [
      change(
        "template.containers.0.envs.0.value",
        '{"one":{"url":"https://user:swordfish@relay.example.com"}}',
      ),
    ],
    "a private key": [change("template.containers.0.envs.0.value", "-----BEGIN PRIVATE KEY-----\nMII")],
    "an API key in an annotation": [change("annotations", { note: `AIza${"b".repeat(35)}` })],
    "in a pod": [
      change(
        "spec.template.spec.containers.0.env",
        [{ name: "API_KEY", value: "swordfish" }],
        "backload-job",
      ),
    ],
  },
  fine: {
    "a reference to Secret Manager": [
      change("template.containers.0.envs.0", {
        name: "RELAY_TOKEN",
        valueSource: { secretKeyRef: { secret: "relay-token", version: "1" } },
      }),
    ],
    "a relay's URL with its public key": [
      change("template.containers.0.envs.0.value", "https://0xac6e77df@relay.example.com"),
    ],
  },
};
