import { Repository, type RepositoryArgs } from "@pulumi/gcp/artifactregistry/repository.js";
import { type ComponentResourceOptions, interpolate, type Output } from "@pulumi/pulumi";
import type { StackContext } from "./stackContext.ts";
import { EtlComponent, type Transform, transformed } from "./component.ts";

export interface ImageRegistryArgs {
  readonly stack: StackContext;
  readonly transform?: { readonly repository?: Transform<RepositoryArgs> };
}

const KEPT_VERSIONS = 20;
const OLD = `${30 * 86_400}s`;

/** The repository of the stack's images. */
export class ImageRegistry extends EtlComponent {
  /** `REGION-docker.pkg.dev/PROJECT/REPOSITORY/mev-boost-etl`, without tag and digest. */
  readonly image: Output<string>;
  /** The repository's id. */
  readonly repository: Output<string>;

  constructor(name: string, { stack, transform = {} }: ImageRegistryArgs, opts?: ComponentResourceOptions) {
    super("ImageRegistry", name, stack, opts);
    const repository = new Repository(
      this.child("repository"),
      transformed<RepositoryArgs>(
        {
          repositoryId: stack.names.repository,
          location: stack.region,
          format: "DOCKER",
          description: "Images of MEV-Boost ETL",
          // By age alone it would delete what runs: a service, or a node that comes back, pulls by digest. What carries no tag is part
          // of no index here (ContainerImage), so that what is kept is whole.
          cleanupPolicies: [
            { id: "delete-old", action: "DELETE", condition: { olderThan: OLD, tagState: "ANY" } },
            {
              id: "keep-deployed",
              action: "KEEP",
              condition: { tagState: "TAGGED", tagPrefixes: ["deployed-"] },
            },
            { id: "keep-newest", action: "KEEP", mostRecentVersions: { keepCount: KEPT_VERSIONS } },
          ],
          labels: stack.labels,
        },
        transform.repository,
      ),
      this.options("registry", { dependsOn: stack.apis.of("artifactRegistry") }),
    );
    this.image = interpolate`${stack.region}-docker.pkg.dev/${stack.project}/${repository.repositoryId}/mev-boost-etl`;
    this.repository = repository.repositoryId;
    this.registerOutputs({ image: this.image });
  }
}
