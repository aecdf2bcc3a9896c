import { Bucket, type BucketArgs } from "@pulumi/gcp/storage/bucket.js";
import { type ComponentResourceOptions, interpolate, type Output } from "@pulumi/pulumi";
import type { StackContext } from "./stackContext.ts";
import { EtlComponent, type Transform, transformed, validate } from "./component.ts";
import { PROTECTION } from "./protection.ts";

export interface LakeBucketArgs {
  readonly stack: StackContext;
  /** Cloud Storage location, e.g. `us-central1` or `US`. */
  readonly location: string;
  /** Days for which a deleted or replaced object can be brought back, 0 or 7–90. */
  readonly softDeleteDays: number;
  readonly transform?: { readonly bucket?: Transform<BucketArgs> };
}

const DAY_SECONDS = 86_400;

/** The bucket that is the lake. Chunks and quarantine never expire. */
export class LakeBucket extends EtlComponent {
  /** The bucket's name. */
  readonly bucket: Output<string>;
  /** `gs://BUCKET`, as `--lake` takes it. */
  readonly url: Output<string>;

  constructor(name: string, args: LakeBucketArgs, opts?: ComponentResourceOptions) {
    const { stack, location, softDeleteDays, transform = {} } = args;
    validate("LakeBucket", [
      ["location", location !== "", "give a location of Cloud Storage"],
      [
        "softDeleteDays",
        softDeleteDays === 0 || (softDeleteDays >= 7 && softDeleteDays <= 90),
        "give 0, or 7 to 90 days",
      ],
    ]);
    super("LakeBucket", name, stack, opts);
    const bucket = new Bucket(
      this.child("bucket"),
      transformed<BucketArgs>(
        {
          name: stack.names.bucket,
          location,
          storageClass: "STANDARD",
          uniformBucketLevelAccess: true,
          publicAccessPrevention: "enforced",
          // Chunks are replaced in place all day: versions would keep each of them for ever.
          versioning: { enabled: false },
          softDeletePolicy: { retentionDurationSeconds: softDeleteDays * DAY_SECONDS },
          // Nothing that was written whole expires; only uploads that were never ended are cleared away.
          lifecycleRules: [{ action: { type: "AbortIncompleteMultipartUpload" }, condition: { age: 7 } }],
          labels: stack.labels,
          ...PROTECTION.lake.flags(stack.protect),
        },
        transform.bucket,
      ),
      this.options("lake", { dependsOn: stack.apis.of("storage") }),
    );
    this.bucket = bucket.name;
    this.url = interpolate`gs://${bucket.name}`;
    this.registerOutputs({ bucket: this.bucket, url: this.url });
  }
}
