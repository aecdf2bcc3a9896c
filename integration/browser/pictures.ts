// Takes the documents' pictures of the report anew, of 64 slots of the simulated network: npm run pictures
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { type Look, startChromium } from "./chromium.ts";

const ROOT = join(import.meta.dirname, "../..");
/** The date of the pictures, Unix s: 29 November 2026. */
const DATE = "1795910400";

/** What is left above that which a picture is of, px. */
const MARGIN = 8;

/** A picture: how the page is looked at, and what stands at its top. */
interface Picture {
  readonly name: string;
  readonly look: Look;
  readonly height: number;
  readonly of: string;
}

const PICTURES: readonly Picture[] = [
  { name: "head", look: { width: 960, colours: "light" }, height: 1080, of: "body" },
  { name: "timing", look: { width: 960, colours: "dark" }, height: 560, of: "#timing-values" },
  { name: "value", look: { width: 960, colours: "light" }, height: 560, of: "#value-left" },
  { name: "auction", look: { width: 960, colours: "light" }, height: 640, of: "#auction-1" },
  { name: "phone", look: { width: 390, colours: "dark" }, height: 820, of: "section:has(#payloads-relays)" },
];

const folder = mkdtempSync(join(tmpdir(), "etl-pictures-"));
try {
  const main = join(ROOT, "runtime/cli/main.ts");
  const tsx = pathToFileURL(fileURLToPath(import.meta.resolve("tsx"))).href;
  execFileSync(process.execPath, [`--import=${tsx}`, main, "run", "--now", DATE, "--quiet"], { cwd: folder });
  const page = pathToFileURL(join(folder, "data/simulated-1.html")).href;
  for (const picture of PICTURES) await take(page, picture);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

async function take(address: string, { name, look, height, of }: Picture): Promise<void> {
  const context = await startChromium(look);
  try {
    const [page = await context.newPage()] = context.pages();
    await page.goto(address);
    const box = await page.locator(of).first().boundingBox();
    if (!box) throw new Error(`the page has no ${of} to take a picture of`);
    const clip = { x: 0, y: Math.max(0, box.y - MARGIN), width: look.width, height };
    await page.screenshot({ path: join(ROOT, `docs/report-${name}.png`), fullPage: true, clip });
  } finally {
    await context.close();
  }
}
