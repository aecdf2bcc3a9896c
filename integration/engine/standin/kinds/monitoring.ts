import { drawn, type StandinKind, list, map, sameJson, textOrNone } from "../kind.ts";

const PROVIDER = "hashicorp/terraform-provider-google, google/services";
const MONITORING = "monitoring.googleapis.com";

/** The server adds keys of its own to a dashboard; the provider looks only at those that it was given. */
function within(wanted: unknown, stands: unknown): boolean {
  if (Array.isArray(wanted))
    return (
      Array.isArray(stands) &&
      stands.length === wanted.length &&
      wanted.every((one, i) => within(one, stands[i]))
    );
  if (wanted !== null && typeof wanted === "object")
    return Object.entries(wanted).every(([key, value]) => within(value, map(stands)[key]));
  return wanted === stands;
}

export const monitoring: Readonly<Record<string, StandinKind>> = {
  "gcp:logging/metric:Metric": {
    id: (v) => textOrNone(v.name),
    api: "logging.googleapis.com",
    source: `${PROVIDER}/logging/resource_logging_metric.go (ForceNew)`,
    replaces: [
      "name",
      "project",
      "metricDescriptor.labels",
      "metricDescriptor.metricKind",
      "metricDescriptor.valueType",
    ],
    defaults: { disabled: false, deletionPolicy: "DELETE" },
    sets: ["metricDescriptor.labels"],
    echo(v) {
      const descriptor = map(v.metricDescriptor);
      return {
        ...v,
        metricDescriptor: { unit: "1", ...descriptor, labels: list(descriptor.labels).toReversed() },
      };
    },
    refuse(v) {
      const { valueType, labels } = map(v.metricDescriptor);
      if (valueType === "DISTRIBUTION" && v.valueExtractor === undefined)
        return "a DISTRIBUTION needs a valueExtractor";
      if (valueType !== "DISTRIBUTION" && v.valueExtractor !== undefined)
        return "only a DISTRIBUTION has a valueExtractor";
      const keys = list(labels).map((label) => textOrNone(map(label).key));
      const extracted = Object.keys(map(v.labelExtractors));
      return keys.toSorted().join() === extracted.toSorted().join()
        ? undefined
        : `labels ${keys.join(", ")} are declared and ${extracted.join(", ")} extracted`;
    },
  },
  "gcp:monitoring/alertPolicy:AlertPolicy": {
    id: (v) => `projects/${textOrNone(v.project)}/alertPolicies/${drawn(textOrNone(v.displayName))}`,
    api: MONITORING,
    source: `${PROVIDER}/monitoring/resource_monitoring_alert_policy.go`,
    replaces: ["project"],
    defaults: { enabled: true, severity: "", deletionPolicy: "DELETE" },
    computed: (_, id) => ({
      name: id,
      creationRecords: [{ mutateTime: "2026-11-01T00:00:00Z", mutatedBy: "deployer" }],
    }),
    echo: (v) => ({
      ...v,
      conditions: list(v.conditions).map((condition, i) => ({ ...map(condition), name: `conditions/${i}` })),
      ...(v.documentation === undefined
        ? {}
        : { documentation: { mimeType: "text/markdown", ...map(v.documentation) } }),
    }),
    refuse(v) {
      if (textOrNone(map(v.documentation).content).length > 10_240)
        return "documentation: at most 10,240 characters";
      if (list(v.conditions).length > 6) return "at most 6 conditions";
      return list(v.conditions).every((one) =>
        Object.keys(map(one)).some((key) => key.startsWith("condition")),
      )
        ? undefined
        : "a condition that says nothing";
    },
  },
  "gcp:monitoring/dashboard:Dashboard": {
    id: (v) =>
      `projects/${textOrNone(v.project)}/dashboards/${drawn(textOrNone(map(JSON.parse(textOrNone(v.dashboardJson))).displayName))}`,
    api: MONITORING,
    source: `${PROVIDER}/monitoring/resource_monitoring_dashboard.go (monitoringDashboardDiffSuppress)`,
    replaces: ["project"],
    defaults: { deletionPolicy: "DELETE" },
    echo(v) {
      const given = map(JSON.parse(textOrNone(v.dashboardJson)));
      const keys = Object.entries(given).toReversed();
      return {
        ...v,
        dashboardJson: JSON.stringify({ etag: "1", name: "dashboards/1", ...Object.fromEntries(keys) }),
      };
    },
    same: {
      dashboardJson: (stands, wanted) =>
        sameJson(stands, wanted) ||
        within(JSON.parse(textOrNone(wanted)), JSON.parse(textOrNone(stands) || "null")),
    },
  },
};
