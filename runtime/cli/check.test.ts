import test from "ava";
import { checks } from "../checks/checks.ts";
import { checkTable } from "./check.ts";

test("the checks' table fits 80 columns, and takes the room of a wider terminal", (t) => {
  const results = checks.map((check) => ({ check, measured: "12 of 345 slots ".repeat(12), findings: [] }));
  const widest = (columns: number) =>
    Math.max(
      ...checkTable(results, columns)
        .split("\n")
        .map((line) => line.trimEnd().length),
    );
  t.true(widest(80) <= 80);
  t.true(widest(120) > 80 && widest(120) <= 120);
});
