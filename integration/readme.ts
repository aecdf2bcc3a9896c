// Writes into the README what follows from code: the settings, the policies and the cost. npm run readme
import { readFileSync, writeFileSync } from "node:fs";
import { policies } from "../policies/rules/all.ts";
import { costReport } from "../deploy/cost/costReport.ts";
import { serviceEnvironment } from "../runtime/settings/serviceSettings.ts";
import { withPart } from "./generated.ts";

const file = new URL("../README.md", import.meta.url);

/** The README with its generated parts anew. Throws RangeError where a part has no place. */
export function withParts(text: string): string {
  const parts = { policies: policyTable(), settings: settingsTable(), cost: `\`\`\`\n${costReport()}\`\`\`` };
  return Object.entries(parts).reduce((before, [name, part]) => withPart(before, name, part), text);
}

function settingsTable(): string {
  return tableOf(
    ["variable", "meaning", "form", "without it"],
    [
      ...serviceEnvironment.table(),
      ["`PORT`", "port that is listened on; Cloud Run sets it", "a port", "8080"],
    ],
  );
}

function tableOf(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

function policyTable(): string {
  const rows = policies.map(({ name, severity = "", description, remediationSteps = "", configSchema }) => {
    const settings = Object.entries(configSchema?.properties ?? {}).map(
      ([key, { default: value }]) => `\`${key}\` ${JSON.stringify(value)}`,
    );
    return [`\`${name}\``, severity, description, remediationSteps, settings.join(", ")];
  });
  return tableOf(["rule", "severity", "what must be so, and why", "remedy", "settings"], rows);
}

if (process.argv[1] === import.meta.filename) writeFileSync(file, withParts(readFileSync(file, "utf8")));
