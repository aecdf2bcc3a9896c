// `npm run test:long`: the tests that take long, and those that draw anything, with more examples than in `npm test` and by a
// seed of this run.
import { compiled } from "./compiled.js";

const seed = process.env["ETL_TEST_SEED"] ?? String(Math.floor(Math.random() * 1e9));
const tellSeed = () => console.log(`seed ${seed}: ETL_TEST_SEED=${seed} npm run test:long repeats this run`);
tellSeed();
process.on("exit", tellSeed);

const settings = await compiled("test-long", [
  "integration/program/**/*.test.ts",
  "runtime/**/*.test.ts",
  // Nothing in them is drawn.
  "!integration/program/{arrows,documents,guides,names,container,workflows}.test.ts",
]);
export default {
  ...settings,
  environmentVariables: { ETL_TEST_LONG: "1", ETL_TEST_SEED: seed },
  // Time without any test ending.
  timeout: "40m",
};
