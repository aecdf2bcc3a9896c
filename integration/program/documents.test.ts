import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import test from "ava";
import { expectedBids } from "../../runtime/backload/expectedRows.ts";
import { sections } from "../../runtime/report/sections/sections.ts";
import { BACKLOAD_DEFAULTS } from "../../stacks/backloadConfig.ts";
import { overriddenRelays } from "../../runtime/settings/relayOverrides.ts";
import volumes from "../../deploy/cost/volumes.json" with { type: "json" };
import { commandDefinitions } from "../commandTables.ts";
import { documentsAnew } from "../documents.ts";
import {
  DOCUMENTS,
  ROOT,
  anchorsOf,
  fencedBlocks,
  commandsOf,
  headingsOf,
  linksOf,
  read,
} from "./markdown.ts";

/** A whole path in backticks: of a file by its ending, of a folder by the slash at its end. */
const PATH = /`((?:[\w.-]+\/)*[\w.-]+(?:\.(?:ts|mjs|js|json|sh|yaml|md)|\/))`/g;

/** The paths that a text names and that aren't there; those without a folder of the root lie below runtime. */
function missingPaths(text: string): string[] {
  const paths = Array.from(text.matchAll(PATH), ([, path = ""]) => path);
  return paths.filter((path) => !["", "runtime"].some((base) => existsSync(join(ROOT, base, path))));
}

for (const name of ["ARCHITECTURE.md", "CONTRIBUTING.md"]) {
  test(`every path that ${name} names is there`, (t) => {
    const text = readFileSync(join(ROOT, name), "utf8");
    t.true([...text.matchAll(PATH)].length > 20);
    t.deepEqual(missingPaths(text), []);
  });
}

test("a path that is gone is seen, a file's and a folder's, and a word that is no path isn't taken for one", (t) => {
  const text =
    "`lake/gone.ts`, `lake/lake.ts`, `lake/`, `nowhere/`, `package.json`, `ETL_RATE`, `npm run x`, `*.test.ts`";
  t.deepEqual(missingPaths(text), ["lake/gone.ts", "nowhere/"]);
});

test("ARCHITECTURE.md can be read in one go: at most 200 lines", (t) => {
  t.true(readFileSync(join(ROOT, "ARCHITECTURE.md"), "utf8").split("\n").length <= 201);
});

test("what follows from code in the documents is what the code says (npm run docs writes it anew)", async (t) => {
  for (const [path, text] of Object.entries(await documentsAnew())) t.is(read(path), text, path);
});

test("README.md can be read in one go: at most 150 lines and 10 KB", (t) => {
  const text = read("README.md");
  t.true(text.split("\n").length <= 151);
  t.true(Buffer.byteLength(text) <= 10_240);
});

test("README.md names the command by which everything is tested, and every document", (t) => {
  const text = read("README.md");
  t.true(text.includes("npm ci && npm test"));
  const linked = linksOf(text);
  for (const path of DOCUMENTS.slice(1)) t.true(linked.includes(path), path);
});

test("every document has at most 300 lines, and every section of it in the contents at its top", (t) => {
  t.true(DOCUMENTS.length > 8);
  for (const path of DOCUMENTS.slice(1)) {
    const text = read(path);
    t.true(text.split("\n").length <= 301, path);
    const depths = headingsOf(text).map(({ depth }) => depth);
    const sections = anchorsOf(text).filter((_, index) => depths[index] === 2);
    const top = text.split(/^## /m)[0] ?? "";
    const contents = new Set(linksOf(top));
    t.deepEqual(
      sections.filter((section) => !contents.has(section)),
      [],
      path,
    );
  }
});

/** The links of a document that lead nowhere: to no file, or to no heading of one. */
function deadLinks(path: string, text: string): string[] {
  return linksOf(text).filter((link) => {
    const [file = "", anchor] = link.split("#");
    const target = file === "" ? path : join(dirname(path), file);
    if (file !== "" && !existsSync(join(ROOT, target))) return true;
    if (anchor === undefined) return false;
    return !anchorsOf(file === "" ? text : read(target)).includes(`#${anchor}`);
  });
}

test("every link of the documents leads somewhere, to a file and to a heading of it", (t) => {
  for (const path of [...DOCUMENTS, "ARCHITECTURE.md", "CONTRIBUTING.md"])
    t.deepEqual(deadLinks(path, read(path)), [], path);
  t.deepEqual(
    deadLinks("docs/here.md", "# A b\n[x](#a-b) [x](#c) [x](gone.md) [x](cost.md#gone) ![x](../README.md)"),
    ["#c", "gone.md", "cost.md#gone"],
  );
});

/** What stands behind a fence, and who sees to it that the block is right. */
const KINDS: Readonly<Record<string, string>> = {
  sh: "run as it stands by documentCommands.long.test.ts",
  "sh cloud":
    "needs a cloud, a machine of its own or relays of a real network: its commands and options are looked up",
  text: "what a command printed",
  sql: "run on what the document's commands loaded",
  "sql cloud": "needs BigQuery",
  "sql duckdb": "one of a question's two forms: run by the test of docs/queries.md",
  "sql bigquery": "one of a question's two forms: analyzed by the test of docs/queries.md",
  python: "needs Python and its libraries",
  yaml: "a part of a stack's file",
};

test("every block of a document says what it is: run by a test, marked as needing a cloud, or no command", (t) => {
  for (const path of DOCUMENTS)
    for (const { kind, text } of fencedBlocks(read(path)))
      t.true(kind in KINDS, `${path}: "${kind}": ${text}`);
});

test("commands that documents name are there, with their options", (t) => {
  const { scripts } = JSON.parse(read("package.json")) as { scripts: Readonly<Record<string, string>> };
  const commands = commandDefinitions();
  const faultOf = (line: string): string | undefined => {
    const script = /\bnpm run (?:--silent |-s )?([\w:]+)/.exec(line)?.[1];
    if (script !== undefined && !(script in scripts)) return `no script ${script}`;
    const words = /\bnpm (?:start|run start)(?: --silent)? -- (.*)/.exec(line)?.[1]?.split(/\s+/);
    if (!words) return undefined;
    const name = words[0]?.startsWith("-") ? "run" : words[0];
    const command = commands.find((one) => one.name === name);
    if (!command) return name === "<command>" ? undefined : `no command ${name}`;
    const known = new Set(command.options.flatMap(({ flags }) => flags.match(/--[a-z-]+/g) ?? []));
    return words.filter((word) => word.startsWith("--") && !known.has(word.split("=")[0] ?? ""))[0];
  };
  for (const path of [...DOCUMENTS, "ARCHITECTURE.md", "CONTRIBUTING.md"]) {
    const text = read(path);
    const inline = Array.from(text.matchAll(/`([^`\n]+)`/g), ([, code = ""]) => code);
    for (const line of [...fencedBlocks(text).flatMap(commandsOf), ...inline])
      t.is(
        faultOf(line.split(/&&|\|/).find((part) => part.includes("npm ")) ?? ""),
        undefined,
        `${path}: ${line}`,
      );
  }
  t.is(faultOf("npm run gone"), "no script gone");
  t.is(faultOf("npm start -- gone"), "no command gone");
  t.is(faultOf("npm start -- coverage --gone 1"), "--gone");
});

test("the report's sections are those that its document describes", (t) => {
  const text = read("docs/report-and-checks.md");
  const described = Array.from(text.matchAll(/^\| ([A-Z][\w ]+?) +\|/gm), ([, title]) => title);
  t.deepEqual(described, [...sections.map(({ title }) => title), "Checks"]);
});

test("the defaults of a back-load's config are those of its document", (t) => {
  const rows = read("docs/back-load.md").split("\n");
  for (const [key, value] of Object.entries(BACKLOAD_DEFAULTS)) {
    const [, keys = "", defaults = ""] =
      rows.find((row) => row.includes(`| \`${key}\``) || row.includes(`, \`${key}\``))?.split("|") ?? [];
    const place = keys.split(",").findIndex((one) => one.includes(`\`${key}\``));
    t.is(defaults.split(",")[place]?.trim().replaceAll("`", ""), String(value), key);
  }
});

test("mainnet's bids a day are one figure: the cost's are those that a back-load expects", (t) => {
  const relays = overriddenRelays("mainnet", {}).filter(({ state }) => state === "active");
  const aSlot = relays.reduce((sum, { name }) => sum + expectedBids("mainnet", name)(16_000_000), 0);
  t.is(Math.round((aSlot * 7200) / 1e6) * 1e6, volumes.networks.mainnet.bidsPerDay);
});
