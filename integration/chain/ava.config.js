/** Payments on a chain that a real node makes (`npm run test:chain`); `npm test` runs the others. */
export default {
  files: ["integration/chain/**/*.test.ts"],
  extensions: { ts: "module" },
  nodeArguments: ["--import=tsx"],
  workerThreads: false,
  concurrency: 1,
  timeout: "20m",
};
