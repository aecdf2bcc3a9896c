// Writes into the README what follows from code: the policies and the cost. npm run readme
import { readFileSync, writeFileSync } from "node:fs";
import { policies } from "../policies/rules/all.ts";
import { costReport } from "../deploy/cost/report.ts";
import { withPart } from "./generated.ts";

const file = new URL("../README.md", import.meta.url);

/** The README with its generated parts anew. Throws RangeError where a part has no place. */
export function withParts(text: string): string {
  return withPart(withPart(text, "policies", policyTable()), "cost", `\`\`\`\n${costReport()}\`\`\``);
}

function policyTable(): string {
  const rows = policies.map(({ name, severity = "", description, remediationSteps = "", configSchema }) => {
    const settings = Object.entries(configSchema?.properties ?? {}).map(
      ([key, { default: value }]) => `\`${key}\` ${JSON.stringify(value)}`,
    );
    return [`\`${name}\``, severity, description, remediationSteps, settings.join(", ")];
  });
  return [
    ["rule", "severity", "what must be so, and why", "remedy", "settings"],
    Array(5).fill("---"),
    ...rows,
  ]
    .map((cells) => `| ${cells.join(" | ")} |`)
    .join("\n");
}

if (process.argv[1] === import.meta.filename) writeFileSync(file, withParts(readFileSync(file, "utf8")));
