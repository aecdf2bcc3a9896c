// Compiles the rules into one CommonJS file, which the policy host loads in a moment. @pulumi/policy stays outside: host and
// rules must mean the same class when a value is unknown.
import { build } from "esbuild";

await build({
  entryPoints: ["policies/rules/all.ts"],
  outfile: "policies/dist/rules.js",
  bundle: true,
  format: "cjs",
  platform: "node",
  target: "node20",
  external: ["@pulumi/*"],
  logLevel: "warning",
});
