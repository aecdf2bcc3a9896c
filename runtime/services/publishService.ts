import { type Clock, systemClock } from "../chain/clock.ts";
import type { Network } from "../chain/networks.ts";
import { intersect, settledSlot, slotAt } from "../chain/slots.ts";
import { coverageOfDays, withUnlisted } from "../collect/coverageOfAll.ts";
import { DATASET_NAMES } from "../datasets/dataset.ts";
import { messageOf, printable, UserError } from "../errors.ts";
import type { FileStore } from "../lake/fileStore.ts";
import type { Lake } from "../lake/lake.ts";
import { type Log, serviceLog } from "../log.ts";
import { NodeParts } from "../publish/nodeParts.ts";
import { type DayOutcome, publish } from "../publish/publish.ts";
import { differencesOf } from "../publish/verify.ts";
import { type PublishSettings, publishEnvironment } from "../settings/publishSettings.ts";
import { networkNamed, overriddenRelays } from "../settings/relayOverrides.ts";

const DAY_MS = 86_400_000;

/** Opens what the job reads and writes. */
export interface PublishOpeners {
  readonly lake: (settings: PublishSettings, network: Network, clock: Clock) => Promise<Lake>;
  readonly store: (settings: PublishSettings, clock: Clock) => Promise<FileStore>;
}

/**
 * Publishes the days of late that are due, and reads again what it wrote. Returns the exit code: 1 where a day was left out or
 * isn't what was written, or the work failed; 2 where the settings are wrong, which no second try mends.
 */
export async function runPublish(
  env: Readonly<Record<string, string | undefined>>,
  open: PublishOpeners,
  clock: Clock = systemClock,
): Promise<number> {
  const started = clock.monotonic();
  let log = serviceLog("info");
  const end = (fields: object, code: number): number => {
    const told = { ...fields, exit_code: code, seconds: Math.round(clock.monotonic() - started) / 1000 };
    if (code === 0) log.info(told, "publish.end");
    else log.error(told, "publish.end");
    return code;
  };
  try {
    const settings = publishEnvironment.readAlone(env);
    log = serviceLog(settings.logLevel);
    const { outcomes, faults } = await work(settings, open, clock, log);
    const count = (wanted: DayOutcome["outcome"]) =>
      outcomes.filter(({ outcome }) => outcome === wanted).length;
    const days = { published: count("published"), restated: count("restated"), waiting: count("waiting") };
    const code = faults > 0 || count("unreadable") > 0 ? 1 : 0;
    return end({ ...days, unchanged: count("unchanged"), unreadable: count("unreadable"), faults }, code);
  } catch (error) {
    const isWrong = error instanceof UserError && error.exitCode === 2;
    return end({ reason: printable(messageOf(error), 4000) }, isWrong ? 2 : 1);
  }
}

async function work(
  settings: PublishSettings,
  open: PublishOpeners,
  clock: Clock,
  log: Log,
): Promise<{ outcomes: readonly DayOutcome[]; faults: number }> {
  const network = networkNamed(settings.network);
  if (!network) throw new UserError(`there is no network ${settings.network}`, { exitCode: 2 });
  const nowMs = clock.now();
  const range = intersect(
    { first: network.floor, last: settledSlot(network, nowMs) },
    { first: slotAt(network, nowMs - settings.days * DAY_MS), last: slotAt(network, nowMs) },
  );
  if (!range) return { outcomes: [], faults: 0 };
  const lake = await open.lake(settings, network, clock);
  const store = await open.store(settings, clock);
  log.info({ range, lake: lake.url, out: store.url }, "publish.begin");
  const relays = await withUnlisted(lake, overriddenRelays(settings.network, settings.relays));
  const coverage = coverageOfDays(lake, { network, clock }, relays);
  const outcomes = await publish(
    {
      lake,
      network,
      store,
      nowMs,
      coverage: coverage.of,
      openParts: async () => new NodeParts(),
      onDay: (day) => tell(log, day),
    },
    settings.dataset ?? DATASET_NAMES,
    range,
  );
  const faults = [...coverage.faults];
  for (const { entry, outcome } of outcomes)
    if (entry && outcome === "published")
      faults.push(...(await differencesOf({ lake, network }, store, entry)));
  for (const fault of faults) log.error({}, fault);
  return { outcomes, faults: faults.length };
}

function tell(log: Log, { dataset, date, outcome, entry, missing, fault }: DayOutcome): void {
  const rows = entry && { rows: entry.rows, bytes: entry.bytes, revision: entry.revision };
  const told = { dataset, date, outcome, ...rows, ...(missing === undefined ? {} : { missing }) };
  if (outcome === "unreadable") log.error({ ...told, fault }, "publish.day");
  else log.info(told, "publish.day");
}
