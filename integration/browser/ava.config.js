// `npm run test:browser`: the report as a browser shows it. Needs Chromium.
export default {
  files: ["integration/browser/**/*.test.ts"],
  extensions: { ts: "module" },
  nodeArguments: ["--import=tsx"],
  workerThreads: false,
  concurrency: 1,
  timeout: "5m",
};
