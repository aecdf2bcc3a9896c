import path from "node:path";
import { fileURLToPath } from "node:url";
import { Image, type ImageArgs } from "@pulumi/docker-build/image.js";
import { type ComponentResourceOptions, type Input, interpolate, type Output, output } from "@pulumi/pulumi";
import type { StackContext } from "./stackContext.ts";
import { EtlComponent, type Transform, transformed, validate } from "./component.ts";

/** Where the image comes from: built from this repository, or one that exists, by digest. */
export type ImageSource = { readonly build: true } | { readonly ref: string };

export interface ContainerImageArgs {
  readonly stack: StackContext;
  readonly source: ImageSource;
  /** The image's name in the registry that it is pushed to, without tag and digest. */
  readonly image: Input<string>;
  readonly transform?: { readonly image?: Transform<ImageArgs> };
}

const BY_DIGEST = /@sha256:[0-9a-f]{64}$/;

/** The one image of all services, always named by its digest: a tag that moves would not deploy anything. */
export class ContainerImage extends EtlComponent {
  /** `NAME@sha256:DIGEST` */
  readonly ref: Output<string>;

  constructor(name: string, args: ContainerImageArgs, opts?: ComponentResourceOptions) {
    const { stack, source, image, transform = {} } = args;
    validate("ContainerImage", [
      ["source.ref", !("ref" in source) || BY_DIGEST.test(source.ref), "give NAME@sha256:DIGEST"],
    ]);
    super("ContainerImage", name, stack, opts);
    if ("ref" in source) {
      this.ref = output(source.ref);
    } else {
      const built = new Image(
        this.child("build"),
        transformed<ImageArgs>(
          {
            // Relative to where pulumi runs, so that the state is the same on every machine.
            context: { location: repositoryRoot() },
            dockerfile: { location: path.join(repositoryRoot(), "Dockerfile") },
            // One platform, and no attestations: then what is pushed is the image itself and no index over it, whose parts carry no
            // tag and would go by age while the index is kept (ImageRegistry). The provider's own build makes no attestations; a build
            // by `docker buildx` (exec) would: https://github.com/pulumi/pulumi-docker-build/blob/main/provider/internal/client.go,
            // https://docs.docker.com/build/metadata/attestations/
            platforms: ["linux/amd64"],
            exec: false,
            tags: [interpolate`${image}:${stack.names.imageTag}`],
            // The host's credential helper signs in: a token here would land in the state.
            push: true,
            buildOnPreview: false,
          },
          transform.image,
        ),
        // docker-build has a provider of its own, which needs no settings.
        this.options("free"),
      );
      this.ref = interpolate`${image}@${built.digest}`;
    }
    this.registerOutputs({ ref: this.ref });
  }
}

function repositoryRoot(): string {
  const root = fileURLToPath(new URL("..", import.meta.url));
  return path.relative(process.cwd(), root) || ".";
}
