import test from "ava";
import { DOCUMENTS, fencedBlocks, commandsOf, read } from "./markdown.ts";

const GUIDE = "docs/deploy.md";
const BACK_LOAD = "docs/back-load.md";

const commands = (text: string) => fencedBlocks(text).flatMap(commandsOf);

test("bootstrap.sh is called with options that it has, and with all that it must be given", (t) => {
  const usage = /cat <<'END'\n([^]*?)^END$/m.exec(read("deploy/bootstrap.sh"))?.[1] ?? "";
  const known = new Set([...usage.matchAll(/--[a-z-]+/g)].map(([option]) => option));
  for (const document of [GUIDE, BACK_LOAD]) {
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
    [BACK_LOAD, "Start"],
    [GUIDE, "A back-load"],
  ] as const) {
    const section = read(document).split(`\n## ${heading}\n`)[1]?.split("\n## ")[0] ?? "";
    t.regex(section, /bootstrap\.sh[^]*--backload/, document);
  }
});
