import { Dataset, type DatasetArgs } from "@pulumi/gcp/bigquery/dataset.js";
import type { ComponentResourceOptions, Input, Output, Resource } from "@pulumi/pulumi";
import type { StackContext } from "./stackContext.ts";
import { EtlComponent, type Transform, transformed, validate } from "./component.ts";
import { PROTECTION } from "./protection.ts";

export interface DatasetsArgs {
  readonly stack: StackContext;
  /** BigQuery location of all three, e.g. `US`. */
  readonly location: string;
  /** E-mail of the account that deploys; it owns the datasets beside the project's owners. */
  readonly deployer: Input<string>;
  /** E-mails of the accounts that the services run as: they read the private dataset and write to staging. */
  readonly runtimes: readonly Input<string>[];
  /** Grants of these accounts, which must hold before a dataset names them. */
  readonly after: readonly Resource[];
  /** Who may read the public dataset: `user:…`, `group:…`, `domain:…` or `allAuthenticatedUsers`. */
  readonly publicReaders: readonly string[];
  readonly transform?: {
    readonly private?: Transform<DatasetArgs>;
    readonly staging?: Transform<DatasetArgs>;
    readonly public?: Transform<DatasetArgs>;
  };
}

type Access =
  NonNullable<DatasetArgs["accesses"]> extends Input<infer List | undefined>
    ? List extends readonly Input<infer One>[]
      ? One
      : never
    : never;

/** What a reader of the public dataset may be called. */
export const PUBLIC_READER =
  /^(?:(?:user|group):[^\s:@]+@[^\s:@]+|domain:[^\s:@]+\.[^\s:@]+|allAuthenticatedUsers)$/;

const DAY_MS = 86_400_000;

/**
 * The private, the staging and the public dataset. Who may do what stands in `accesses`, and there alone: an update of a
 * dataset wipes what IAM members added beside it. Roles are written as the API echoes them.
 */
export class Datasets extends EtlComponent {
  /** Ids of the datasets. */
  readonly private: Output<string>;
  readonly staging: Output<string>;
  readonly public: Output<string>;

  constructor(name: string, args: DatasetsArgs, opts?: ComponentResourceOptions) {
    const { stack, location, publicReaders } = args;
    validate("Datasets", [
      ["location", location !== "", "give a location of BigQuery"],
      [
        "publicReaders",
        publicReaders.every((reader) => PUBLIC_READER.test(reader)),
        "give user:…, group:…, domain:… or allAuthenticatedUsers",
      ],
    ]);
    super("Datasets", name, stack, opts);
    this.public = this.#dataset("public", args, publicParts(args));
    this.staging = this.#dataset("staging", args, stagingParts(args));
    this.private = this.#dataset("private", args, privateParts(args, this.public));
    this.registerOutputs({ private: this.private, staging: this.staging, public: this.public });
  }

  #dataset(kind: Kind, { stack, location, after, transform }: DatasetsArgs, parts: Parts): Output<string> {
    const { datasetId } = new Dataset(
      this.child(kind),
      transformed<DatasetArgs>(
        { location, labels: stack.labels, datasetId: stack.names.dataset(kind), ...parts },
        transform?.[kind],
      ),
      this.options(kind === "private" ? "data" : kind, {
        // An account that is seconds old isn't known to BigQuery yet. The provider tries a grant in IAM again until it is, and a
        // dataset never: https://github.com/hashicorp/terraform-provider-google/pull/26430
        dependsOn: [...stack.apis.of("bigquery"), ...after],
      }),
    );
    return datasetId;
  }
}

type Kind = "private" | "staging" | "public";
/** What isn't the same for all three. */
type Parts = Omit<DatasetArgs, "location" | "labels" | "datasetId">;

function publicParts({ stack, deployer, publicReaders }: DatasetsArgs): Parts {
  return {
    description: "Bids and payloads of the last days, for everyone who is named as a reader",
    accesses: [...owners(deployer), ...publicReaders.map(readerAccess)],
    ...PROTECTION.public.flags(stack.protect),
  };
}

function stagingParts({ deployer, runtimes }: DatasetsArgs): Parts {
  return {
    description: "Tables of load jobs on their way; each expires within a day",
    defaultTableExpirationMs: DAY_MS,
    storageBillingModel: "LOGICAL",
    accesses: [...owners(deployer), ...runtimes.map((email) => ({ role: "WRITER", userByEmail: email }))],
    ...PROTECTION.staging.flags(),
  };
}

function privateParts({ stack, deployer, runtimes }: DatasetsArgs, publicId: Output<string>): Parts {
  return {
    description: "Bids and payloads of MEV-Boost relays, what of them is loaded, and views over them",
    // Rows are long hex texts: compressed they are a fraction of what LOGICAL would bill.
    storageBillingModel: "PHYSICAL",
    maxTimeTravelHours: "48",
    accesses: [
      ...owners(deployer),
      ...runtimes.map((email) => ({ role: "READER", userByEmail: email })),
      {
        // The dataset is authorized, not its views: they come later, and need this dataset's tables.
        dataset: { dataset: { projectId: stack.project, datasetId: publicId }, targetTypes: ["VIEWS"] },
      },
    ],
    ...PROTECTION.data.flags(stack.protect),
  };
}

function owners(deployer: Input<string>): Access[] {
  return [
    { role: "OWNER", specialGroup: "projectOwners" },
    { role: "OWNER", userByEmail: deployer },
  ];
}

function readerAccess(reader: string): Access {
  const [kind, who] = reader.split(":");
  if (who === undefined) return { role: "READER", specialGroup: reader };
  if (kind === "user") return { role: "READER", userByEmail: who };
  return kind === "group" ? { role: "READER", groupByEmail: who } : { role: "READER", domain: who };
}
