import { Job as RunJob, type JobArgs as RunJobArgs } from "@pulumi/gcp/cloudrunv2/job.js";
import { JobIamMember } from "@pulumi/gcp/cloudrunv2/jobIamMember.js";
import { Job as SchedulerJob } from "@pulumi/gcp/cloudscheduler/job.js";
import { Account } from "@pulumi/gcp/serviceaccount/account.js";
import { Bucket } from "@pulumi/gcp/storage/bucket.js";
import { BucketIAMMember } from "@pulumi/gcp/storage/bucketIAMMember.js";
import {
  type ComponentResourceOptions,
  type Input,
  InputPropertyError,
  interpolate,
  type Output,
  output,
} from "@pulumi/pulumi";
import { publishEnvironment, type PublishSettings } from "../runtime/settings/publishSettings.ts";
import { EtlComponent, type Transform, transformed, validate } from "./component.ts";
import { isPublic, type LakeBucket, REPORT_READER, storageHost } from "./LakeBucket.ts";
import { PROTECTION } from "./protection.ts";
import type { StackContext } from "./stackContext.ts";

/** How the job is sized, and when it is started. */
export interface PublishSizing {
  readonly cpu: number;
  /** `512Mi`, `2Gi` … */
  readonly memory: string;
  /** Disk for the largest file, which is written whole before it is uploaded. */
  readonly diskGigabytes: number;
  /** Hours after which a run is ended. */
  readonly hours: number;
  /** Cron, and the time zone that it is meant in. */
  readonly schedule: string;
  readonly timeZone: string;
  /** Whether the scheduler starts it at all. */
  readonly enabled: boolean;
}

export interface DailyPublishArgs {
  readonly stack: StackContext;
  readonly lake: LakeBucket;
  /** Cloud Storage location of the published files. */
  readonly location: string;
  /** Image, by digest. */
  readonly image: Input<string>;
  readonly settings: Omit<PublishSettings, "lake" | "out">;
  readonly sizing: PublishSizing;
  /** Who may read the files; only the project's own without any. */
  readonly readers: readonly string[];
  /** The bucket's folder that they lie in. */
  readonly prefix: string;
  readonly transform?: { readonly job?: Transform<RunJobArgs> };
}

/** A run that failed is begun again so often: what it did is found done. */
const RETRIES = 1;
/** Starting a run takes seconds, however long the run. */
const ATTEMPT_SECONDS = 300;

/** Whole days as Parquet in a bucket of their own, by a Cloud Run job that Cloud Scheduler starts once a day. */
export class DailyPublish extends EtlComponent {
  /** `gs://BUCKET/PREFIX`, as `--out` takes it. */
  readonly out: Output<string>;
  /** Where readers find the files: signed in, unless everybody may read them. */
  readonly url: Output<string>;

  constructor(name: string, args: DailyPublishArgs, opts?: ComponentResourceOptions) {
    const { stack, readers, prefix } = args;
    validate("DailyPublish", [
      [
        "readers",
        readers.every((reader) => REPORT_READER.test(reader)),
        "give user:…, group:…, domain:…, allAuthenticatedUsers or allUsers",
      ],
    ]);
    super("DailyPublish", name, stack, opts);
    const account = (purpose: "run" | "call", description: string) =>
      new Account(
        this.child(purpose === "run" ? "runtime" : "invoker"),
        {
          accountId: stack.names.account("publish", purpose),
          displayName: `MEV-Boost ETL publish, ${purpose === "run" ? "runtime" : "invoker"}`,
          description,
        },
        this.options("free", { dependsOn: stack.apis.of("iam") }),
      );
    const runtime = account("run", "What the job that publishes works as");
    const bucket = this.#bucket(args);
    this.out = interpolate`gs://${bucket.name}/${prefix}`;
    this.url = interpolate`https://${storageHost(readers)}/${bucket.name}/${prefix}`;
    const grants = this.#grants(args, bucket, runtime);
    const job = this.#job(args, runtime, grants);
    this.#schedule(args, job, account("call", "What the scheduler starts the job that publishes as"));
    this.registerOutputs({ out: this.out, url: this.url });
  }

  #bucket({ stack, location, readers }: DailyPublishArgs): Bucket {
    const isOpen = isPublic(readers);
    const bucket = new Bucket(
      this.child("bucket"),
      {
        name: stack.names.publishedBucket,
        location,
        storageClass: "STANDARD",
        uniformBucketLevelAccess: true,
        // Policies take a grant to everybody on this bucket where its label declares it.
        publicAccessPrevention: isOpen ? "inherited" : "enforced",
        versioning: { enabled: false },
        // A file is replaced when its rows change, whole: the lake has what is needed to write it again.
        softDeletePolicy: { retentionDurationSeconds: 0 },
        lifecycleRules: [{ action: { type: "AbortIncompleteMultipartUpload" }, condition: { age: 7 } }],
        labels: isOpen ? { ...stack.labels, public_bucket: "published" } : stack.labels,
        ...PROTECTION.published.flags(stack.protect),
      },
      this.options("published", { dependsOn: stack.apis.of("storage") }),
    );
    for (const [index, member] of readers.entries())
      new BucketIAMMember(
        this.child(`reader-${index}`),
        { bucket: bucket.name, role: "roles/storage.objectViewer", member },
        this.options("free"),
      );
    return bucket;
  }

  /** It reads the lake and writes what is published, and nothing else. */
  #grants({ lake }: DailyPublishArgs, bucket: Bucket, { member }: Account): BucketIAMMember[] {
    const grant = (noun: string, of: Output<string>, role: string) =>
      new BucketIAMMember(
        this.child(noun),
        { bucket: of, role: `roles/storage.${role}`, member },
        this.options("free"),
      );
    return [
      grant("lake-viewer", lake.bucket, "objectViewer"),
      grant("published-objects", bucket.name, "objectUser"),
    ];
  }

  #job(args: DailyPublishArgs, runtime: Account, grants: readonly BucketIAMMember[]): RunJob {
    const { stack, lake, image, settings, sizing, transform } = args;
    const envs = output([lake.url, this.out] as const).apply(([lakeUrl, out]) =>
      variables({ ...settings, lake: lakeUrl, out }),
    );
    return new RunJob(
      this.child("job"),
      transformed<RunJobArgs>(
        {
          name: stack.names.service("publish"),
          location: stack.region,
          labels: stack.labels,
          // Disks of runs are a preview.
          launchStage: "BETA",
          ...PROTECTION.service.flags(),
          template: {
            taskCount: 1,
            labels: stack.labels,
            template: {
              serviceAccount: runtime.email,
              timeout: `${sizing.hours * 3600}s`,
              maxRetries: RETRIES,
              executionEnvironment: "EXECUTION_ENVIRONMENT_GEN2",
              containers: [
                {
                  image,
                  args: ["publish"],
                  envs,
                  resources: { limits: { cpu: String(sizing.cpu), memory: sizing.memory } },
                  volumeMounts: [{ name: "files", mountPath: "/tmp" }],
                },
              ],
              // Without it /tmp is in memory, and a day's file may be larger.
              volumes: [
                { name: "files", emptyDir: { medium: "DISK", sizeLimit: `${sizing.diskGigabytes}Gi` } },
              ],
            },
          },
        },
        transform?.job,
      ),
      this.options("service", { dependsOn: [...stack.apis.of("run"), ...grants] }),
    );
  }

  #schedule({ stack, sizing }: DailyPublishArgs, job: RunJob, invoker: Account): void {
    const grant = new JobIamMember(
      this.child("invoker-grant"),
      {
        project: stack.project,
        location: job.location,
        name: job.name,
        role: "roles/run.invoker",
        member: invoker.member,
      },
      this.options("free"),
    );
    new SchedulerJob(
      this.child("schedule"),
      {
        name: stack.names.schedulerJob("publish"),
        region: stack.region,
        description: "Starts the job that publishes whole days",
        schedule: sizing.schedule,
        timeZone: sizing.timeZone,
        paused: !sizing.enabled,
        attemptDeadline: `${ATTEMPT_SECONDS}s`,
        // A second start would be a second run. What a day leaves undone the next one does.
        retryConfig: { retryCount: 0 },
        httpTarget: {
          httpMethod: "POST",
          uri: interpolate`https://run.googleapis.com/v2/projects/${stack.project}/locations/${job.location}/jobs/${job.name}:run`,
          // Google's own API takes an access token, not an identity's.
          oauthToken: {
            serviceAccountEmail: invoker.email,
            scope: "https://www.googleapis.com/auth/cloud-platform",
          },
        },
      },
      this.options("free", { dependsOn: [...stack.apis.of("scheduler"), grant] }),
    );
  }
}

/** The settings as variables. Throws InputPropertyError on settings that the job would refuse. */
function variables(settings: PublishSettings) {
  const faults = publishEnvironment.faultsOf(settings);
  if (faults.length > 0)
    throw new InputPropertyError({
      propertyPath: "settings",
      reason: `DailyPublish: ${faults.join("; ")}`,
    });
  return Object.entries(publishEnvironment.codec.encode(settings)).map(([name, value]) => ({ name, value }));
}
