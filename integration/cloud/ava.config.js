/** The tests against cloud servers (`npm run test:cloud`); `npm test` runs the others. */
export default {
  files: ["integration/cloud/**/*.test.ts", "integration/googlesql/**/*.test.ts"],
  extensions: { ts: "module" },
  nodeArguments: ["--import=tsx"],
  workerThreads: false,
  concurrency: 2,
  // Time without any test ending; an emulator on a busy machine takes long over a property.
  timeout: "20m",
};
