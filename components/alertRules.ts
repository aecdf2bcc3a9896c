import type { LogMetrics, MetricName } from "./LogMetrics.ts";
import type { ResourceNames, ServiceName } from "./names.ts";

/** From where on something is worth waking someone. */
export interface AlertLimits {
  /** Minutes without a tick that ended well. */
  readonly noTickMinutes: number;
  /** Settled slots that a relay's newest covered one lies behind. */
  readonly lagSlots: number;
  /** Hours in which nothing of an active relay was covered. */
  readonly relaySilentHours: number;
  /** Percent of an hour's rows that no table can hold. */
  readonly quarantinePercent: number;
  /** Error lines within a quarter of an hour. */
  readonly errors: number;
}

/** One alert: what is asked, and what whoever is woken reads. */
export interface AlertRule {
  /** Noun of the resource's name. */
  readonly noun: string;
  /** Name as Prometheus takes it. */
  readonly rule: string;
  readonly title: string;
  readonly severity: "CRITICAL" | "ERROR" | "WARNING";
  /** PromQL that has a result when something is wrong. */
  readonly query: string;
  /** Minutes for which it must have had one without a break; 0 where once is enough. */
  readonly forMinutes: number;
  /** Absence is right while the scheduler is paused. */
  readonly whileScheduled: boolean;
  readonly runbook: string;
}

/** What is looked back on where a rule's minutes say how long: no shorter than metrics of logs take to come. */
const TICK_WINDOW = "5m";
/** As long as two ticks may lie apart, twice: a relay's lines must not seem to have ended between them. */
const RELAY_WINDOW = "60m";
const BEHIND_MINUTES = 30;

const ENDED_WELL = 'outcome=~"done|out-of-time"';

/** The alerts of one service. */
export function alertRules(
  service: ServiceName,
  names: ResourceNames,
  metrics: Pick<LogMetrics, "series">,
  limits: AlertLimits,
): AlertRule[] {
  const dataset = `dataset="${service}"`;
  const watched: Watched = {
    service,
    limits,
    ticks: metrics.series("tick", `${dataset},${ENDED_WELL}`),
    errorLines: metrics.series("errors", `service_name="${names.service(service)}"`),
    increase: (metric, part, window) => `increase(${metrics.series(metric, dataset, part)}[${window}])`,
  };
  return [...collectionRules(watched), ...contentRules(watched)];
}

/** A service, or a program that does both services' work, and what its alerts ask of. */
export interface Watched {
  /** What titles begin with. */
  readonly service: string;
  readonly limits: AlertLimits;
  /** Series of ticks that ended well, and of error lines. */
  readonly ticks: string;
  readonly errorLines: string;
  /** By how much one of the service's metrics has grown in a window. */
  readonly increase: (metric: MetricName, part: "sum" | "count", window: string) => string;
}

/** Whether all is collected, and in time. */
export function collectionRules({ service, limits, ticks, increase }: Watched): AlertRule[] {
  const { noTickMinutes, lagSlots, relaySilentHours } = limits;
  const lag = (part: "sum" | "count") =>
    `sum by (relay) (${increase("relay_lag_slots", part, `${BEHIND_MINUTES}m`)})`;
  return [
    {
      noun: "no-tick",
      rule: "NoTick",
      title: `${service}: no tick ended well in ${noTickMinutes} minutes`,
      severity: "CRITICAL",
      // Both halves without labels: an alert that changed its labels when a series ends would begin its minutes again.
      query: `sum(absent_over_time(${ticks}[${TICK_WINDOW}])) or sum(increase(${ticks}[${TICK_WINDOW}])) < 1`,
      forMinutes: noTickMinutes,
      whileScheduled: true,
      runbook: `Nothing is collected for as long as this lasts. Nothing is lost yet: relays keep weeks, and the next tick asks for all that is missing.

1. Does Cloud Scheduler call? Its job's last result says so; a 403 means that the invoker's grant is gone (\`pulumi up\` mends it).
2. Does the service answer? Its log shows each tick's outcome, and a start that failed with the setting that is wrong.
3. Did a deployment come before? \`pulumi config set --path mev-boost-etl:image.ref\` to the digest that ran before, then \`pulumi up\`. Traffic that is moved by hand drifts from the program.`,
    },
    {
      noun: "behind",
      rule: "Behind",
      title: `${service}: a relay's coverage is more than ${lagSlots} slots behind`,
      severity: "ERROR",
      query: `${lag("sum")} / ${lag("count")} > ${lagSlots}`,
      // Nothing is covered before the first ticks, which is as far behind as can be.
      forMinutes: BEHIND_MINUTES,
      whileScheduled: false,
      runbook: `The newest covered slot of the relay lies further behind than ticks can explain.

1. One relay: is it refusing (\`refused\` in its \`tick.relay\` lines) or slow? Then its rate is too high or too low: config \`relays\`.
2. All relays: do ticks end by \`out-of-time\`? Then there is more to do than a tick has time for: more CPU, or a longer tick.
3. \`mev-boost-etl coverage --stack NAME\` shows which slots are missing; the next ticks ask for them by themselves.`,
    },
    {
      noun: "relay-silent",
      rule: "RelaySilent",
      title: `${service}: a relay has brought nothing for ${relaySilentHours} hours`,
      severity: "WARNING",
      query: `sum by (relay) (${increase("relay_covered", "sum", RELAY_WINDOW)}) < 1`,
      forMinutes: 60 * relaySilentHours,
      whileScheduled: false,
      runbook: `No slot of an active relay was covered in that time. Relays keep weeks, so there are days to act, not months.

1. \`mev-boost-etl probe --network NETWORK --relay NAME\` from another address: does it answer there? Then it refuses ours: lower its rate, or ask its operator.
2. Has it moved or ended? Give its new address in config \`relays\`, or \`off: true\`; what was collected of it stays.`,
    },
  ];
}

/** Whether what is collected can be kept and loaded, and whether the service says anything is wrong. */
export function contentRules({ service, limits, errorLines, increase }: Watched): AlertRule[] {
  const { quarantinePercent, errors } = limits;
  const hourly = (metric: MetricName) => `sum(${increase(metric, "sum", "1h")})`;
  return [
    {
      noun: "quarantine",
      rule: "Quarantine",
      title: `${service}: more than ${quarantinePercent} % of the rows are in quarantine`,
      severity: "WARNING",
      query:
        `100 * ${hourly("relay_quarantined")} / ` +
        `(${hourly("relay_rows")} + ${hourly("relay_quarantined")}) > ${quarantinePercent}`,
      forMinutes: 0,
      whileScheduled: false,
      runbook: `A relay sends rows that no table can hold. They are kept as sent, under NETWORK/quarantine/ in the lake, and cost their slots nothing.

1. Read some: each line says why it was refused.
2. A changed form at one relay: the schema needs a column or a wider type; see CONTRIBUTING.md. Rows in quarantine stay to be read again.`,
    },
    {
      noun: "objects",
      rule: "ObjectsAtFault",
      title: `${service}: objects of the lake can't be trusted or loaded`,
      severity: "ERROR",
      query: `${hourly("faults")} + ${hourly("load_failed")} > 0`,
      forMinutes: 0,
      whileScheduled: false,
      runbook: `An object was changed by something else than this ETL, or was damaged. Its slots count as missing where it can't be read, and what was loaded of it before stays.

1. The service's answer to a tick, and table \`${service}_loads\` (column \`error\`), name each object and what is wrong with it.
2. Soft delete keeps the version before: \`gcloud storage restore\`. Else delete the object: the next ticks ask for its slots again.`,
    },
    {
      noun: "errors",
      rule: "ServiceErrors",
      title: `${service}: ${errors} or more errors within 15 minutes`,
      severity: "ERROR",
      query: `sum(increase(${errorLines}[15m])) >= ${errors}`,
      forMinutes: 0,
      whileScheduled: false,
      runbook: `Each error line says what happened, to what, and what to do.

1. \`access refused\`: a grant is missing; \`pulumi preview --refresh\` shows which, \`pulumi up\` mends it.
2. \`tick\` with outcome \`failed\`: its cause stands in the line before.
3. The instance died: is its memory too small? Config \`${service}Memory\`.`,
    },
  ];
}
