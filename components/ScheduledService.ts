import { Job, type JobArgs } from "@pulumi/gcp/cloudscheduler/job.js";
import { Service, type ServiceArgs } from "@pulumi/gcp/cloudrunv2/service.js";
import { ServiceIamMember } from "@pulumi/gcp/cloudrunv2/serviceIamMember.js";
import {
  type ComponentResourceOptions,
  type Input,
  InputPropertyError,
  interpolate,
  type Output,
  output,
  type Resource,
} from "@pulumi/pulumi";
import type { StackContext } from "./stackContext.ts";
import { type ServiceSettings, serviceEnvironment } from "../runtime/settings/serviceSettings.ts";
import { EtlComponent, type Transform, transformed, validate } from "./component.ts";
import type { Egress } from "./Egress.ts";
import type { ServiceName } from "./names.ts";
import { PROTECTION } from "./protection.ts";
import type { ServiceIdentity } from "./ServiceIdentity.ts";

/** How a service is sized, timed and called; all times in seconds. */
export interface ServiceSizing {
  /** CPUs: 1, 2, 4, 6 or 8. */
  readonly cpu: number;
  /** `512Mi`, `2Gi` … */
  readonly memory: string;
  /** Requests that an instance takes at once; above 1, so that the service itself refuses a second tick. */
  readonly concurrency: number;
  /** Instances kept between ticks, 0 or 1; there is never more than one. */
  readonly minInstances: number;
  /** What Cloud Run gives a tick: above the settings' `tickSeconds`. */
  readonly timeoutSeconds: number;
  /** What Cloud Scheduler waits for it: at least `timeoutSeconds`, at most 1800. */
  readonly attemptSeconds: number;
  /** A new instance must answer within this. */
  readonly startupSeconds: number;
  readonly livenessPeriodSeconds: number;
  readonly livenessTimeoutSeconds: number;
  readonly livenessFailures: number;
  /** Cron, and the time zone that it is meant in. */
  readonly schedule: string;
  readonly timeZone: string;
  /** Whether the scheduler calls at all. */
  readonly enabled: boolean;
}

export interface ScheduledServiceArgs {
  readonly stack: StackContext;
  readonly service: ServiceName;
  readonly identity: ServiceIdentity;
  /** Image, by digest. */
  readonly image: Input<string>;
  readonly settings: Input<ServiceSettings>;
  readonly sizing: ServiceSizing;
  /** The way to relays; Google's shared addresses without it. */
  readonly egress?: Egress;
  /** What must exist before the service starts: tables, and what its account is granted. */
  readonly after: readonly Resource[];
  readonly transform?: {
    readonly service?: Transform<ServiceArgs>;
    readonly schedule?: Transform<JobArgs>;
  };
}

const MAX_ATTEMPT_SECONDS = 1800;
const PROBE_SECONDS = 5;

/** A Cloud Run service that Cloud Scheduler calls for each tick, and that nobody else may call. */
export class ScheduledService extends EtlComponent {
  /** Where the service answers. */
  readonly url: Output<string>;

  constructor(name: string, args: ScheduledServiceArgs, opts?: ComponentResourceOptions) {
    const { stack, sizing } = args;
    validate("ScheduledService", [
      ["sizing.concurrency", sizing.concurrency > 1, "give 2 or more"],
      ["sizing.minInstances", [0, 1].includes(sizing.minInstances), "give 0 or 1"],
      [
        "sizing.attemptSeconds",
        sizing.timeoutSeconds <= sizing.attemptSeconds && sizing.attemptSeconds <= MAX_ATTEMPT_SECONDS,
        `give timeoutSeconds (${sizing.timeoutSeconds}) to ${MAX_ATTEMPT_SECONDS}`,
      ],
    ]);
    super("ScheduledService", name, stack, opts);
    const run = this.#service(args);
    const invoker = this.#invoker(args, run);
    this.#schedule(args, run, invoker);
    this.url = run.uri;
    this.registerOutputs({ url: this.url });
  }

  #service(args: ScheduledServiceArgs): Service {
    const { stack, service, identity, egress, after, transform } = args;
    return new Service(
      this.child("run"),
      transformed<ServiceArgs>(
        {
          name: stack.names.service(service),
          location: stack.region,
          description: `Collects ${service} and loads them, a tick a call`,
          // Cloud Scheduler calls from outside; who may call is decided by IAM alone.
          ingress: "INGRESS_TRAFFIC_ALL",
          labels: stack.labels,
          ...PROTECTION.service.flags(),
          template: template(args),
        },
        transform?.service,
      ),
      this.options("service", {
        dependsOn: [...stack.apis.of("run"), ...identity.grants, ...(egress?.ready ?? []), ...after],
      }),
    );
  }

  #invoker({ stack, identity }: ScheduledServiceArgs, run: Service): ServiceIamMember {
    return new ServiceIamMember(
      this.child("invoker"),
      {
        project: stack.project,
        location: run.location,
        name: run.name,
        role: "roles/run.invoker",
        member: identity.invoker.member,
      },
      this.options("free"),
    );
  }

  #schedule(
    { stack, service, identity, sizing, transform }: ScheduledServiceArgs,
    run: Service,
    invoker: ServiceIamMember,
  ): Job {
    return new Job(
      this.child("schedule"),
      transformed<JobArgs>(
        {
          name: stack.names.schedulerJob(service),
          region: stack.region,
          description: `A tick of the ${service} service`,
          schedule: sizing.schedule,
          timeZone: sizing.timeZone,
          paused: !sizing.enabled,
          attemptDeadline: `${sizing.attemptSeconds}s`,
          // The next tick is the retry.
          retryConfig: { retryCount: 0 },
          httpTarget: {
            httpMethod: "POST",
            uri: interpolate`${run.uri}/tick`,
            // The audience is the service and not the path, or the token would be refused.
            oidcToken: { serviceAccountEmail: identity.invoker.email, audience: run.uri },
          },
        },
        transform?.schedule,
      ),
      this.options("free", { dependsOn: [...stack.apis.of("scheduler"), invoker] }),
    );
  }
}

function template(args: ScheduledServiceArgs): ServiceArgs["template"] {
  const { stack, service, identity, image, settings, sizing, egress } = args;
  return {
    serviceAccount: identity.runtime.email,
    timeout: `${sizing.timeoutSeconds}s`,
    maxInstanceRequestConcurrency: sizing.concurrency,
    scaling: { minInstanceCount: sizing.minInstances, maxInstanceCount: 1 },
    executionEnvironment: "EXECUTION_ENVIRONMENT_GEN2",
    labels: stack.labels,
    ...(egress === undefined ? {} : { vpcAccess: vpcAccess(egress) }),
    containers: [
      {
        image,
        args: ["serve", service],
        ports: { containerPort: 8080 },
        envs: output(settings).apply((known) => environment(known, sizing)),
        resources: {
          limits: { cpu: String(sizing.cpu), memory: sizing.memory },
          // All work is done inside a request.
          cpuIdle: true,
          startupCpuBoost: true,
        },
        startupProbe: {
          // By an address of our own the first connections of a new instance may stall for a minute or more, and a tick with them:
          // it has started when connections get out. https://docs.cloud.google.com/run/docs/configuring/vpc-direct-vpc
          // Liveness asks for nothing outside: no outage elsewhere may end a tick.
          httpGet: { path: egress === undefined ? "/health" : "/started" },
          periodSeconds: PROBE_SECONDS,
          timeoutSeconds: PROBE_SECONDS,
          failureThreshold: Math.ceil(sizing.startupSeconds / PROBE_SECONDS),
        },
        // Patient: decoding a large answer keeps the service from answering for seconds.
        livenessProbe: {
          httpGet: { path: "/health" },
          periodSeconds: sizing.livenessPeriodSeconds,
          timeoutSeconds: sizing.livenessTimeoutSeconds,
          failureThreshold: sizing.livenessFailures,
        },
      },
    ],
  };
}

/** The settings as variables. Throws InputPropertyError on settings that the service would refuse. */
export function environment(
  settings: ServiceSettings,
  { timeoutSeconds }: Pick<ServiceSizing, "timeoutSeconds">,
) {
  const faults = [...serviceEnvironment.faultsOf(settings)];
  if (settings.tickSeconds >= timeoutSeconds)
    faults.push(`ETL_TICK_SECONDS: give less than sizing.timeoutSeconds, ${timeoutSeconds}`);
  if (faults.length > 0)
    throw new InputPropertyError({
      propertyPath: "settings",
      reason: `ScheduledService: ${faults.join("; ")}`,
    });
  return Object.entries(serviceEnvironment.codec.encode(settings)).map(([name, value]) => ({ name, value }));
}

function vpcAccess({ network, subnetwork }: Egress) {
  return { egress: "ALL_TRAFFIC", networkInterfaces: [{ network, subnetwork }] };
}
