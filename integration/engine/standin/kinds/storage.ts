import { type Kind, map, projectNumber, sameLetters, text } from "../kind.ts";

const PROVIDER = "hashicorp/terraform-provider-google, google/services/storage";
const BUCKET = "gcp:storage/bucket:Bucket";

export const storage: Readonly<Record<string, Kind>> = {
  [BUCKET]: {
    id: (v) => text(v.name),
    api: "storage.googleapis.com",
    source: `${PROVIDER}/resource_storage_bucket.go (ForceNew; location: StateFunc upper case)`,
    replaces: [
      "name",
      "location",
      "project",
      "customPlacementConfig",
      "enableObjectRetention",
      "hierarchicalNamespace",
    ],
    names: {
      name: {
        longest: 63,
        shortest: 3,
        form: /^(?!goog)(?!.*(?:google|\.\.))[a-z0-9][a-z0-9._-]*[a-z0-9]$/,
        source: "cloud.google.com/storage/docs/buckets#naming",
      },
    },
    defaults: {
      storageClass: "STANDARD",
      forceDestroy: false,
      defaultEventBasedHold: false,
      requesterPays: false,
    },
    computed: (v) => ({
      url: `gs://${text(v.name)}`,
      selfLink: `https://www.googleapis.com/storage/v1/b/${text(v.name)}`,
      projectNumber: Number(projectNumber(v.project)),
      effectiveLabels: map(v.labels),
      timeCreated: "2026-11-01T00:00:00.000Z",
      updated: "2026-11-01T00:00:00.000Z",
    }),
    sets: ["lifecycleRules"],
    echo: (v) => ({
      ...v,
      location: text(v.location).toUpperCase(),
      rpo: undefined,
      softDeletePolicy: {
        retentionDurationSeconds: 604_800,
        ...map(v.softDeletePolicy),
        effectiveTime: "2026-11-01T00:00:00.000Z",
      },
    }),
    same: { location: sameLetters },
    refuse(v) {
      const days = Number(map(v.softDeletePolicy).retentionDurationSeconds ?? 604_800) / 86_400;
      return days !== 0 && (days < 7 || days > 90) ? "softDeletePolicy: 0, or 7 to 90 days" : undefined;
    },
  },
  "gcp:storage/bucketIAMMember:BucketIAMMember": {
    id: (v) => `b/${text(v.bucket)} ${text(v.role)} ${text(v.member)}`,
    source: `${PROVIDER}/iam_storage_bucket.go (every property ForceNew)`,
    replaces: ["bucket", "role", "member", "condition"],
    idempotent: true,
    computed: () => ({ etag: "CAI=" }),
    // The provider gives the bucket back with its prefix, and compares names without it.
    echo: (v) => ({ ...v, bucket: `b/${text(v.bucket).replace(/^b\//, "")}` }),
    same: {
      bucket: (stands, wanted) => text(stands).replace(/^b\//, "") === text(wanted).replace(/^b\//, ""),
    },
    needs: (v) => [[BUCKET, text(v.bucket).replace(/^b\//, "")]],
  },
};
