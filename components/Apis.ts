import { Service } from "@pulumi/gcp/projects/service.js";
import type { ComponentResourceOptions } from "@pulumi/pulumi";
import { EtlComponent } from "./component.ts";

/** Google's APIs that a stack may need, by the word that the components use. */
export const API_HOSTS = {
  artifactRegistry: "artifactregistry.googleapis.com",
  bigquery: "bigquery.googleapis.com",
  budgets: "billingbudgets.googleapis.com",
  compute: "compute.googleapis.com",
  container: "container.googleapis.com",
  iam: "iam.googleapis.com",
  logging: "logging.googleapis.com",
  monitoring: "monitoring.googleapis.com",
  resourceManager: "cloudresourcemanager.googleapis.com",
  run: "run.googleapis.com",
  scheduler: "cloudscheduler.googleapis.com",
  secretManager: "secretmanager.googleapis.com",
  storage: "storage.googleapis.com",
} as const;

export type ApiName = keyof typeof API_HOSTS;

export interface ApisArgs {
  readonly apis: readonly ApiName[];
}

/** The APIs that the stack uses. They stay on when the stack goes: the project may hold others that use them. */
export class Apis extends EtlComponent {
  readonly #services = new Map<ApiName, Service>();

  constructor(name: string, { apis }: ApisArgs, opts?: ComponentResourceOptions) {
    super("Apis", name, { protect: false }, opts);
    for (const api of apis) {
      const service = new Service(
        this.child(API_HOSTS[api].split(".")[0] ?? api),
        { service: API_HOSTS[api], disableOnDestroy: false },
        this.options("free"),
      );
      this.#services.set(api, service);
    }
    this.registerOutputs({});
  }

  /** What has to depend on these APIs. Throws RangeError for one that the stack doesn't have. */
  of(...names: readonly ApiName[]): Service[] {
    return names.map((name) => {
      const service = this.#services.get(name);
      if (!service) throw new RangeError(`the stack doesn't use the API ${API_HOSTS[name]}`);
      return service;
    });
  }
}
