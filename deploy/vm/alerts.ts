// Writes alerts.yml, the stack's alert rules over what `run --follow --listen` serves, for a Prometheus. npm run alerts
import { writeFileSync } from "node:fs";
import { Document, Scalar, visit } from "yaml";
import {
  type AlertLimits,
  type AlertRule,
  collectionRules,
  contentRules,
  type Watched,
} from "../../components/alertRules.ts";
import { KEYS } from "../../stacks/configKeys.ts";

/** Where the rules are kept. */
export const alertsFile = new URL("alerts.yml", import.meta.url);

/** A stack's limits where it names none; but a program with a tick every five minutes has no three errors in a quarter of an hour. */
const LIMITS: AlertLimits = {
  noTickMinutes: Number(KEYS.alertNoTickMinutes.default),
  lagSlots: Number(KEYS.alertLagSlots.default),
  relaySilentHours: Number(KEYS.alertRelaySilentHours.default),
  quarantinePercent: Number(KEYS.alertQuarantinePercent.default),
  errors: 2,
};

/** Hours in which the disk must not be full if it goes on filling as it did in the last six. */
const DISK_HOURS = 48;

const PREFIX = "mev_boost_etl_";

/** A metric's series as `/metrics` names it; labels as PromQL writes them. */
function series(metric: string, labels: string, part?: "sum" | "count"): string {
  const name = `${PREFIX}${metric}_${part ?? "total"}`;
  return labels === "" ? name : `${name}{${labels}}`;
}

function watched(service: string, labels: string): Watched {
  const well = 'outcome=~"done|out-of-time"';
  return {
    service,
    limits: LIMITS,
    ticks: series("tick", labels === "" ? well : `${labels},${well}`),
    errorLines: series("errors", ""),
    increase: (metric, part, window) => `increase(${series(metric, labels, part)}[${window}])`,
  };
}

/** What to do, on a machine of one's own; by the rule's noun. */
const RUNBOOKS: Readonly<Record<string, string>> = {
  "no-tick": `Nothing is collected for as long as this lasts. Nothing is lost yet: relays keep weeks, and the next tick asks for all that is missing.

1. \`systemctl status mev-boost-etl\`: does it run? \`journalctl -u mev-boost-etl -p err\` shows why it ended or why ticks fail.
2. Another program that holds the DuckDB file open for writing makes loads wait and fail: close it.
3. Did an upgrade come before? docs/running.md says how to go back.`,
  behind: `The newest covered slot of the relay lies further behind than ticks can explain.

1. One relay: is it refusing (\`mev_boost_etl_refusals_total\`) or slow? Then its rate is too high or too low.
2. All relays: do ticks end \`out-of-time\`? Then there is more to do than a tick has time for: more CPU, or \`backload\` for what is old.
3. \`mev-boost-etl coverage\` shows which slots are missing; the next ticks ask for them by themselves.`,
  "relay-silent": `No slot of an active relay was covered in that time. Relays keep weeks, so there are days to act, not months.

1. \`mev-boost-etl probe --network NETWORK --relay NAME\` from another address: does it answer there? Then it refuses ours: ask its operator.
2. Has it moved or ended? \`--relay NAME=URL\` names another address; what was collected of it stays.`,
  quarantine: `A relay sends rows that no table can hold. They are kept as sent, under NETWORK/quarantine/ in the lake, and cost their slots nothing.

1. Read some: each line says why it was refused.
2. A changed form at one relay: the schema needs a column or a wider type; report it. Rows in quarantine stay to be read again.`,
  objects: `An object was changed by something else than this ETL, or was damaged. Its slots count as missing where it can't be read, and what was loaded of it before stays.

1. \`journalctl -u mev-boost-etl\` names each object and what is wrong with it (\`objects_at_fault\`), and so does column \`error\` of view \`loads\`.
2. Restore it from a copy of the lake. Else move it away: the next ticks ask for its slots again.`,
  errors: `Ticks fail: \`journalctl -u mev-boost-etl -p err\` says why (\`fault\`), and what to do.`,
  disk: `When it is full, ticks fail; what is stored stays whole.

1. \`mev-boost-etl prune --older 90d\` says what leaving the warehouse to the last 90 days would free, and does it with \`--yes\`.
2. A larger disk, or a lake in a bucket: docs/running.md, "Moving".`,
};

/** Only a machine of one's own has a disk to fill. */
const diskRule: AlertRule = {
  noun: "disk",
  rule: "DiskFilling",
  title: `the disk will be full within ${DISK_HOURS} hours`,
  severity: "ERROR",
  query: `predict_linear(${PREFIX}free_disk_bytes[6h], ${DISK_HOURS * 3600}) < 0`,
  forMinutes: 30,
  whileScheduled: false,
  runbook: "",
};

/** The rules as a Prometheus reads them: a dataset's by its name, and those of the whole program. Throws RangeError for a rule without a run-book. */
export function prometheusRules(): string {
  const groups = [
    ...(["bids", "payloads"] as const).map((dataset) => ({
      name: `mev-boost-etl-${dataset}`,
      rules: collectionRules(watched(dataset, `dataset="${dataset}"`)).map((rule) => form(rule, { dataset })),
    })),
    {
      name: "mev-boost-etl",
      rules: [...contentRules(watched("mev-boost-etl", "")), diskRule].map((rule) => form(rule, {})),
    },
  ];
  const document = new Document({ groups });
  document.commentBefore = " Written by `npm run alerts` from components/alertRules.ts: change that.";
  visit(document, {
    Scalar(_key, node) {
      if (typeof node.value === "string" && node.value.includes("\n")) node.type = Scalar.BLOCK_LITERAL;
    },
  });
  return document.toString({ lineWidth: 0 });
}

function form({ noun, rule, title, severity, query, forMinutes }: AlertRule, labels: object): object {
  const description = RUNBOOKS[noun];
  if (description === undefined) throw new RangeError(`no run-book for rule ${noun} on a VM`);
  return {
    alert: rule,
    expr: query,
    ...(forMinutes === 0 ? {} : { for: `${forMinutes}m` }),
    labels: { severity: severity.toLowerCase(), ...labels },
    annotations: { summary: title, description },
  };
}

if (process.argv[1] === import.meta.filename) writeFileSync(alertsFile, prometheusRules());
