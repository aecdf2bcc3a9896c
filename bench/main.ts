import { cpus } from "node:os";
import { benchBackload, benchPlan } from "./backload.ts";
import { benchBackloadSimulation } from "./backloadSimulation.ts";
import { benchDecode } from "./decode.ts";
import { benchInfrastructure } from "./infrastructure.ts";
import { benchLoad } from "./load.ts";
import { benchMemory } from "./memory.ts";
import { benchReport } from "./report.ts";
import { benchContainer, benchStartup } from "./startup.ts";

/** What each figure has to reach; the others are told only. */
const MARKS: Readonly<Record<string, { least?: number; most?: number }>> = {
  pipeline_to_bound: { least: 0.6 },
  recorded_pipeline_to_bound: { least: 0.6 },
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
  report_10m_s: { most: 10 },
  report_10m_peak_rss_mb: { most: 1000 },
};

/** Loads are long: fewer rounds than the others have, but enough for a median. */
const LOAD_ROUNDS = 9;
const machine = `${cpus()[0]?.model ?? "unknown processor"}, ${cpus().length} cores, Node ${process.version}`;
const json = process.argv.includes("--json");
const figures: Record<string, number> = {};
for (const [what, bench] of Object.entries({
  startup: benchStartup,
  container: benchContainer,
  infrastructure: benchInfrastructure,
  decode: benchDecode,
  memory: benchMemory,
  "back-load": async () => ({ ...(await benchPlan()), ...(await benchBackload()) }),
  "back-load, simulated": benchBackloadSimulation,
  load: () => benchLoad(LOAD_ROUNDS),
  report: benchReport,
})) {
  if (!json) process.stderr.write(`${what} ...\n`);
  Object.assign(figures, await bench());
}

if (json) process.stdout.write(`${JSON.stringify({ machine, ...figures })}\n`);
else {
  process.stdout.write(`${machine}\n\n`);
  for (const [name, value] of Object.entries(figures)) {
    const mark = MARKS[name];
    process.stdout.write(
      `${name.padEnd(40)} ${shown(value).padStart(12)}  ${mark ? verdict(value, mark) : ""}`.trimEnd() + "\n",
    );
  }
}

function shown(value: number): string {
  return value >= 1000 ? Math.round(value).toLocaleString("en-US") : value.toPrecision(3);
}

function verdict(value: number, { least, most }: { least?: number; most?: number }): string {
  const wanted = least === undefined ? `at most ${most}` : `at least ${least}`;
  const met = least === undefined ? value <= (most ?? Infinity) : value >= least;
  return `${met ? "ok" : "MISSED"}: ${wanted}`;
}
