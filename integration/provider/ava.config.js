/** What Google's provider, Prometheus and the linter of workflows say (`npm run test:provider`); `npm test` runs the others. */
export default {
  files: ["integration/provider/**/*.test.ts"],
  extensions: { ts: "module" },
  nodeArguments: ["--import=tsx"],
  workerThreads: false,
  concurrency: 2,
  // Programs that aren't in the cache yet are built by the first test that needs them.
  timeout: "20m",
};
