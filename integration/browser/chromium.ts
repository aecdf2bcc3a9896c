import { existsSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BrowserContext, chromium } from "playwright-core";

const PLACES = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/** Without a screen, without a sandbox (CI runs as root), and without anything that would ask the network. */
const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export interface Look {
  readonly width: number;
  readonly colours: "light" | "dark";
  readonly scripts?: boolean;
}

/** Chromium with a profile of its own that looks at pages so wide and in these colours. Throws where there is none. */
export async function startChromium({ width, colours, scripts = true }: Look): Promise<BrowserContext> {
  const named = process.env["CHROMIUM_PATH"];
  const path = named ?? PLACES.find((place) => existsSync(place));
  if (path === undefined || !existsSync(path))
    throw new Error(
      `no Chromium at ${named ?? PLACES.join(", ")}: install it (apt-get install chromium), or name it in CHROMIUM_PATH`,
    );
  return chromium.launchPersistentContext(mkdtempSync(join(tmpdir(), "etl-chromium-")), {
    executablePath: path,
    args: FLAGS,
    viewport: { width, height: 900 },
    colorScheme: colours,
    javaScriptEnabled: scripts,
  });
}
