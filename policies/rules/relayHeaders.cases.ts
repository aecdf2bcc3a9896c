import { type RuleCases, change } from "./common/cases.ts";
import { backloadJob, bidsService } from "./common/compliant.ts";
import { relayHeaders } from "./relayHeaders.ts";

const relays = (header: unknown) => ({
  name: "ETL_RELAYS",
  value: JSON.stringify({ mine: { url: "https://relay.example.com", headers: { "X-Api-Key": header } } }),
});

export const cases: RuleCases = {
  rule: relayHeaders,
  compliant: [bidsService(), backloadJob()],
  broken: {
    "a header's value": [change("template.containers.0.envs.0", relays("swordfish"))],
    "a secret without its version": [
      change("template.containers.0.envs.0", relays("projects/example-project/secrets/key")),
    ],
    "something else": [change("template.containers.0.envs.0", relays({ value: "swordfish" }))],
    "in a pod": [change("spec.template.spec.containers.0.env", [relays("Bearer swordfish")], "backload-job")],
  },
  fine: {
    "a secret's version": [
      change("template.containers.0.envs.0", relays("projects/example-project/secrets/key/versions/3")),
    ],
    "no headers": [
      change("template.containers.0.envs.0", { name: "ETL_RELAYS", value: '{"titan":{"off":true}}' }),
    ],
    "text that the service refuses": [
      change("template.containers.0.envs.0", { name: "ETL_RELAYS", value: "titan" }),
    ],
    "another variable": [change("template.containers.0.envs.0", { ...relays("x"), name: "NOTES" })],
  },
};
