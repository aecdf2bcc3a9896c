import type { CheckResult } from "../checks/check.ts";
import { count } from "./format.ts";
import { type Draw, svgHtml } from "./draw.ts";
import { escaped, escapedLines } from "./html.ts";
import { SCRIPT, STYLE } from "./pageParts.ts";
import type { Cell, Figure, PageTable, SectionView } from "./section.ts";

/** Where the page shows what a check is about: a section or a figure. A test holds that every check has its place. */
export const PLACES: Readonly<Record<string, string>> = {
  "late-rows": "health",
  truncated: "health-suspects",
  "stale-empty": "health-suspects",
  "page-border": "payloads",
  "not-on-chain": "chain",
  "same-payload": "market-relays",
  "twin-relays": "market-bids",
  timestamps: "timing-relays",
  retention: "coverage",
  duplicates: "health-duplicates",
  "type-drift": "health-quarantine",
  "unequal-shares": "bids-a-slot",
  "gone-quiet": "coverage",
  "unproven-empty": "health-suspects",
  "rereads-differ": "health",
  "unlisted-relay": "mev-boost",
  "chain-sources-disagree": "mev-boost",
  overclaimed: "payments",
  untestable: "payments",
  misattributed: "payments",
  "changed-afterwards": "made",
};

/** What the page shows. */
export interface Page {
  readonly network: string;
  /** Lines of the head: slots, times, where the data is. */
  readonly facts: readonly (readonly [name: string, value: string])[];
  /** The coverage in one sentence, and whether it is good. */
  readonly verdict: { readonly text: string; readonly good: boolean };
  readonly sections: readonly { readonly id: string; readonly title: string; readonly view: SectionView }[];
  readonly statements: Readonly<Record<string, string>>;
  readonly checks: readonly CheckResult[];
  /** The statements of each check, by its name. */
  readonly checkStatements: Readonly<Record<string, readonly string[]>>;
}

/** The whole page: one text without anything outside of it. */
export function pageHtml(page: Page, draw: Draw): string {
  const title = `MEV-Boost ETL: ${escaped(page.network)}`;
  const checks = page.checks.length === 0 ? [] : [{ id: "checks", title: "Checks" }];
  const links = [...page.sections, ...checks]
    .map(({ id, title: name }) => `<a href="#${id}">${escaped(name)}</a>`)
    .join("");
  const facts = page.facts
    .map(([name, value]) => `<div><dt>${escaped(name)}</dt><dd>${escaped(value)}</dd></div>`)
    .join("");
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:">
<link rel="icon" href="data:,">
<title>${title}</title>
<style>${STYLE}</style>
</head>
<body>
<header>
<h1>MEV-Boost auctions on <span class="network">${escaped(page.network)}</span></h1>
<p class="verdict ${page.verdict.good ? "good" : "bad"}">${escaped(page.verdict.text)}</p>
${tilesHtml(page)}
<dl class="facts">${facts}</dl>
<nav aria-label="Sections">${links}</nav>
</header>
<svg class="defs" aria-hidden="true"><defs><pattern id="hatch" width="5" height="5" patternUnits="userSpaceOnUse"><path d="M-1 6L6 -1M-1 1L1 -1M4 6L6 4"/></pattern></defs></svg>
<main>
${page.sections.map((section) => sectionHtml(section, page.statements, draw)).join("\n")}
${page.checks.length === 0 ? "" : checksHtml(page)}
</main>
<script>${SCRIPT}</script>
</body>
</html>
`;
}

function tilesHtml({ sections }: Page): string {
  const tiles = sections.flatMap(({ view }) => view.tiles);
  if (tiles.length === 0) return "";
  const items = tiles.map(
    ({ label, value, n, gap }) =>
      `<li><span class="label">${escaped(label)}</span><b>${escaped(value)}</b><span>${escaped(n)}</span>${gap === "" ? "" : `<span class="gap">${escaped(gap)}</span>`}</li>`,
  );
  return `<ul class="tiles">${items.join("\n")}</ul>`;
}

function sectionHtml(
  { id, title, view }: Page["sections"][number],
  statements: Page["statements"],
  draw: Draw,
): string {
  const figures = view.figures.map((figure) => figureHtml(figure, statements, draw)).join("\n");
  const tables = view.tables.map((table) => tableHtml(table, statements)).join("\n");
  const nothing = view.nothing === undefined ? "" : `<p class="nothing">${prose(view.nothing)}</p>`;
  return `<section id="${id}">\n<h2>${escaped(title)}</h2>\n${nothing}${figures}\n${tables}\n</section>`;
}

function figureHtml(figure: Figure, statements: Page["statements"], draw: Draw): string {
  const legend = figure.legend
    .map(({ label, colour }) => `<li><i style="background:${colour}"></i>${escaped(label)}</li>`)
    .join("");
  return `<figure id="${figure.id}">
<figcaption><h3>${escaped(figure.title)}</h3><p class="units">${escaped(figure.units)}</p></figcaption>
${legend === "" || typeof figure.plot === "string" ? "" : `<ul class="legend">${legend}</ul>`}
${svgHtml(figure, draw)}
<p class="read">${prose(figure.read)}</p>
${queryHtml(figure.from, statements)}
</figure>`;
}

function queryHtml(from: readonly string[], statements: Page["statements"]): string {
  if (from.length === 0) return "";
  return foldedQueries(from.map((name) => statements[name] ?? ""));
}

function foldedQueries(queries: readonly string[]): string {
  const texts = queries.map((sql) => `<pre>${escapedLines(sql)}</pre>`).join("");
  return `<details><summary>${queries.length === 1 ? "Query" : "Queries"}</summary>${texts}</details>`;
}

function tableHtml({ title, columns, rows, from }: PageTable, statements: Page["statements"]): string {
  const query = queryHtml(from ?? [], statements);
  if (rows.length === 0)
    return `<div class="table"><h3>${prose(title)}</h3><p class="nothing">Nothing to list.</p>${query}</div>`;
  const head = columns
    .map(({ label, numeric }) => `<th scope="col"${numeric ? ' class="n"' : ""}>${escaped(label)}</th>`)
    .join("");
  const body = rows
    .map(
      (row) =>
        `<tr>${row.map((cell, index) => cellHtml(cell, columns[index]?.numeric ?? false)).join("")}</tr>`,
    )
    .join("\n");
  return `<div class="table"><h3>${prose(title)}</h3>
${columns.length > 4 ? '<p class="hint">Scrolls sideways: more columns at the right.</p>\n' : ""}<div class="scroll" tabindex="0"><table class="sortable"><thead><tr>${head}</tr></thead><tbody>
${body}
</tbody></table></div>${query}</div>`;
}

/** Characters from which on a text gets room: else many columns would leave it a word a line. */
const LONG = 24;

function cellHtml(cell: Cell, numeric: boolean): string {
  const shown = typeof cell === "string" ? cell : cell.shown;
  const sort = typeof cell === "string" ? "" : ` data-sort="${cell.value}"`;
  const text = escaped(shown, 200);
  const linked =
    typeof cell === "string" || cell.href === undefined
      ? text
      : `<a href="${escaped(cell.href)}">${text}</a>`;
  const kind = numeric ? ' class="n"' : shown.length > LONG ? ' class="long"' : "";
  return `<td${kind}${sort}>${linked}</td>`;
}

function checksHtml({ checks: results, checkStatements }: Page): string {
  const items = results
    .map((result) => checkHtml(result, checkStatements[result.check.name] ?? []))
    .join("\n");
  const spoke = results.filter(({ findings }) => findings.length > 0).length;
  const title =
    spoke === 0
      ? `None of ${count(results.length)} detectors found a fault`
      : `${spoke} of ${results.length} detectors found something`;
  return `<section id="checks">
<h2>Checks</h2>
<h3>${title}</h3>
<ol class="checks">
${items}
</ol>
</section>`;
}

function checkHtml({ check, findings, measured }: CheckResult, queries: readonly string[]): string {
  const isError = findings.some(({ severity }) => severity === "error");
  const state = isError ? "error" : findings.length > 0 ? "warning" : "ok";
  const said = findings
    .map(({ severity, relay, what }) => {
      const text = relay === null ? what : `${relay}: ${what}`;
      return `<li><b>${severity}</b> ${escaped(text, 500)}</li>`;
    })
    .join("");
  const place = PLACES[check.name];
  const rows = place === undefined ? "" : ` <a href="#${place}">Where the page shows its rows</a>`;
  const found =
    said === ""
      ? ""
      : `<ul>${said}</ul><p class="advice">${prose(check.advice)}${rows}</p>${foldedQueries(queries)}`;
  return `<li class="${state}"><p><span class="state">${state}</span> <b>${check.number} ${escaped(check.title)}</b></p>
<p class="dim">Looks for ${prose(check.looksFor)}.</p><p>${escaped(measured, 500)}</p>${found}</li>`;
}

/** The program's own words, in which names of commands and columns stand between backticks. */
function prose(text: string): string {
  return escaped(text).replaceAll(/`([^`]+)`/g, "<code>$1</code>");
}
