import { containerName, containers, runsContainers } from "./common/containers.ts";
import { onTypes, resourceRule } from "./common/rule.ts";
import { each, isUnknown } from "./common/unknown.ts";

const DIGEST = /@sha256:[0-9a-f]{64}$/;

export const imageDigest = resourceRule(
  {
    name: "image-digest",
    severity: "high",
    description:
      "A container's image is named by its digest: a tag can be moved, and then nobody knows which code runs or ran.",
    remedy: "Name the image as repository@sha256:… (the component's image output has this form)",
  },
  onTypes(runsContainers, (props, { type }) =>
    each(containers(props, type), (container, index) => {
      // What is still to be built is asked again once its digest is known, before anything runs it.
      if (isUnknown(() => container.image)) return undefined;
      const { image } = container;
      return image === undefined || !DIGEST.test(image)
        ? `${containerName(container, index)} runs ${image ?? "no image"}, which is no digest`
        : undefined;
    }),
  ),
);
