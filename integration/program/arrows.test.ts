import { spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import test from "ava";
import { ROOMS } from "../../.dependency-cruiser.mjs";
import { withPart } from "../generated.ts";
import { roomsTable } from "../rooms.ts";

const root = join(import.meta.dirname, "../..");

/** What the check says of a tree of these files, each `path: what it imports`. */
function judged(files: Readonly<Record<string, string>>): string {
  const tree = mkdtempSync(join(tmpdir(), "etl-arrows-"));
  try {
    for (const entry of [".dependency-cruiser.mjs", "tsconfig.json", "package.json"])
      cpSync(join(root, entry), join(tree, entry));
    symlinkSync(join(root, "node_modules"), join(tree, "node_modules"));
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(join(tree, dirname(path)), { recursive: true });
      writeFileSync(join(tree, path), `${text}\nexport const it = 1;\n`);
    }
    const run = spawnSync(
      process.execPath,
      [
        join(root, "node_modules/dependency-cruiser/bin/dependency-cruise.mjs"),
        "--config",
        ".dependency-cruiser.mjs",
        ...new Set(Object.keys(files).map((path) => path.split("/")[0] ?? path)),
      ],
      { cwd: tree, encoding: "utf8", env: { ...process.env, NO_COLOR: "1", FORCE_COLOR: "0" } },
    );
    return run.stdout + run.stderr;
  } finally {
    rmSync(tree, { recursive: true, force: true });
  }
}

test("imports that the table has are taken", (t) => {
  const said = judged({
    "runtime/errors.ts": "",
    "runtime/relays/relay.ts": "",
    "runtime/relays/http/client.ts": 'import { it as a } from "../relay.ts";',
    "runtime/lake/lake.ts": 'import { it as a } from "../relays/relay.ts";',
    "runtime/collect/run.ts":
      'import { it as a } from "../relays/http/client.ts";\nimport type { it as b } from "../lake/lake.ts";',
    "runtime/lake/lake.test.ts": 'import { it as a } from "../collect/run.ts";',
  });
  t.regex(said, /no dependency violations/);
});

/** An import that must be refused, and the words in which it is. */
const REFUSED: readonly [what: string, from: string, text: string, to: string, words: RegExp][] = [
  [
    "lake to HTTP",
    "runtime/lake/a.ts",
    'import "../relays/http/b.ts";',
    "runtime/relays/http/b.ts",
    /runtime\/lake imports/,
  ],
  [
    "warehouse to HTTP",
    "runtime/warehouse/a.ts",
    'import "../relays/http/b.ts";',
    "runtime/relays/http/b.ts",
    /runtime\/warehouse imports/,
  ],
  [
    "a type of a folder's lake in a bucket's",
    "runtime/lake/gcs/a.ts",
    'import type { it as b } from "../folder/b.ts";',
    "runtime/lake/folder/b.ts",
    /runtime\/lake\/gcs imports/,
  ],
  [
    "DuckDB to BigQuery",
    "runtime/warehouse/duckdb/a.ts",
    'import "../bigquery/b.ts";',
    "runtime/warehouse/bigquery/b.ts",
    /runtime\/warehouse\/duckdb imports/,
  ],
  [
    "collecting to the warehouse",
    "runtime/collect/a.ts",
    'import "../warehouse/b.ts";',
    "runtime/warehouse/b.ts",
    /runtime\/collect imports/,
  ],
  [
    "a service to the simulator",
    "runtime/services/a.ts",
    'import "../simulator/b.ts";',
    "runtime/simulator/b.ts",
    /no simulator in the container/,
  ],
  [
    "an import that waits",
    "runtime/services/a.ts",
    'await import("../simulator/b.ts");',
    "runtime/simulator/b.ts",
    /runtime\/services imports/,
  ],
  [
    "the ground to a room above",
    "runtime/errors.ts",
    'import "./chain/b.ts";',
    "runtime/chain/b.ts",
    /runtime imports/,
  ],
  [
    "a component to collecting",
    "components/A.ts",
    'import "../runtime/collect/b.ts";',
    "runtime/collect/b.ts",
    /components imports/,
  ],
  [
    "a policy to what it judges",
    "policies/rules/a.ts",
    'import "../../components/b.ts";',
    "components/b.ts",
    /policies imports/,
  ],
  [
    "the program to integration",
    "stacks/a.ts",
    'import "../integration/b.ts";',
    "integration/b.ts",
    /stacks imports/,
  ],
  [
    "support for tests",
    "runtime/lake/a.ts",
    'import "./b.testing.ts";',
    "runtime/lake/b.testing.ts",
    /no support for tests/,
  ],
];

/** Names of their own for the files of each, so that one tree holds all. */
const own = (path: string, number: number) => path.replace(/(?<=[/"])([abA])(?=\.)/, `$1${number}`);
let saidOfAll: string | undefined;

for (const [number, [what, from, text, to, words]] of REFUSED.entries())
  test(`refused: ${what}`, (t) => {
    saidOfAll ??= judged(
      Object.fromEntries(
        REFUSED.flatMap(([, ...one], at) => [
          [own(one[0], at), one[1].replace(/[ab](?=\.(?:testing\.)?ts")/, `$&${at}`)],
          [own(one[2], at), ""],
        ]),
      ),
    );
    const line = saidOfAll.split("\n").filter((each) => each.includes(` ${own(from, number)} `));
    t.true(
      line.some((each) => words.test(each)),
      `${from}: ${text} -> ${to}\n${saidOfAll}`,
    );
  });

test("refused: files that import each other, by an import that waits too", (t) => {
  const said = judged({
    "runtime/lake/a.ts": 'import { it as b } from "./b.ts";',
    "runtime/lake/b.ts": 'export const later = () => import("./a.ts");',
  });
  t.regex(said, /no circle/);
});

test("ARCHITECTURE's table is the one that is enforced, and each room in it is a folder", (t) => {
  const text = readFileSync(join(root, "ARCHITECTURE.md"), "utf8");
  const cells = (whole: string) =>
    whole.replaceAll(/ +\|/g, " |").replaceAll(/\| +/g, "| ").replaceAll(/-+/g, "-");
  t.is(cells(text), cells(withPart(text, "rooms", roomsTable())), "npm run docs writes it anew");
  for (const { room } of ROOMS) t.true(existsSync(join(root, room)), room);
});
