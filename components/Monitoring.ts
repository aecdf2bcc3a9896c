import { Budget, type BudgetArgs } from "@pulumi/gcp/billing/budget.js";
import { Dashboard } from "@pulumi/gcp/monitoring/dashboard.js";
import { getProjectOutput } from "@pulumi/gcp/organizations/getProject.js";
import { type ComponentResourceOptions, interpolate, type Output, type Resource } from "@pulumi/pulumi";
import type { StackContext } from "./stackContext.ts";
import { EtlComponent, type Transform, transformed, validate } from "./component.ts";
import { dashboardJson, type Panel, servicePanels } from "./dashboard.ts";
import type { LogMetrics } from "./LogMetrics.ts";

export interface MonitoringArgs {
  readonly stack: StackContext;
  readonly metrics: LogMetrics;
  /** Charts beside those of the services, and the metrics that they are made of. */
  readonly more?: { readonly panels: readonly Panel[]; readonly metrics: readonly Resource[] };
  /** Amount a month for the whole project, in the billing account's currency; 0: no budget. */
  readonly budget: number;
  /** Billing account that the budget belongs to, `XXXXXX-XXXXXX-XXXXXX`. */
  readonly billingAccount: string;
  /** Channels that the budget's warnings go to, beside the billing account's administrators. */
  readonly notificationChannels: readonly string[];
  readonly transform?: { readonly budget?: Transform<BudgetArgs> };
}

/** Shares of the budget at which a warning is sent. */
const WARN_AT = [0.5, 0.9, 1];

/** The stack's dashboard, and a budget where one is wanted. */
export class Monitoring extends EtlComponent {
  readonly dashboardUrl: Output<string>;

  constructor(name: string, args: MonitoringArgs, opts?: ComponentResourceOptions) {
    const {
      stack,
      metrics,
      more = { panels: [], metrics: [] },
      budget,
      billingAccount,
      notificationChannels,
      transform = {},
    } = args;
    validate("Monitoring", [
      ["budget", Number.isInteger(budget) && budget >= 0, "give a whole amount, 0 for none"],
      ["billingAccount", budget === 0 || billingAccount !== "", "a budget needs a billing account"],
    ]);
    super("Monitoring", name, stack, opts);
    const title = `MEV-Boost ETL ${stack.labels["stack"] ?? ""}`;
    const json = dashboardJson(title, [...servicePanels(metrics), ...more.panels]);
    const dashboard = new Dashboard(
      this.child("dashboard"),
      { dashboardJson: json },
      this.options("free", {
        dependsOn: [...stack.apis.of("monitoring"), ...metrics.in(json), ...more.metrics],
      }),
    );
    if (budget > 0) {
      const project = getProjectOutput({ projectId: stack.project }, { parent: this });
      new Budget(
        this.child("budget"),
        transformed<BudgetArgs>(
          {
            billingAccount,
            displayName: title,
            budgetFilter: { projects: [interpolate`projects/${project.number}`], calendarPeriod: "MONTH" },
            amount: { specifiedAmount: { units: String(budget) } },
            thresholdRules: WARN_AT.map((thresholdPercent) => ({
              thresholdPercent,
              spendBasis: "CURRENT_SPEND",
            })),
            ...(notificationChannels.length === 0
              ? {}
              : { allUpdatesRule: { monitoringNotificationChannels: [...notificationChannels] } }),
          },
          transform.budget,
        ),
        this.options("free", { dependsOn: stack.apis.of("budgets") }),
      );
    }
    const dashboardId = dashboard.id.apply((id) => id.split("/").at(-1) ?? id);
    this.dashboardUrl = interpolate`https://console.cloud.google.com/monitoring/dashboards/builder/${dashboardId}?project=${stack.project}`;
    this.registerOutputs({ dashboardUrl: this.dashboardUrl });
  }
}
