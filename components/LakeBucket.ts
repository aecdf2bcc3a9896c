import { Bucket, type BucketArgs } from "@pulumi/gcp/storage/bucket.js";
import { ManagedFolder } from "@pulumi/gcp/storage/managedFolder.js";
import { ManagedFolderIamMember } from "@pulumi/gcp/storage/managedFolderIamMember.js";
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
  /** Who may read the pages beside those who may read the lake; nobody without it. */
  readonly reportReaders?: readonly string[];
  readonly transform?: { readonly bucket?: Transform<BucketArgs> };
}

/** What a reader of pages or of published files may be called. */
export const REPORT_READER =
  /^(?:(?:user|group):[^\s:@]+@[^\s:@]+|domain:[^\s:@]+\.[^\s:@]+|allAuthenticatedUsers|allUsers)$/;
const EVERYBODY: readonly string[] = ["allUsers", "allAuthenticatedUsers"];

/** Whether nothing is known of some reader: what such may read is public. */
export function isPublic(readers: readonly string[]): boolean {
  return readers.some((reader) => EVERYBODY.includes(reader));
}

/** Where a browser finds what lies in a bucket: signed in, unless everybody may read it. */
export function storageHost(readers: readonly string[]): string {
  return readers.includes("allUsers") ? "storage.googleapis.com" : "storage.cloud.google.com";
}

const DAY_SECONDS = 86_400;
/** The folder that services write pages into. */
const REPORTS = "reports";

/**
 * The bucket that is the lake, with the folder of pages in it, which alone may be opened to others. Chunks and quarantine never expire.
 */
export class LakeBucket extends EtlComponent {
  /** The bucket's name. */
  readonly bucket: Output<string>;
  /** `gs://BUCKET`, as `--lake` takes it. */
  readonly url: Output<string>;
  /** Where a browser finds the folder of pages: signed in, unless everybody may read them. */
  readonly reportsUrl: Output<string>;

  constructor(name: string, args: LakeBucketArgs, opts?: ComponentResourceOptions) {
    const { stack, location, softDeleteDays, reportReaders = [], transform = {} } = args;
    const isOpen = isPublic(reportReaders);
    validate("LakeBucket", [
      ["location", location !== "", "give a location of Cloud Storage"],
      [
        "softDeleteDays",
        softDeleteDays === 0 || (softDeleteDays >= 7 && softDeleteDays <= 90),
        "give 0, or 7 to 90 days",
      ],
      [
        "reportReaders",
        reportReaders.every((reader) => REPORT_READER.test(reader)),
        "give user:…, group:…, domain:…, allAuthenticatedUsers or allUsers",
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
          // Prevention is for whole buckets. Where it has to go, policies take a grant to everybody on this one folder alone.
          publicAccessPrevention: isOpen ? "inherited" : "enforced",
          // Chunks are replaced in place all day: versions would keep each of them for ever.
          versioning: { enabled: false },
          softDeletePolicy: { retentionDurationSeconds: softDeleteDays * DAY_SECONDS },
          // Nothing that was written whole expires; only uploads that were never ended are cleared away.
          lifecycleRules: [{ action: { type: "AbortIncompleteMultipartUpload" }, condition: { age: 7 } }],
          labels: isOpen ? { ...stack.labels, public_folder: REPORTS } : stack.labels,
          ...PROTECTION.lake.flags(stack.protect),
        },
        transform.bucket,
      ),
      this.options("lake", { dependsOn: stack.apis.of("storage") }),
    );
    this.bucket = bucket.name;
    this.url = interpolate`gs://${bucket.name}`;
    this.reportsUrl = interpolate`https://${storageHost(reportReaders)}/${bucket.name}/${REPORTS}`;
    if (reportReaders.length > 0) this.#open(bucket, reportReaders);
    this.registerOutputs({ bucket: this.bucket, url: this.url, reportsUrl: this.reportsUrl });
  }

  /** Lets readers see the folder of pages. It goes without its objects, which the next day writes anew. */
  #open(bucket: Bucket, readers: readonly string[]): void {
    const folder = new ManagedFolder(
      this.child("reports"),
      { bucket: bucket.name, name: `${REPORTS}/`, forceDestroy: true },
      this.options("free"),
    );
    for (const [index, member] of readers.entries())
      new ManagedFolderIamMember(
        this.child(`reports-reader-${index}`),
        { bucket: bucket.name, managedFolder: folder.name, role: "roles/storage.objectViewer", member },
        this.options("free"),
      );
  }
}
