import { AlertPolicy, type AlertPolicyArgs } from "@pulumi/gcp/monitoring/alertPolicy.js";
import type { ComponentResourceOptions } from "@pulumi/pulumi";
import type { StackContext } from "./stackContext.ts";
import { alertPolicy } from "./alertPolicy.ts";
import { type AlertLimits, alertRules } from "./alertRules.ts";
import { EtlComponent, type Transform, transformed } from "./component.ts";
import type { LogMetrics } from "./LogMetrics.ts";
import type { ServiceName } from "./names.ts";

export interface ServiceAlertsArgs {
  readonly stack: StackContext;
  readonly service: ServiceName;
  readonly metrics: LogMetrics;
  readonly limits: AlertLimits;
  /** Whether the scheduler calls: no absence is worth an alert while it doesn't. */
  readonly scheduled: boolean;
  readonly notificationChannels: readonly string[];
  readonly transform?: { readonly policy?: Transform<AlertPolicyArgs> };
}

/** The alerts of one service, each with what to do in its text. */
export class ServiceAlerts extends EtlComponent {
  constructor(name: string, args: ServiceAlertsArgs, opts?: ComponentResourceOptions) {
    const { stack, service, metrics, limits, scheduled, notificationChannels, transform = {} } = args;
    super("ServiceAlerts", name, stack, opts);
    for (const alert of alertRules(service, stack.names, metrics, limits)) {
      new AlertPolicy(
        this.child(alert.noun),
        transformed<AlertPolicyArgs>(
          alertPolicy(stack, alert, scheduled || !alert.whileScheduled, notificationChannels),
          transform.policy,
        ),
        this.options("free", { dependsOn: [...stack.apis.of("monitoring"), ...metrics.in(alert.query)] }),
      );
    }
    this.registerOutputs({});
  }
}
