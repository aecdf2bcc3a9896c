import { IAMMember } from "@pulumi/gcp/projects/iammember.js";
import { Account } from "@pulumi/gcp/serviceaccount/account.js";
import type { ComponentResourceOptions, Output, Resource } from "@pulumi/pulumi";
import type { StackContext } from "./stackContext.ts";
import { EtlComponent } from "./component.ts";
import type { ServiceName } from "./names.ts";

export interface ServiceIdentityArgs {
  readonly stack: StackContext;
  readonly service: ServiceName;
}

/** An account as grants name it. */
export interface Identity {
  readonly email: Output<string>;
  /** `serviceAccount:EMAIL` */
  readonly member: Output<string>;
}

/**
 * What a service works as and what its scheduler calls it as. They exist before the datasets, whose access lists name them;
 * what they may do on a table, the bucket or a service is granted where that is made.
 */
export class ServiceIdentity extends EtlComponent {
  readonly runtime: Identity;
  readonly invoker: Identity;
  /** The project-wide grant that the service can't start to work without: to run jobs, which reads and writes nothing yet. */
  readonly grants: readonly Resource[];

  constructor(name: string, { stack, service }: ServiceIdentityArgs, opts?: ComponentResourceOptions) {
    super("ServiceIdentity", name, stack, opts);
    const account = (noun: string, purpose: "run" | "call", description: string) =>
      new Account(
        this.child(noun),
        {
          accountId: stack.names.account(service, purpose),
          displayName: `MEV-Boost ETL ${service}, ${noun}`,
          description,
        },
        this.options("free", { dependsOn: stack.apis.of("iam") }),
      );
    const runtime = account("runtime", "run", `What the ${service} service works as`);
    const invoker = account("invoker", "call", `What the scheduler calls the ${service} service as`);
    const jobs = new IAMMember(
      this.child("jobs"),
      { project: stack.project, role: "roles/bigquery.jobUser", member: runtime.member },
      this.options("free", { dependsOn: stack.apis.of("resourceManager") }),
    );
    this.runtime = runtime;
    this.invoker = invoker;
    this.grants = [jobs];
    this.registerOutputs({ runtime: runtime.email, invoker: invoker.email });
  }
}
