import { type RuleCases, change } from "./common/cases.ts";
import { backloadJob, bidsService, oneOffJob } from "./common/compliant.ts";
import { imageDigest } from "./imageDigest.ts";

export const cases: RuleCases = {
  rule: imageDigest,
  compliant: [bidsService(), oneOffJob(), backloadJob()],
  broken: {
    "of a service by tag": [change("template.containers.0.image", "docker.pkg.dev/p/r/etl:latest")],
    "with half a digest": [change("template.containers.0.image", "docker.pkg.dev/p/r/etl@sha256:0123")],
    "of a Cloud Run job by tag": [change("template.template.containers.0.image", "etl", "one-off")],
    "of a pod by tag": [change("spec.template.spec.containers.0.image", "etl:1.0", "backload-job")],
  },
};
