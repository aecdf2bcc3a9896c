import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";

export const ROOT = join(import.meta.dirname, "../..");

/** The paths of the documents: the README and what stands in docs/. */
export const DOCUMENTS: readonly string[] = [
  "README.md",
  ...readdirSync(join(ROOT, "docs"))
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`),
];

export function read(path: string): string {
  return readFileSync(join(ROOT, path), "utf8");
}

/** A fenced block. */
export interface FencedBlock {
  /** What stands behind the fence, such as `sh cloud`; empty where nothing does. */
  readonly kind: string;
  readonly text: string;
}

/** The fenced blocks of a document, in order. */
export function fencedBlocks(text: string): FencedBlock[] {
  return Array.from(text.matchAll(/^```(.*)\n([^]*?)^```$/gm), ([, kind = "", inside = ""]) => ({
    kind: kind.trim(),
    text: inside,
  }));
}

/** The commands of a block: a line each, one that goes on over lines as one, without comments. */
export function commandsOf({ text }: FencedBlock): string[] {
  return text
    .replaceAll("\\\n", " ")
    .split("\n")
    .map((line) => line.replace(/(?:^|\s)#\s.*$/, "").trim())
    .filter((line) => line !== "");
}

/** The anchors of a document's headings, as GitHub gives them: an equal one behind has a number. */
export function anchorsOf(text: string): string[] {
  const seen = new Map<string, number>();
  return headingsOf(text).map(({ title }) => {
    const anchor = title
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}_ -]/gu, "")
      .replaceAll(" ", "-");
    const before = seen.get(anchor) ?? 0;
    seen.set(anchor, before + 1);
    return before === 0 ? `#${anchor}` : `#${anchor}-${before}`;
  });
}

/** The headings of a document, outside of its blocks. */
export function headingsOf(text: string): { readonly depth: number; readonly title: string }[] {
  const outside = text.replaceAll(/^```.*\n[^]*?^```$/gm, "");
  return Array.from(outside.matchAll(/^(#+) (.*)$/gm), ([, marks = "", title = ""]) => ({
    depth: marks.length,
    title,
  }));
}

/** What a document links to or shows, without what lies in the web. */
export function linksOf(text: string): string[] {
  return Array.from(text.matchAll(/\]\(((?!https?:)[^)\s]*)\)/g), ([, link = ""]) => link);
}
