/**
 * Which room may import which: the one table of the project's arrows. ARCHITECTURE's is made from it (`npm run docs`), and
 * `npm run check` refuses what isn't in it. dependency-cruiser and not the linter: it resolves an import to its file, counts
 * dynamic imports and those of types, and finds circles over any number of files.
 *
 * A room is a folder with all below it that isn't a room itself. Tests, their support and their cases may import what they like.
 */

/** Rooms that the application's others stand on. */
const GROUND = ["runtime", "runtime/chain", "runtime/datasets"];
const LAKES = ["runtime/lake/folder", "runtime/lake/gcs"];
const WAREHOUSES = ["runtime/warehouse/duckdb", "runtime/warehouse/bigquery"];

/** @type {readonly {room: string, job: string, may: readonly string[] | "everything"}[]} */
export const ROOMS = [
  {
    room: "runtime",
    job: "errors, the log, credentials in URLs, the heap's flags, list prices: what all use",
    may: [],
  },
  {
    room: "runtime/chain",
    job: "networks, slots, the clock, what the canonical chain can be asked",
    may: ["runtime"],
  },
  {
    room: "runtime/datasets",
    job: "one definition per dataset; codec, lake line, DuckDB, BigQuery and Parquet columns from it",
    may: ["runtime", "runtime/chain"],
  },
  {
    room: "runtime/kernel",
    job: "answers → checked, compressed lines, as WebAssembly: its source, the module, its wrapper",
    may: GROUND,
  },
  {
    room: "runtime/relays",
    job: "relays as data: directory, aliases, description, rates, addresses, headers",
    may: GROUND,
  },
  {
    room: "runtime/settings",
    job: "what is given to the program in more than one form, once; the environments of services and workers",
    may: [...GROUND, "runtime/relays"],
  },
  {
    room: "runtime/relays/http",
    job: "the client of a relay: request, transfer, retries, pace, which relays are down",
    may: [...GROUND, "runtime/relays"],
  },
  {
    room: "runtime/nodes",
    job: "what tells of the chain: beacon and execution nodes, xatu's files",
    may: [...GROUND],
  },
  {
    room: "runtime/payments",
    job: "whether a delivered payload was paid: the steps, and what a node or xatu's files tell of a block",
    may: [...GROUND, "runtime/nodes", "runtime/warehouse", "runtime/warehouse/sql"],
  },
  {
    room: "runtime/lake",
    job: "chunks with metadata, conditional writes, quarantine, horizons, what was read again, over a store",
    may: [...GROUND, "runtime/relays"],
  },
  {
    room: "runtime/lake/folder",
    job: "the store in a folder, with its lock",
    may: [...GROUND, "runtime/lake"],
  },
  { room: "runtime/lake/gcs", job: "the store in a bucket", may: [...GROUND, "runtime/lake"] },
  {
    room: "runtime/warehouse",
    job: "what a warehouse is; what both forms compare, check and count",
    may: [...GROUND, "runtime/lake", "runtime/relays"],
  },
  {
    room: "runtime/warehouse/sql",
    job: "statements that both forms take; which values are believed; names of builders",
    may: [...GROUND, "runtime/relays", "runtime/lake", "runtime/warehouse"],
  },
  {
    room: "runtime/builders",
    job: "names of builders' keys, by what their blocks bear",
    may: [...GROUND, "runtime/warehouse", "runtime/warehouse/sql"],
  },
  {
    room: "runtime/imports",
    job: "archives of others: their files' forms, where they are, what their rows mean; downloads, provenance",
    may: [
      ...GROUND,
      "runtime/relays",
      "runtime/lake",
      "runtime/lake/folder",
      "runtime/warehouse",
      "runtime/warehouse/sql",
    ],
  },
  {
    room: "runtime/warehouse/duckdb",
    job: "tables in a DuckDB file; Parquet",
    may: [
      ...GROUND,
      "runtime/lake",
      "runtime/lake/folder",
      "runtime/relays",
      "runtime/warehouse",
      "runtime/warehouse/sql",
    ],
  },
  {
    room: "runtime/warehouse/bigquery",
    job: "tables in a BigQuery dataset; its exports are written by DuckDB",
    may: [
      ...GROUND,
      "runtime/lake",
      "runtime/relays",
      "runtime/warehouse",
      "runtime/warehouse/sql",
      "runtime/warehouse/duckdb",
    ],
  },
  {
    room: "runtime/collect",
    job: "plan, ask, prove what is empty, merge, write; rechecks; a sample read again; coverage from the lake",
    may: [...GROUND, "runtime/kernel", "runtime/relays", "runtime/relays/http", "runtime/lake"],
  },
  {
    room: "runtime/tick",
    job: "plan, collect, load and settle within a deadline",
    may: [...GROUND, "runtime/relays", "runtime/lake", "runtime/collect", "runtime/warehouse"],
  },
  {
    room: "runtime/backload",
    job: "range → shards; a worker over a shard; what it will take; the parts of one address's rates",
    may: [
      ...GROUND,
      "runtime/relays",
      "runtime/settings",
      "runtime/relays/http",
      "runtime/lake",
      "runtime/collect",
    ],
  },
  {
    room: "runtime/checks",
    job: "data-quality detectors, one a file: what it looks for, its statements, what they mean, what to do",
    may: [
      ...GROUND,
      "runtime/relays",
      "runtime/lake",
      "runtime/warehouse",
      "runtime/warehouse/sql",
      "runtime/builders",
    ],
  },
  {
    room: "runtime/publish",
    job: "whole days as Parquet with a catalog, from the lake; what of it is verified, and may leave the lake",
    may: [...GROUND, "runtime/relays", "runtime/lake", "runtime/warehouse", "runtime/warehouse/sql"],
  },
  {
    room: "runtime/report",
    job: "the page: its sections with their statements, numbers and plots; drawing",
    may: [
      ...GROUND,
      "runtime/lake",
      "runtime/warehouse",
      "runtime/warehouse/sql",
      "runtime/builders",
      "runtime/checks",
    ],
  },
  {
    room: "runtime/simulator",
    job: "relays that speak every dialect, fault, spell and flaw, and the truth about them",
    may: [...GROUND, "runtime/relays"],
  },
  {
    room: "runtime/services",
    job: "a tick for each HTTP request; a back-load's worker; log lines as data, which the stack reads too",
    may: [
      ...GROUND,
      "runtime/relays",
      "runtime/settings",
      "runtime/relays/http",
      "runtime/lake",
      ...LAKES,
      "runtime/collect",
      "runtime/tick",
      "runtime/backload",
      "runtime/warehouse",
      "runtime/warehouse/sql",
      "runtime/warehouse/bigquery",
      "runtime/builders",
      "runtime/checks",
      "runtime/publish",
      "runtime/report",
    ],
  },
  {
    room: "runtime/cli",
    job: "one file a command",
    may: [
      ...GROUND,
      "runtime/relays",
      "runtime/settings",
      "runtime/relays/http",
      "runtime/nodes",
      "runtime/payments",
      "runtime/lake",
      ...LAKES,
      "runtime/warehouse",
      ...WAREHOUSES,
      "runtime/warehouse/sql",
      "runtime/builders",
      "runtime/imports",
      "runtime/collect",
      "runtime/tick",
      "runtime/backload",
      "runtime/checks",
      "runtime/publish",
      "runtime/report",
      "runtime/simulator",
      "runtime/services",
    ],
  },
  {
    room: "components",
    job: "what a stack is made of, one class a file; every name, guard, metric and alert",
    may: ["runtime/chain", "runtime/settings", "runtime/services", "runtime/warehouse/bigquery"],
  },
  {
    room: "components/backload",
    job: "the cluster, job, network and alerts of a back-load",
    may: ["runtime/backload", "runtime/settings", "runtime/services", "components"],
  },
  {
    room: "stacks",
    job: "the Pulumi program, its config and outputs; `stacks/golden/`: what each stack registers",
    may: [
      "runtime",
      "runtime/chain",
      "runtime/settings",
      "runtime/warehouse/bigquery",
      "components",
      "components/backload",
    ],
  },
  { room: "policies", job: "rules that a stack must pass, one a file with its cases", may: [] },
  {
    room: "deploy",
    job: "what sets up a project, promotes an image, runs it on a VM, computes the cost",
    may: ["runtime", "runtime/datasets", "runtime/settings", "components", "stacks"],
  },
  { room: "integration", job: "checks against real servers and the real engine", may: "everything" },
  { room: "bench", job: "speed, as ratios of variants side by side", may: "everything" },
];

const TOP = "^(?:runtime|components|stacks|policies|deploy|integration|bench)/";
const FOR_TESTS = "\\.(?:test|testing|contract|cases)\\.ts$";
/** @param {string} room A pattern of the files of a room. */
function filesOf(room) {
  if (room === "runtime") return "^runtime/[^/]+$";
  const inner = ROOMS.map(({ room: other }) => other)
    .filter((other) => other.startsWith(`${room}/`))
    .map((other) => `${other.slice(room.length + 1)}/`);
  return `^${room}/${inner.length === 0 ? "" : `(?!${inner.join("|")})`}`;
}

const arrows = ROOMS.flatMap(({ room, may }) => (may === "everything" ? [] : [{ room, may }])).map(
  ({ room, may }) => ({
    name: `${room} imports only what it may`,
    comment: "The rooms that a room may import stand in .dependency-cruiser.mjs.",
    severity: "error",
    from: { path: filesOf(room), pathNot: FOR_TESTS },
    to: { path: TOP, pathNot: [filesOf(room), ...may.map(filesOf)] },
  }),
);

export default {
  forbidden: [
    ...arrows,
    {
      name: "no circle",
      comment: "Files that import each other can be read in no order.",
      severity: "error",
      from: {},
      to: { circular: true },
    },
    {
      name: "no simulator in the container",
      comment: "What a service imports, by however many files, is in its container.",
      severity: "error",
      from: { path: "^runtime/services/", pathNot: FOR_TESTS },
      to: { path: "^runtime/simulator/", reachable: true },
    },
    {
      name: "no support for tests in what is shipped",
      severity: "error",
      from: {
        path: "^(?:runtime|components|policies)/|^stacks/(?:index|config\\w*|derived|outputs|\\w+Config)\\.ts$",
        pathNot: FOR_TESTS,
      },
      to: { path: FOR_TESTS },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    exclude: { path: "(?:node_modules|dist)/" },
    // Imports of types are arrows too.
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    enhancedResolveOptions: {
      extensions: [".ts", ".mjs", ".js", ".json"],
      exportsFields: ["exports"],
      conditionNames: ["import", "node", "default"],
    },
  },
};
