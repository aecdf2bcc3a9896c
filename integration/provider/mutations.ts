import { change, type CaseChange, type Resource } from "../../policies/rules/common/cases.ts";

/** A deliberate fault in a resource that a stack registers, and who has to see it. */
export interface Mutation {
  readonly type: string;
  readonly fault: string;
  readonly changes: readonly CaseChange[];
  /** What the provider, or Google's description of the API, must say of it. */
  readonly provider?: RegExp;
  /** The policy that refuses what the provider takes. */
  readonly policy?: string;
}

const MEMBER = /invalid value "someone@example\.com" for member/;
const stranger = [change("member", "someone@example.com")];

/** By type; at least one fault of each kind of resource that is judged. */
export const MUTATIONS: readonly Mutation[] = [
  {
    type: "gcp:artifactregistry/repository:Repository",
    fault: "has no format",
    changes: [change("format", undefined)],
    provider: /"format" is required/,
  },
  {
    type: "gcp:artifactregistry/repositoryIamMember:RepositoryIamMember",
    fault: "is for nobody",
    changes: stranger,
    provider: MEMBER,
  },
  {
    type: "gcp:bigquery/dataset:Dataset",
    fault: "has a hyphen in its id",
    changes: [change("datasetId", "a-b")],
    provider: /must contain only letters/,
  },
  { type: "gcp:bigquery/iamMember:IamMember", fault: "is for nobody", changes: stranger, provider: MEMBER },
  {
    type: "gcp:bigquery/routine:Routine",
    fault: "is of no known type",
    changes: [change("routineType", "FUNCTION")],
    provider: /expected routine_type to be one of/,
  },
  {
    type: "gcp:bigquery/table:Table",
    fault: "is clustered by five columns",
    changes: [change("clusterings", ["slot", "relay", "block_hash", "value", "builder_pubkey"])],
    provider: /supports 4 item maximum/,
  },
  {
    type: "gcp:bigquery/table:Table",
    fault: "has a schema that is no list",
    changes: [change("schema", '{"name": "slot"}')],
    provider: /not a JSON array/,
  },
  {
    type: "gcp:billing/budget:Budget",
    fault: "has a rule on no known basis",
    changes: [change("thresholdRules.0.spendBasis", "SPEND")],
    provider: /spend_basis to be one of/,
  },
  {
    type: "gcp:cloudrunv2/job:Job",
    fault: "has its files on a medium that there isn't",
    changes: [change("template.template.volumes.0.emptyDir.medium", "TAPE")],
    provider: /medium to be one of/,
  },
  {
    type: "gcp:cloudrunv2/job:Job",
    fault: "is begun again ten times",
    changes: [change("template.template.maxRetries", 10)],
    policy: "run-job-ends",
  },
  {
    type: "gcp:cloudrunv2/jobIamMember:JobIamMember",
    fault: "grants no role",
    changes: [change("role", undefined)],
    provider: /"role" is required/,
  },
  {
    type: "gcp:cloudrunv2/service:Service",
    fault: "lets in a kind of traffic that there isn't",
    changes: [change("ingress", "INGRESS_EVERYONE")],
    provider: /expected ingress to be one of/,
  },
  {
    type: "gcp:cloudrunv2/service:Service",
    fault: "runs twice",
    changes: [change("template.scaling.maxInstanceCount", 2)],
    policy: "run-instances",
  },
  {
    type: "gcp:cloudrunv2/serviceIamMember:ServiceIamMember",
    fault: "grants no role",
    changes: [change("role", undefined)],
    provider: /"role" is required/,
  },
  {
    type: "gcp:cloudscheduler/job:Job",
    fault: "names its token's audience wrongly",
    changes: [change("httpTarget.oidcToken.audiences", "https://example.com")],
    provider: /no argument httpTarget\.oidcToken\.audiences/,
  },
  {
    type: "gcp:cloudscheduler/job:Job",
    fault: "waits longer than the scheduler does",
    changes: [change("attemptDeadline", "1801s")],
    policy: "scheduler-deadline",
  },
  {
    type: "gcp:compute/address:Address",
    fault: "is of no known kind",
    changes: [change("addressType", "OUTSIDE")],
    provider: /expected address_type to be one of/,
  },
  {
    type: "gcp:compute/firewall:Firewall",
    fault: "goes in no direction",
    changes: [change("direction", "OUT")],
    provider: /expected direction to be one of/,
  },
  {
    type: "gcp:compute/network:Network",
    fault: "routes in no known mode",
    changes: [change("routingMode", "NEAR")],
    provider: /expected routing_mode to be one of/,
  },
  {
    type: "gcp:compute/router:Router",
    fault: "has capitals in its name",
    changes: [change("name", "Router")],
    provider: /doesn't match regexp/,
  },
  {
    type: "gcp:compute/routerNat:RouterNat",
    fault: "gets its addresses in no known way",
    changes: [change("natIpAllocateOption", "SOME")],
    provider: /nat_ip_allocate_option to be one of/,
  },
  {
    type: "gcp:compute/subnetwork:Subnetwork",
    fault: "has no range of addresses",
    changes: [change("ipCidrRange", "10.0.0/20")],
    provider: /not a valid IP CIDR range/,
  },
  {
    type: "gcp:container/cluster:Cluster",
    fault: "has no known data path",
    changes: [change("datapathProvider", "DATAPATH")],
    provider: /expected datapath_provider to be one of/,
  },
  {
    type: "gcp:container/nodePool:NodePool",
    fault: "misspells an argument inside another",
    changes: [change("management", { autoRepairs: true })],
    provider: /no argument management\.autoRepairs/,
  },
  {
    type: "gcp:container/nodePool:NodePool",
    fault: "has a name that is too long",
    changes: [change("name", "p".repeat(41))],
    policy: "physical-names",
  },
  {
    type: "gcp:logging/metric:Metric",
    fault: "counts nothing that can be counted",
    changes: [change("metricDescriptor.valueType", "DECIMAL")],
    provider: /value_type to be one of/,
  },
  {
    type: "gcp:monitoring/alertPolicy:AlertPolicy",
    fault: "combines its conditions in no known way",
    changes: [change("combiner", "XOR")],
    provider: /expected combiner to be one of/,
  },
  {
    // Only the request shows it: to the provider a dashboard is any JSON.
    type: "gcp:monitoring/dashboard:Dashboard",
    fault: "misspells a field of its JSON",
    changes: [change("dashboardJson", '{"displayName": "d", "mosaicLayout": {"columns": 48, "tile": []}}')],
    provider: /mosaicLayout\.tile: the API has no such field/,
  },
  { type: "gcp:projects/iAMMember:IAMMember", fault: "is for nobody", changes: stranger, provider: MEMBER },
  {
    type: "gcp:projects/service:Service",
    fault: "is no API",
    changes: [change("service", "storage")],
    provider: /to be a domain like/,
  },
  {
    type: "gcp:secretmanager/secretIamMember:SecretIamMember",
    fault: "is for nobody",
    changes: stranger,
    provider: MEMBER,
  },
  {
    type: "gcp:serviceaccount/account:Account",
    fault: "has an underscore in its id",
    changes: [change("accountId", "etl_bids_run")],
    provider: /must match regex/,
  },
  {
    type: "gcp:storage/bucket:Bucket",
    fault: "misspells how long deleted objects are kept",
    changes: [change("softDeletePolicy", { retentionSeconds: 604_800 })],
    provider: /no argument softDeletePolicy\.retentionSeconds/,
  },
  {
    type: "gcp:storage/bucket:Bucket",
    fault: "keeps what is deleted for a day",
    changes: [change("softDeletePolicy", { retentionDurationSeconds: 86_400 })],
    policy: "soft-delete",
  },
  {
    type: "gcp:storage/bucketIAMMember:BucketIAMMember",
    fault: "is for nobody",
    changes: stranger,
    provider: MEMBER,
  },
  {
    type: "gcp:storage/managedFolder:ManagedFolder",
    fault: "has no slash at its end",
    changes: [change("name", "reports")],
    provider: /name/,
  },
  {
    type: "gcp:storage/managedFolderIamMember:ManagedFolderIamMember",
    fault: "lets everybody read another folder",
    changes: [change("member", "allUsers"), change("managedFolder", "mainnet/")],
    policy: "public-access",
  },
];

/** Types that a stack registers only where it is asked to, as none of the golden files' does. */
export const UNSHOWN: readonly Resource[] = [
  {
    type: "gcp:storage/managedFolder:ManagedFolder",
    name: "lake-reports",
    props: { bucket: "example-project-mev-boost-etl-test", name: "reports/", forceDestroy: true },
  },
  {
    type: "gcp:storage/managedFolderIamMember:ManagedFolderIamMember",
    name: "lake-reports-reader-0",
    props: {
      bucket: "example-project-mev-boost-etl-test",
      managedFolder: "reports/",
      role: "roles/storage.objectViewer",
      member: "group:research@example.org",
    },
  },
  {
    type: "gcp:billing/budget:Budget",
    name: "budget",
    props: {
      billingAccount: "000000-000000-000000",
      displayName: "mev-boost-etl-test",
      amount: { specifiedAmount: { currencyCode: "USD", units: "50" } },
      budgetFilter: { projects: ["projects/123456789012"] },
      thresholdRules: [{ thresholdPercent: 0.5 }, { thresholdPercent: 1, spendBasis: "FORECASTED_SPEND" }],
    },
  },
  {
    type: "gcp:compute/firewall:Firewall",
    name: "firewall",
    props: {
      name: "no-metadata",
      network: "some-network",
      direction: "EGRESS",
      denies: [{ protocol: "all" }],
      destinationRanges: ["10.0.0.0/8"],
    },
  },
  {
    type: "gcp:secretmanager/secretIamMember:SecretIamMember",
    name: "secret",
    props: {
      secretId: "a-secret",
      role: "roles/secretmanager.secretAccessor",
      member: "serviceAccount:etl-bids-run-test@example-project.iam.gserviceaccount.com",
    },
  },
];
