import { cpus } from "node:os";
import { benchBackload, benchPlan } from "./backload.ts";
import { benchBackloadSimulation } from "./backloadSimulation.ts";
import { benchDecode } from "./decode.ts";
import { benchKernel } from "./kernel.ts";
import { benchImport } from "./import.ts";
import { benchInfrastructure } from "./infrastructure.ts";
import { benchLoad } from "./load.ts";
import { benchMemory } from "./memory.ts";
import { benchPublish } from "./publish.ts";
import { benchReport } from "./report.ts";
import { benchContainer, benchStartup } from "./startup.ts";
import { benchVerify } from "./verify.ts";

/** What each figure has to reach; the others are told only. */
const MARKS: Readonly<Record<string, { least?: number; most?: number }>> = {
  kernel_to_bound: { least: 4 },
  fallback_to_bound: { least: 0.5 },
  kernel_bytes_to_gzip6: { most: 1.05 },
  kernel_fallback_share: { most: 0.01 },
  decode_to_typical: { least: 5 },
  memory_mb_10x: { most: 256 },
  memory_10x_to_1x: { most: 1.2 },
  help_s: { most: 0.4 },
  backload_plan_1000_shards_s: { most: 1 },
  backload_4_workers_to_1: { least: 1.6 },
  backload_worker_peak_mb: { most: 256 },
  container_ready_s: { most: 1 },
  container_idle_rss_mb: { most: 150 },
  program_registration_s: { most: 3 },
  type_check_s: { most: 10 },
  load_10m_to_1m_ratio: { most: 1.3 },
  load_rows_per_s: { least: 200_000 },
  load_peak_rss_mb: { most: 900 },
  import_to_plain_cpu: { least: 0.7 },
  import_rows_per_s_parquet: { least: 500_000 },
  import_rows_per_s_json: { least: 150_000 },
  import_rows_per_s_zip: { least: 300_000 },
  import_peak_mb: { most: 1000 },
  publish_10m_s: { most: 180 },
  publish_10m_peak_mb: { most: 1000 },
  report_10m_s: { most: 10 },
  slots_day_10m_s: { most: 3 },
  report_10m_peak_rss_mb: { most: 1000 },
  verify_day_parquet_s: { most: 60 },
  verify_day_parquet_peak_mb: { most: 512 },
  verify_rpc_blocks_per_s: { least: 200 },
};

/** Loads are long: fewer rounds than the others have, but enough for a median. */
const LOAD_ROUNDS = 9;
const machine = `${cpus()[0]?.model ?? "unknown processor"}, ${cpus().length} cores, Node ${process.version}`;
const json = process.argv.includes("--json");
const wanted = process.argv.slice(2).filter((word) => word !== "--json");
const benches: Readonly<Record<string, () => Promise<Record<string, number>>>> = {
  startup: benchStartup,
  container: benchContainer,
  infrastructure: benchInfrastructure,
  kernel: benchKernel,
  decode: benchDecode,
  memory: benchMemory,
  backload: async () => ({ ...(await benchPlan()), ...(await benchBackload()) }),
  simulation: benchBackloadSimulation,
  load: () => benchLoad(LOAD_ROUNDS),
  import: benchImport,
  publish: benchPublish,
  report: benchReport,
  verify: benchVerify,
};
const unknown = wanted.filter((word) => !Object.hasOwn(benches, word));
if (unknown.length > 0) {
  process.stderr.write(
    `no bench is called ${unknown.join(", ")}; there are ${Object.keys(benches).join(", ")}\n`,
  );
  process.exit(2);
}

// Each bench prints its figures when it ends: what a later one meets costs none of them.
const figures: Record<string, number> = {};
if (!json) process.stdout.write(`${machine}\n\n`);
for (const [what, bench] of Object.entries(benches)) {
  if (wanted.length > 0 && !wanted.includes(what)) continue;
  if (!json) process.stderr.write(`${what} ...\n`);
  const measured = await bench();
  Object.assign(figures, measured);
  if (!json) for (const [name, value] of Object.entries(measured)) process.stdout.write(line(name, value));
}
if (json) process.stdout.write(`${JSON.stringify({ machine, ...figures })}\n`);

function line(name: string, value: number): string {
  // Of a figure by dialect, the mark is that of them all.
  const mark = MARKS[name] ?? MARKS[name.slice(0, name.lastIndexOf("_"))];
  return (
    `${name.padEnd(40)} ${shown(value).padStart(12)}  ${mark ? verdict(value, mark) : ""}`.trimEnd() + "\n"
  );
}

function shown(value: number): string {
  return value >= 1000 ? Math.round(value).toLocaleString("en-US") : value.toPrecision(3);
}

function verdict(value: number, { least, most }: { least?: number; most?: number }): string {
  const wanted = least === undefined ? `at most ${most}` : `at least ${least}`;
  const met = least === undefined ? value <= (most ?? Infinity) : value >= least;
  return `${met ? "ok" : "MISSED"}: ${wanted}`;
}
