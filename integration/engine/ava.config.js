// One engine at a time: a second one would only take turns with the first on two cores.
export default {
  files: ["integration/engine/**/*.test.ts"],
  extensions: { ts: "module" },
  nodeArguments: ["--import=tsx"],
  workerThreads: false,
  concurrency: 1,
  serial: true,
  timeout: "10m",
};
