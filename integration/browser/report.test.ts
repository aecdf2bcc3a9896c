import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import test from "ava";
import type { BrowserContext, Page } from "playwright-core";
import { runChecks } from "../../runtime/checks/checks.ts";
import { chunkRange } from "../../runtime/datasets/chunks.ts";
import { bids } from "../../runtime/datasets/bids.ts";
import { printable } from "../../runtime/errors.ts";
import { BuilderNames, readNames } from "../../runtime/report/names.ts";
import { makeReport } from "../../runtime/report/report.ts";
import { builderNames } from "../../runtime/simulator/builders.ts";
import { judgePayments } from "../program/judged.ts";
import { type LoadedWarehouse, loadedNetwork } from "../program/loaded.ts";
import { startChromium } from "./chromium.ts";
import type { PageWindow } from "./dom.ts";
import { marksOf, misplaced } from "./geometry.ts";
import { duckdbDialect } from "../../runtime/warehouse/sql/duckdbDialect.ts";

const seed = Number(process.env["ETL_TEST_SEED"] ?? Math.floor(Math.random() * 2 ** 31));

/** Every plot of the page. */
const FIGURES = [
  "coverage-payloads",
  "coverage-bids",
  "payloads-relays",
  "payloads-builders",
  "mev-boost-share",
  "bids-a-slot",
  "bids-over-time",
  "timing-values",
  "timing-relays",
  "timing-winning",
  "headers-when",
  "value-delivered",
  "value-over-time",
  "value-left",
  "auction-1",
  "auction-2",
  "auction-3",
  "payments-verdicts",
  "made-eth",
  "market-builders",
  "market-relays",
  "market-bids",
  "market-concentration",
  "builders-share",
  "health-suspects",
  "health-quarantine",
  "health-duplicates",
  "chain-fates",
];

/** What would run, close what it stands in, or fetch, if it weren't shown as text. Each fits a label. */
const HOSTILE = [
  `<script>hacked=1</script>`,
  `</text></svg><img src=x onerror=hacked=2>`,
  `"'><b onclick='hacked=3'>&amp;`,
  `\u0007\u001b[31mred\u0000\u202egnp.exe`,
  `</title><style>*{display:none}</style>`,
  `{{7*7}}\${hacked=4}<!--`,
];

let loaded: LoadedWarehouse;
let url: string;
let simulatedUrl: string;

test.before(async (t) => {
  t.timeout(240_000);
  t.log(`seed ${seed}`);
  // Of everything something: suspect slots, missing ones, quarantine, duplicates, a chain that is known in part.
  loaded = await loadedNetwork({
    seed,
    slots: 64,
    isWhole: true,
    flaws: {
      heron: { kind: "cut", rows: 20, keeps: "oldest" },
      merlin: { kind: "unreadable" },
      wren: { kind: "repeats" },
    },
  });
  const { folder, lake, warehouse, line, range, relays, clock } = loaded;
  await judgePayments(warehouse);
  const names = [...builderNames(seed).keys()];
  const file = join(folder, "names");
  writeFileSync(
    file,
    names
      .slice(0, 12)
      .map((key, index) => `${key} ${HOSTILE[index % HOSTILE.length]}`)
      .join("\n"),
  );
  const hostile = BuilderNames.of(line.network.name).with(await readNames(file));
  const page = async (more: BuilderNames, from: number) => {
    const scope = {
      network: line.network,
      range: { first: range.first - from, last: range.last },
      nowMs: clock.now(),
    };
    const checks = await runChecks(warehouse, duckdbDialect, { scope, relays });
    const { html } = await makeReport(warehouse, duckdbDialect, { scope, names: more, lake, checks });
    const path = join(folder, `page-${from}.html`);
    writeFileSync(path, html);
    return pathToFileURL(path).href;
  };
  simulatedUrl = await page(BuilderNames.of(line.network.name).with(builderNames(seed)), 0);
  // A lake may come from elsewhere: reasons in its quarantine are anybody's text.
  const chunk = { dataset: bids.name, relay: "merlin", ...chunkRange(bids, range.last) };
  const { lines, generation } = await lake.readQuarantine(chunk);
  await lake.writeQuarantine(
    chunk,
    lines.map((line, index) => ({ ...line, reason: HOSTILE[index % HOSTILE.length] ?? "" })),
    generation,
  );
  url = await page(hostile, 10);
});

test.after.always(() => loaded.simulator.close());

/** Opens a page and notes what goes wrong and what is asked for. */
async function opened(context: BrowserContext, address: string) {
  const [page = await context.newPage()] = context.pages();
  const complaints: string[] = [];
  const requests: string[] = [];
  page.on("console", (message) => complaints.push(`${message.type()}: ${message.text()}`));
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("dialog", (dialog) => complaints.push(`a dialog: ${dialog.message()}`));
  page.on("request", (request) => requests.push(request.url()));
  await page.goto(address);
  return { page, complaints, requests };
}

/** How light a colour of the page's body is, 0 to 1. */
async function luminance(page: Page, property: string): Promise<number> {
  const colour = await page.evaluate((name) => {
    const { document, getComputedStyle } = globalThis as unknown as PageWindow;
    return getComputedStyle(document.body)[name] ?? "";
  }, property);
  const [r = 0, g = 0, b = 0] = Array.from(colour.matchAll(/[\d.]+/g), ([digits]) => Number(digits));
  return (0.2126 * r + 0.7152 * g + 0.0722 * b) / 255;
}

for (const colours of ["light", "dark"] as const) {
  for (const [device, width] of [
    ["desk", 1100],
    ["phone", 390],
    ["small phone", 330],
  ] as const) {
    test.serial(
      `${colours}, ${device}: every plot has its marks, nothing is cut off or overlaps, nothing is fetched, names are text`,
      async (t) => {
        for (const address of [url, simulatedUrl]) {
          const context = await startChromium({ width, colours });
          try {
            const { page, complaints, requests } = await opened(context, address);
            const marks = await marksOf(page);
            t.deepEqual(Object.keys(marks), FIGURES);
            t.deepEqual(
              Object.keys(marks).filter((figure) => marks[figure] === 0),
              [],
              "plots without marks",
            );
            t.deepEqual(
              Object.keys(marks).filter((figure) => (marks[figure] ?? 0) > 3000),
              [],
              "plots of too many marks",
            );
            t.deepEqual(await misplaced(page), []);
            t.is(await page.evaluate(() => typeof (globalThis as unknown as PageWindow).hacked), "undefined");
            const [background, text] = [
              await luminance(page, "backgroundColor"),
              await luminance(page, "color"),
            ];
            t.true(colours === "light" ? background > 0.9 && text < 0.2 : background < 0.15 && text > 0.8);
            // Folds and sorting, then look again.
            await page.evaluate(() => {
              const { document } = globalThis as unknown as PageWindow;
              for (const fold of document.body.querySelectorAll("details")) fold.open = true;
            });
            t.deepEqual(await misplaced(page), []);
            t.deepEqual(complaints, []);
            t.deepEqual(requests, [address]);
          } finally {
            await context.close();
          }
        }
      },
    );
  }
}

test.serial(
  "names, and reasons of a foreign quarantine, are shown as the text that they are, in the SVG too",
  async (t) => {
    const context = await startChromium({ width: 1100, colours: "light" });
    t.teardown(() => context.close());
    const { page } = await opened(context, url);
    const texts = (selector: string) => page.locator(selector).allTextContents();
    const cells = await texts("#builders td:first-child");
    const titles = (await texts("#builders-share title")).join("\n");
    const reasons = (await texts("#health-quarantine title")).join("\n");
    const legend = await texts("#payloads-builders .legend li");
    const known = HOSTILE.map((name) => printable(name, 40));
    t.deepEqual(
      known.filter((name) => !cells.includes(name)),
      [],
      "in the table",
    );
    t.deepEqual(
      HOSTILE.filter((reason) => !reasons.includes(`${printable(reason)}:`)),
      [],
      "reasons in the SVG",
    );
    t.true(known.filter((name) => titles.includes(`${name}:`)).length > 2, "names in the SVG");
    t.true(known.filter((name) => legend.includes(name)).length > 1, "names in the legend");
    t.is(await page.locator("main script, main img, main b[onclick], main style, svg style").count(), 0);
  },
);

test.serial(
  "a table is sorted by a click on its head, and without scripts everything is there all the same",
  async (t) => {
    const context = await startChromium({ width: 1100, colours: "light" });
    const { page } = await opened(context, simulatedUrl);
    const head = page.locator("#builders th", { hasText: "bids" });
    const column = () =>
      page
        .locator("#builders tbody tr td:nth-child(8)")
        .allTextContents()
        .then((cells) => cells.map((cell) => Number(cell.replaceAll(",", ""))));
    await head.click();
    const falling = await column();
    t.deepEqual(
      falling,
      falling.toSorted((a, b) => b - a),
    );
    await head.click();
    t.deepEqual(
      await column(),
      falling.toSorted((a, b) => a - b),
    );
    await context.close();

    const bare = await startChromium({ width: 390, colours: "dark", scripts: false });
    t.teardown(() => bare.close());
    const without = await opened(bare, simulatedUrl);
    for (const figure of FIGURES) {
      const box = await without.page.locator(`#${figure} .phone svg`).boundingBox();
      t.true((box?.width ?? 0) > 200 && (box?.height ?? 0) > 50, figure);
    }
  },
);
