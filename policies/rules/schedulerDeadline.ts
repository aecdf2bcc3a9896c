import type { PolicyResource } from "@pulumi/policy";
import { sources } from "./common/graph.ts";
import { scheduler, service } from "./common/kinds.ts";
import { numberSetting, stackRule } from "./common/rule.ts";
import { findings, known } from "./common/unknown.ts";

/** What Cloud Scheduler and Cloud Run wait for when nothing is set, and the most that the scheduler takes; seconds. */
const SCHEDULER_DEFAULT = 180;
const SERVICE_DEFAULT = 300;
const SCHEDULER_MOST = 1800;

export const schedulerDeadline = stackRule(
  {
    name: "scheduler-deadline",
    severity: "high",
    description:
      "The scheduler waits at least as long as the service may take: else it gives up on ticks that are still at work, and calls them failed.",
    remedy:
      "Set attemptDeadline to at least the service's time-out (tick < service ≤ attemptDeadline ≤ 1800s)",
    settings: {
      tickSeconds: numberSetting("Deadline of a tick, s, for jobs whose service isn't in the stack", 240),
    },
  },
  (resources, { tickSeconds }) =>
    resources
      .filter(({ type, props }) => type === scheduler.type && known(() => props["httpTarget"]))
      .flatMap((job) =>
        findings(() => tooShort(job, tickSeconds)).map((finding) => ({ finding, urn: job.urn })),
      ),
);

function tooShort(job: PolicyResource, tickSeconds: number): string | undefined {
  const deadline = seconds(job.props["attemptDeadline"], SCHEDULER_DEFAULT);
  if (Number.isNaN(deadline))
    return `attemptDeadline ${job.props["attemptDeadline"]} is no number of seconds with an s`;
  if (deadline > SCHEDULER_MOST) return `The scheduler waits at most ${SCHEDULER_MOST} s, not ${deadline} s`;
  const called = sources(job, "httpTarget").filter(({ type }) => type === service.type);
  const needed = Math.max(
    tickSeconds,
    ...called.map(({ props }) => seconds(props["template"]?.timeout, SERVICE_DEFAULT)),
  );
  return deadline < needed
    ? `The scheduler waits ${deadline} s for a call that may take ${needed} s`
    : undefined;
}

/** Google writes durations as seconds with an s. */
function seconds(text: unknown, unset: number): number {
  return typeof text === "string" ? Number(text.replace(/s$/, "")) : unset;
}
