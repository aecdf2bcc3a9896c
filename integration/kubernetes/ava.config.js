/** The back-load on a real control plane (`npm run test:kubernetes`); `npm test` runs the others. */
export default {
  files: ["integration/kubernetes/**/*.test.ts"],
  extensions: { ts: "module" },
  nodeArguments: ["--import=tsx"],
  workerThreads: false,
  concurrency: 1,
  timeout: "10m",
};
