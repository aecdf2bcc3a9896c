import * as t from "io-ts";
import { fields, type Format, json } from "../runtime/settings/formats.ts";
import { shared } from "../runtime/settings/shared.ts";
import { memoryRange } from "./configRules.ts";

export const PUBLISH_DEFAULTS = {
  days: 10,
  // When the last slots of the day before have long settled.
  schedule: "30 3 * * *",
  cpu: 2,
  memory: "4Gi",
  disk_gigabytes: 30,
  hours: 12,
} as const satisfies Partial<PublishConfig>;

const matching = (form: RegExp) => t.refinement(t.string, (value) => form.test(value));
const between = (least: number, most: number) =>
  t.refinement(t.Integer, (value) => value >= least && value <= most);

const names = shared.dataset.format;

const publishType = fields(
  {
    /** Folder of the bucket, slashes between its parts. */
    prefix: matching(/^[a-z0-9][a-z0-9-]{0,40}(?:\/[a-z0-9][a-z0-9-]{0,40}){0,4}$/),
  },
  {
    /** Days that each run looks back; earlier ones are published by hand. Above the 7 after which a day's gaps are stated. */
    days: between(8, 4000),
    datasets: new t.Type(
      names.name,
      names.is,
      (u, context) => (names.is(u) ? t.success(u) : t.failure(u, context)),
      t.identity,
    ),
    /** Once a day, as cron. */
    schedule: matching(/^(?:[0-9]|[1-5][0-9]) (?:[0-9]|1[0-9]|2[0-3]) \* \* \*$/),
    cpu: t.refinement(t.number, (n) => [1, 2, 4].includes(n)),
    memory: matching(/^[1-9]\d{0,4}[MG]i$/),
    /** Disk for the largest file, which is written whole before it is uploaded. */
    disk_gigabytes: between(10, 100),
    /** Hours after which a run is ended; the next goes on where it was. */
    hours: between(1, 24),
  },
);

/** Daily publishing as config names it; what is absent has the value of `PUBLISH_DEFAULTS`, or is open. */
export type PublishConfig = Readonly<t.TypeOf<typeof publishType>>;

/** `{}`, or daily publishing. */
export const publishFormat: Format<PublishConfig | Record<string, never>> = json(
  `{} or {prefix: a folder's name} and, of days (8 to 4000), datasets, schedule ("MINUTE HOUR * * *"), cpu (1, 2 or 4), memory, disk_gigabytes (10 to 100) and hours (1 to 24), what differs`,
  t.union([fields({}, {}), publishType]),
);

/** Whether anything is published at all. */
export function isPublish(config: PublishConfig | Record<string, never>): config is PublishConfig {
  return "prefix" in config;
}

/** What is wrong with daily publishing beside its form, each as `KEY: what; what is allowed`. */
export function publishFaults(config: PublishConfig): string[] {
  const { cpu, memory } = { ...PUBLISH_DEFAULTS, ...config };
  const { least, most, holds } = memoryRange(cpu, memory);
  return holds ? [] : [`publish: memory: ${memory} is wrong for ${cpu} CPU; give ${least} to ${most}`];
}
