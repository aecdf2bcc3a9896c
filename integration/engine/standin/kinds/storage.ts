import { type StandinKind, map, projectNumber, sameLetters, textOrNone } from "../kind.ts";

const PROVIDER = "hashicorp/terraform-provider-google, google/services/storage";
const BUCKET = "gcp:storage/bucket:Bucket";
const FOLDER = "gcp:storage/managedFolder:ManagedFolder";

export const storage: Readonly<Record<string, StandinKind>> = {
  [BUCKET]: {
    id: (v) => textOrNone(v.name),
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
    defaults: {
      storageClass: "STANDARD",
      forceDestroy: false,
      defaultEventBasedHold: false,
      requesterPays: false,
    },
    computed: (v) => ({
      url: `gs://${textOrNone(v.name)}`,
      selfLink: `https://www.googleapis.com/storage/v1/b/${textOrNone(v.name)}`,
      projectNumber: Number(projectNumber(v.project)),
      effectiveLabels: map(v.labels),
      timeCreated: "2026-11-01T00:00:00.000Z",
      updated: "2026-11-01T00:00:00.000Z",
    }),
    sets: ["lifecycleRules"],
    echo: (v) => ({
      ...v,
      location: textOrNone(v.location).toUpperCase(),
      rpo: undefined,
      softDeletePolicy: {
        retentionDurationSeconds: 604_800,
        ...map(v.softDeletePolicy),
        effectiveTime: "2026-11-01T00:00:00.000Z",
      },
    }),
    same: { location: sameLetters },
  },
  "gcp:storage/bucketIAMMember:BucketIAMMember": {
    id: (v) => `b/${textOrNone(v.bucket)} ${textOrNone(v.role)} ${textOrNone(v.member)}`,
    source: `${PROVIDER}/iam_storage_bucket.go (every property ForceNew)`,
    replaces: ["bucket", "role", "member", "condition"],
    idempotent: true,
    computed: () => ({ etag: "CAI=" }),
    // The provider gives the bucket back with its prefix, and compares names without it.
    echo: (v) => ({ ...v, bucket: `b/${textOrNone(v.bucket).replace(/^b\//, "")}` }),
    same: {
      bucket: (stands, wanted) =>
        textOrNone(stands).replace(/^b\//, "") === textOrNone(wanted).replace(/^b\//, ""),
    },
    needs: (v) => [[BUCKET, textOrNone(v.bucket).replace(/^b\//, "")]],
  },
  [FOLDER]: {
    id: (v) => `${textOrNone(v.bucket)}/${textOrNone(v.name)}`,
    source: `${PROVIDER}/resource_storage_managed_folder.go (bucket, name: ForceNew)`,
    replaces: ["bucket", "name"],
    defaults: { forceDestroy: false },
    computed: (v) => ({
      createTime: "2026-11-01T00:00:00.000Z",
      updateTime: "2026-11-01T00:00:00.000Z",
      metageneration: "1",
      selfLink: `https://www.googleapis.com/storage/v1/b/${textOrNone(v.bucket)}/managedFolders/${textOrNone(v.name)}`,
    }),
    needs: (v) => [[BUCKET, textOrNone(v.bucket)]],
  },
  "gcp:storage/managedFolderIamMember:ManagedFolderIamMember": {
    id: (v) =>
      `b/${textOrNone(v.bucket)}/managedFolders/${textOrNone(v.managedFolder)} ${textOrNone(v.role)} ${textOrNone(v.member)}`,
    source: `${PROVIDER}/iam_storage_managed_folder.go (every property ForceNew)`,
    replaces: ["bucket", "managedFolder", "role", "member", "condition"],
    idempotent: true,
    computed: () => ({ etag: "CAI=" }),
    needs: (v) => [[FOLDER, `${textOrNone(v.bucket)}/${textOrNone(v.managedFolder)}`]],
  },
};
