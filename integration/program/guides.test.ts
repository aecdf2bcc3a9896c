import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";

const root = join(import.meta.dirname, "../..");
const read = (path: string) => readFileSync(join(root, path), "utf8");
const GUIDE = "docs/deploy.md";
const DOCUMENTS = [GUIDE, "README.md"];

/** The commands of a document: what stands in its blocks, a command that goes on over lines as one. */
function commands(text: string): string[] {
  const blocks = [...text.matchAll(/^```\w*\n([^]*?)^```$/gm)].map((match) => match[1] ?? "");
  return blocks.flatMap((block) => block.replaceAll("\\\n", " ").split("\n"));
}

/** The anchor that GitHub gives a heading. */
const anchor = (heading: string) =>
  `#${heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} -]/gu, "")
    .replaceAll(" ", "-")}`;

test("the guide to deploying has every section in its contents, and is no longer than it may be", (t) => {
  const text = read(GUIDE);
  t.true(text.split("\n").length <= 301);
  const sections = [...text.matchAll(/^## (.*)$/gm)].map((match) => anchor(match[1] ?? ""));
  const contents = [...text.matchAll(/^\d+\. \[.*?\]\((#.*?)\)/gm)].map((match) => match[1] ?? "");
  t.deepEqual(contents, sections);
});

test("links within the documents lead somewhere", (t) => {
  for (const document of DOCUMENTS) {
    const text = read(document);
    const anchors = new Set([...text.matchAll(/^#+ (.*)$/gm)].map((match) => anchor(match[1] ?? "")));
    for (const [, link = ""] of text.matchAll(/\]\(((?!https:)[^)]*)\)/g)) {
      if (link.startsWith("#")) t.true(anchors.has(link), `${document}: ${link}`);
      else t.true(existsSync(join(root, link.split("#")[0] ?? "")), `${document}: ${link}`);
    }
  }
});

test("bootstrap.sh is called with options that it has, and with all that it must be given", (t) => {
  const usage = /cat <<'END'\n([^]*?)^END$/m.exec(read("deploy/bootstrap.sh"))?.[1] ?? "";
  const known = new Set([...usage.matchAll(/--[a-z-]+/g)].map(([option]) => option));
  for (const document of DOCUMENTS) {
    const calls = commands(read(document)).filter((line) => line.includes("deploy/bootstrap.sh"));
    t.true(calls.length > 0, document);
    for (const call of calls) {
      const given = [...call.matchAll(/--[a-z-]+/g)].map(([option]) => option);
      for (const option of given) t.true(known.has(option), `${document}: ${option}`);
      if (call.includes("…")) continue;
      for (const option of [
        "--project",
        "--repository",
        "--repository-id",
        "--owner-id",
        "--stack",
        "--region",
      ])
        t.true(given.includes(option), `${document}: ${call} lacks ${option}`);
    }
  }
});

test("no command has one region written into it", (t) => {
  for (const document of DOCUMENTS) {
    for (const line of commands(read(document))) {
      if (/^(?:gcloud|pulumi|deploy\/|npm|bq) ?/.test(line)) t.notRegex(line, /us-central1/, document);
    }
  }
});

test("a setting of a stack's file is said to need a commit wherever a document sets one", (t) => {
  for (const document of DOCUMENTS) {
    const text = read(document);
    for (const { index } of text.matchAll(/pulumi config (?:set|rm) (?:schedulerEnabled|backload)/g))
      t.regex(text.slice(Math.max(0, index - 300), index + 400), /commit/i, `${document} at ${index}`);
  }
});

test("a back-load's section says that bootstrap.sh --backload comes first", (t) => {
  for (const [document, heading] of [
    ["README.md", "Back-load"],
    [GUIDE, "A back-load"],
  ] as const) {
    const section = read(document).split(`\n## ${heading}\n`)[1]?.split("\n## ")[0] ?? "";
    t.regex(section, /bootstrap\.sh[^]*--backload/, document);
  }
});
