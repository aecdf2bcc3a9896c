/**
 * Seconds between two ticks of a schedule whose hours and days are all `*`; undefined where its minutes don't lie evenly, or
 * more than 30 minutes apart.
 */
export function intervalOf(schedule: string): number | undefined {
  const minutes = minutesOf(schedule.split(" ")[0] ?? "");
  const [first] = minutes;
  if (first === undefined || minutes.length < 2) return undefined;
  const gaps = minutes.map((minute, index) => (minutes[index + 1] ?? first + 60) - minute);
  return gaps.every((gap) => gap === gaps[0]) ? (gaps[0] ?? 0) * 60 : undefined;
}

/** The minutes of an hour that a cron field names, ascending; none where it isn't such a field. */
function minutesOf(field: string): number[] {
  const chosen = new Set<number>();
  for (const part of field.split(",")) {
    const match = /^(?:\*|(\d{1,2})(?:-(\d{1,2}))?)(?:\/(\d{1,2}))?$/.exec(part);
    if (!match) return [];
    const [, from, to, step] = match;
    const first = Number(from ?? 0);
    const last = Number(to ?? (from !== undefined && step === undefined ? from : 59));
    const by = Number(step ?? 1);
    if (by === 0 || first > last || last > 59) return [];
    for (let minute = first; minute <= last; minute += by) chosen.add(minute);
  }
  return [...chosen].toSorted((a, b) => a - b);
}

/** Memory, Mi, that Cloud Run gives to so many CPUs: the least for many, the most for few. */
const LEAST_MI = new Map([
  [4, 2048],
  [6, 4096],
  [8, 4096],
]);
const MOST_MI = new Map([
  [1, 4096],
  [2, 8192],
  [4, 16_384],
  [6, 24_576],
  [8, 32_768],
]);

/** Whether Cloud Run gives so much memory (`512Mi`, `2Gi`) to so many CPUs, and from where to where it may go. */
export function memoryRange(cpu: number, memory: string): { least: string; most: string; holds: boolean } {
  const [least, most] = [LEAST_MI.get(cpu) ?? 512, MOST_MI.get(cpu) ?? 0];
  const mi = Number.parseInt(memory, 10) * (memory.endsWith("Gi") ? 1024 : 1);
  return { least: `${least}Mi`, most: `${most}Mi`, holds: mi >= least && mi <= most };
}
