import { readFileSync } from "node:fs";
import Table from "cli-table3";
import { decodeConfig, type StackConfig } from "../../stacks/config.ts";
import { type CommittedStack, engineConfig } from "../../stacks/stacks.testing.ts";
import { monthlyBill, type WatchedStack } from "./cost.ts";
import file from "../../runtime/prices.json" with { type: "json" };

/** A stack as it is committed, or with some of its config changed. */
interface Case {
  readonly title: string;
  readonly stack: CommittedStack;
  readonly more?: Readonly<Record<string, unknown>>;
}

const CASES: readonly Case[] = [
  { title: "test, as committed: its schedulers are paused", stack: "test" },
  {
    title: "test, switched on",
    stack: "test",
    more: { "mev-boost-etl:schedulerEnabled": true },
  },
  { title: "production", stack: "production" },
];
const LATER = 12;
/** Lines that cost less than a cent aren't shown. */
const NOTHING = "0.00";

/** The cost of both stacks a month, with its arithmetic, as text for a terminal or docs/cost.md. */
export function costReport(): string {
  const parts = CASES.map(({ title, stack, more }) =>
    costTable(title, configOf(stack, more), watchedBy(stack)),
  );
  const { region, written } = file;
  const head = [
    `US dollars a month, in the first and in the twelfth. Prices of ${region}, ${written}, free shares taken off`,
    "as if the stack had its billing account to itself. Without taxes, queries of yours, and a back-load.",
  ].join("\n");
  return `${[head, ...parts].join("\n\n")}\n`;
}

/** A stack's config, decoded. Throws an Error that names its mistakes. */
export function configOf(stack: CommittedStack, more: Readonly<Record<string, unknown>> = {}): StackConfig {
  const { config, mistakes } = decodeConfig(engineConfig(stack, more));
  if (!config) throw new Error(mistakes.join("\n"));
  return config;
}

/** What a stack registers to watch itself, from its golden file. */
export function watchedBy(stack: CommittedStack): WatchedStack {
  interface Inputs {
    readonly conditions?: readonly unknown[];
    readonly labelExtractors?: Readonly<Record<string, string>>;
  }
  const golden = readFileSync(new URL(`../../stacks/golden/${stack}.json`, import.meta.url), "utf8");
  const { resources } = JSON.parse(golden) as {
    resources: readonly { readonly type: string; readonly inputs?: Inputs }[];
  };
  const inputs = (type: string) =>
    resources.filter((one) => one.type === type).map((one) => one.inputs ?? {});
  const labelled = inputs("gcp:logging/metric:Metric").map(
    ({ labelExtractors = {} }) => "relay" in labelExtractors,
  );
  return {
    conditions: inputs("gcp:monitoring/alertPolicy:AlertPolicy").flatMap(({ conditions = [] }) => conditions)
      .length,
    metricsByRelay: labelled.filter(Boolean).length,
    metrics: labelled.filter((byRelay) => !byRelay).length,
  };
}

function costTable(title: string, config: StackConfig, watched: WatchedStack): string {
  const first = monthlyBill(config, 1, watched);
  const later = monthlyBill(config, LATER, watched);
  const table = new Table({
    head: [title, "month 1", `month ${LATER}`, `arithmetic, month ${LATER}`],
    chars: Object.fromEntries(
      "top top-mid top-left top-right bottom bottom-mid bottom-left bottom-right left left-mid mid mid-mid right right-mid"
        .split(" ")
        .map((part) => [part, ""])
        .concat([["middle", "  "]]),
    ),
    style: { "padding-left": 0, "padding-right": 0, head: [], border: [] },
    colAligns: ["left", "right", "right", "left"],
  });
  for (const [index, { what, usd, arithmetic }] of later.lines.entries()) {
    const cells = [(first.lines[index]?.usd ?? 0).toFixed(2), usd.toFixed(2)];
    if (cells.some((cell) => cell !== NOTHING)) table.push([what, ...cells, arithmetic]);
  }
  table.push(["total", first.total.toFixed(2), later.total.toFixed(2), ""]);
  return table
    .toString()
    .split("\n")
    .map((row) => row.trimEnd())
    .join("\n");
}
