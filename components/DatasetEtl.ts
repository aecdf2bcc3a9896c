import { collectedBy } from "../runtime/settings/shared.ts";
import { IamMember } from "@pulumi/gcp/bigquery/iamMember.js";
import { SecretIamMember } from "@pulumi/gcp/secretmanager/secretIamMember.js";
import { BucketIAMMember } from "@pulumi/gcp/storage/bucketIAMMember.js";
import { all, type ComponentResourceOptions, type Input, type Output, type Resource } from "@pulumi/pulumi";
import type { StackContext } from "./stackContext.ts";
import { type Network, findNetwork } from "../runtime/chain/networks.ts";
import { headerSources } from "../runtime/settings/relayOverrides.ts";
import type { ServiceSettings } from "../runtime/settings/serviceSettings.ts";
import { publicViews } from "../runtime/warehouse/bigquery/bigqueryViews.ts";
import { EtlComponent, validate } from "./component.ts";
import type { Datasets } from "./Datasets.ts";
import { DatasetTable, type DatasetTableArgs } from "./DatasetTable.ts";
import { DatasetView, type DatasetViewArgs } from "./DatasetView.ts";
import type { Egress } from "./Egress.ts";
import type { LakeBucket } from "./LakeBucket.ts";
import type { LogMetrics } from "./LogMetrics.ts";
import type { ServiceName } from "./names.ts";
import type { AlertLimits } from "./alertRules.ts";
import { secretGrants } from "./relaySecrets.ts";
import { ServiceAlerts } from "./ServiceAlerts.ts";
import { ScheduledService, type ScheduledServiceArgs, type ServiceSizing } from "./ScheduledService.ts";
import type { ServiceIdentity } from "./ServiceIdentity.ts";

/** What a dataset's ETL is given. */
export interface DatasetEtlArgs {
  readonly stack: StackContext;
  readonly lake: LakeBucket;
  readonly datasets: Datasets;
  readonly identity: ServiceIdentity;
  /** Image of the services, by digest. */
  readonly image: Input<string>;
  readonly egress?: Egress;
  /** What the service is told beside where its lake and warehouse are. */
  readonly settings: Omit<ServiceSettings, "lake" | "warehouse" | "stagingDataset">;
  readonly sizing: ServiceSizing;
  /** Days that the public view shows. */
  readonly publicDays: number;
  readonly metrics: LogMetrics;
  readonly alerts: AlertLimits;
  /** Channels that alerts go to. */
  readonly notificationChannels: readonly string[];
  readonly transform?: {
    readonly tables?: DatasetTableArgs["transform"];
    readonly publicView?: DatasetViewArgs["transform"];
    readonly service?: ScheduledServiceArgs["transform"];
  };
}

/** Which ETL it is. */
export interface EtlKind {
  /** The component's type. */
  readonly type: string;
  /** Also the table of the dataset's rows, and its public view. */
  readonly service: ServiceName;
  /** The tables that the service writes, and no other does. */
  readonly tables: readonly string[];
}

/**
 * A dataset's ETL: its tables, its public view, its service with what it may do, its schedule and its alerts. The service
 * may change the tables named here, and only these.
 */
export abstract class DatasetEtl extends EtlComponent {
  /** The table of the dataset's rows, `project.dataset.table`. */
  readonly table: Output<string>;
  /** `project.dataset.view` */
  readonly publicView: Output<string>;
  readonly serviceUrl: Output<string>;
  /** What views over the tables have to wait for. */
  readonly tables: ReadonlyMap<string, DatasetTable>;

  protected constructor(
    { type, service, tables }: EtlKind,
    name: string,
    args: DatasetEtlArgs,
    opts: ComponentResourceOptions | undefined,
  ) {
    const network = findNetwork(args.settings.network, 0);
    validate(type, [["settings.network", network !== undefined, "no such network"]]);
    super(type, name, args.stack, opts);
    this.tables = new Map(tables.map((table) => [table, this.#table(args, table)]));
    this.table = this.tableNamed(service);
    this.publicView = this.#publicView(args, service, network as Network);
    // Extras have their public views beside the service's own.
    for (const extra of collectedBy(service).filter((each) => each !== service))
      this.#publicView(args, extra, network as Network, `public-${extra.replaceAll("_", "-")}`);
    const after = [...this.#tableGrants(args), ...this.#lakeGrants(args), ...this.#headerGrants(args)];
    this.serviceUrl = this.#service(args, service, after);
    this.#alerts(args, service);
  }

  #table({ stack, datasets, transform }: DatasetEtlArgs, table: string): DatasetTable {
    return new DatasetTable(
      this.child(table.replaceAll("_", "-")),
      { stack, dataset: datasets.private, table, ...given({ transform: transform?.tables }) },
      { parent: this },
    );
  }

  #publicView(args: DatasetEtlArgs, of: string, network: Network, child = "public"): Output<string> {
    const { stack, datasets, publicDays, transform } = args;
    const rows = this.tables.get(of);
    const definition = publicViews({
      project: stack.project,
      dataset: stack.names.dataset("private"),
      network,
      days: publicDays,
    }).find((view) => view.name === of);
    if (!rows || !definition) throw new RangeError(`${of} has no table or no public view`);
    const view = new DatasetView(
      this.child(child),
      {
        stack,
        dataset: datasets.public,
        definition,
        reads: [rows],
        ...given({ transform: transform?.publicView }),
      },
      { parent: this },
    );
    return view.fullName;
  }

  #tableGrants({ stack, datasets, identity }: DatasetEtlArgs): IamMember[] {
    return [...this.tables].map(
      ([tableName, table]) =>
        new IamMember(
          this.child(`${tableName.replaceAll("_", "-")}-editor`),
          {
            project: stack.project,
            datasetId: datasets.private,
            tableId: table.tableId,
            role: "roles/bigquery.dataEditor",
            member: identity.runtime.member,
          },
          this.options("free"),
        ),
    );
  }

  #lakeGrants({ lake, identity }: DatasetEtlArgs): BucketIAMMember[] {
    // The second role is for asking whether the bucket is there, which the first doesn't hold.
    return ["objectUser", "legacyBucketReader"].map(
      (role) =>
        new BucketIAMMember(
          this.child(role === "objectUser" ? "lake-objects" : "lake-bucket"),
          { bucket: lake.bucket, role: `roles/storage.${role}`, member: identity.runtime.member },
          this.options("free"),
        ),
    );
  }

  #headerGrants({ stack, identity, settings }: DatasetEtlArgs): SecretIamMember[] {
    return secretGrants(headerSources(settings.network, settings.relays)).map(
      ({ noun, ...secret }) =>
        new SecretIamMember(
          this.child(noun),
          { ...secret, member: identity.runtime.member },
          this.options("free", { dependsOn: stack.apis.of("secretManager") }),
        ),
    );
  }

  #service(args: DatasetEtlArgs, service: ServiceName, after: readonly Resource[]): Output<string> {
    const { stack, lake, datasets, identity, image, settings, sizing, egress, transform } = args;
    const { url } = new ScheduledService(
      this.child("service"),
      {
        stack,
        service,
        identity,
        image,
        settings: all([lake.url, datasets.private, datasets.staging]).apply(
          ([lakeUrl, privateId, stagingDataset]) => ({
            ...settings,
            lake: lakeUrl,
            warehouse: `bigquery://${stack.project}/${privateId}`,
            stagingDataset,
          }),
        ),
        sizing,
        after,
        ...given({ egress, transform: transform?.service }),
      },
      { parent: this },
    );
    return url;
  }

  #alerts(args: DatasetEtlArgs, service: ServiceName): ServiceAlerts {
    const { stack, metrics, alerts, sizing, notificationChannels } = args;
    return new ServiceAlerts(
      this.child("alerts"),
      { stack, service, metrics, limits: alerts, scheduled: sizing.enabled, notificationChannels },
      { parent: this },
    );
  }

  /** The full name of one of its tables. */
  protected tableNamed(table: string): Output<string> {
    const found = this.tables.get(table);
    if (!found) throw new RangeError(`no table ${table} belongs to it`);
    return found.fullName;
  }
}

/** The properties that have a value: an absent option and one that is undefined aren't the same to the compiler. */
function given<T extends object>(properties: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(properties).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}
