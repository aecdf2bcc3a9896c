// Writes into the documents what follows from code: npm run docs
import { readFileSync, writeFileSync } from "node:fs";
import { format, resolveConfig } from "prettier";
import { costReport } from "../deploy/cost/costReport.ts";
import { dayInBigQuery } from "../deploy/cost/dayInBigQuery.ts";
import { policies } from "../policies/rules/all.ts";
import { checks } from "../runtime/checks/checks.ts";
import { backloadEnvironment } from "../runtime/settings/backloadSettings.ts";
import { publishEnvironment } from "../runtime/settings/publishSettings.ts";
import { serviceEnvironment } from "../runtime/settings/serviceSettings.ts";
import { configKeyRows, protectionRows } from "../stacks/documentTables.ts";
import {
  commandDefinitions,
  commandsTable,
  ownOptionsTable,
  printedBy,
  sharedOptionsTable,
} from "./commandTables.ts";
import { tableOf, withPart } from "./generated.ts";
import { queriesDocument, slotsBill } from "./queriesDoc.ts";
import { roomsTable } from "./rooms.ts";
import { ledgerTablesDocument, tablesDocument } from "./tablesDoc.ts";

/** The date of what a document shows of an estimate, Unix s: 29 November 2026. */
const DATE = 1_795_910_400;

type Parts = Readonly<Record<string, string>>;

/** Documents whose generated parts are written by functions of their own: a document's text with these anew. */
const WRITERS: Readonly<Record<string, (text: string) => string | Promise<string>>> = {
  "docs/tables.md": tablesDocument,
  "docs/ledger-tables.md": ledgerTablesDocument,
  "docs/queries.md": queriesDocument,
};

/** The generated parts of each document, by the document's path and the part's name. */
async function allParts(): Promise<Readonly<Record<string, Parts>>> {
  const commands = commandDefinitions();
  return {
    "ARCHITECTURE.md": { rooms: roomsTable() },
    "docs/commands.md": {
      commands: commandsTable(commands),
      "shared options": sharedOptionsTable(commands),
      "own options": ownOptionsTable(commands),
    },
    "docs/report-and-checks.md": {
      checks: tableOf([
        ["no.", "check", "finds", "what to do then"],
        ...checks.map(({ number, name, looksFor, advice }) => [
          String(number),
          `\`${name}\``,
          looksFor,
          advice,
        ]),
      ]),
    },
    "docs/configuration.md": {
      settings: environmentTable([
        ...serviceEnvironment.table(),
        ["`PORT`", "port that is listened on; Cloud Run sets it", "a port", "8080"],
      ]),
      "worker settings": environmentTable([
        ...backloadEnvironment.table(),
        ["`JOB_COMPLETION_INDEX`", "the worker's shard; Kubernetes sets it", "a shard, from 0", "refused"],
      ]),
      "config keys": tableOf(configKeyRows()),
    },
    "docs/policies.md": {
      protection: tableOf(protectionRows()),
      policies: policyTable(),
    },
    "docs/publish.md": { "job settings": environmentTable(publishEnvironment.table()) },
    "docs/back-load.md": { estimate: fenced(estimate()) },
    "docs/cost.md": {
      cost: fenced(costReport()),
      day: fenced(dayInBigQuery()),
      slots: fenced(await slotsBill()),
    },
  };
}

/** Every document that has generated parts, by its path, with these anew. Throws RangeError where a part has no place. */
export async function documentsAnew(): Promise<Readonly<Record<string, string>>> {
  const written: Record<string, string> = {};
  for (const [path, parts] of Object.entries(await allParts())) {
    const text = Object.entries(parts).reduce(
      (before, [name, part]) => withPart(before, name, part),
      readFileSync(fileOf(path), "utf8"),
    );
    written[path] = await formatted(text);
  }
  for (const [path, writer] of Object.entries(WRITERS))
    written[path] = await formatted(await writer(readFileSync(fileOf(path), "utf8")));
  return written;
}

async function formatted(text: string): Promise<string> {
  return format(text, { ...(await resolveConfig(fileOf("README.md"))), parser: "markdown" });
}

function fileOf(path: string): URL {
  return new URL(`../${path}`, import.meta.url);
}

function environmentTable(rows: readonly (readonly string[])[]): string {
  return tableOf([["variable", "meaning", "form", "without it"], ...rows]);
}

function policyTable(): string {
  const rows = policies.map(({ name, severity = "", description, remediationSteps = "", configSchema }) => {
    const settings = Object.entries(configSchema?.properties ?? {}).map(
      ([key, { default: value }]) => `\`${key}\` ${JSON.stringify(value)}`,
    );
    return [`\`${name}\``, severity, description, remediationSteps, settings.join(", ")];
  });
  return tableOf([["rule", "severity", "what must be so, and why", "remedy", "settings"], ...rows]);
}

function estimate(): string {
  return printedBy([..."backload --dry-run --network mainnet --workers 20 --now".split(" "), String(DATE)]);
}

function fenced(text: string): string {
  return `\`\`\`text\n${text.trimEnd()}\n\`\`\``;
}

if (process.argv[1] === import.meta.filename)
  for (const [path, text] of Object.entries(await documentsAnew())) writeFileSync(fileOf(path), text);
