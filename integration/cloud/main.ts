// `npm run test:cloud [-- ava's arguments]`: the proofs against cloud servers, or what they would have proved.
import { spawnSync } from "node:child_process";
import { messageOf } from "../../runtime/errors.ts";
import { NOT_JUDGED, PROOFS } from "./proofs.ts";
import { MissingToolError } from "../toolCache.ts";
import { provideFakeGcs, provideGoogleSql, provideLocalBigQuery } from "./tools.ts";

const list = (lines: readonly string[]): string => lines.map((line) => `  - ${line}\n`).join("");

if (process.env["ETL_CLOUD_TESTS"] === "off") {
  process.stdout.write(`ETL_CLOUD_TESTS=off, so this was not proved:\n${list(PROOFS)}`);
} else {
  try {
    if (!process.env["STORAGE_EMULATOR_HOST"]) await provideFakeGcs();
    if (!process.env["BIGQUERY_EMULATOR_HOST"]) await provideLocalBigQuery();
    await provideGoogleSql();
    const args = ["ava", "--config", "integration/cloud/ava.config.js", ...process.argv.slice(2)];
    const { status } = spawnSync("npx", args, { stdio: "inherit" });
    process.stdout.write(`not judged by these servers:\n${list(NOT_JUDGED)}`);
    process.exitCode = status ?? 1;
  } catch (error) {
    if (!(error instanceof MissingToolError)) throw error;
    process.stderr.write(
      `test:cloud: ${messageOf(error)}; or set ETL_CLOUD_TESTS=off to go without the cloud tests\n`,
    );
    process.exitCode = 1;
  }
}
