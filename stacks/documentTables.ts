import { PROTECTION } from "../components/protection.ts";
import { projectFile } from "./stacks.testing.ts";

/** A table of a document: its head, then its rows. */
export type DocumentTable = readonly (readonly string[])[];

/** Every key of Pulumi.yaml, its type, default and meaning. */
export function configKeyRows(): DocumentTable {
  const keys = Object.entries(projectFile.config).map(([key, { type, default: value, description }]) => [
    `\`${key}\``,
    type,
    value === "" ? "" : `\`${typeof value === "string" ? value : JSON.stringify(value)}\``,
    description,
  ]);
  return [["key", "type", "default", "meaning"], ...keys];
}

/** What is guarded, by which flags, and why. */
export function protectionRows(): DocumentTable {
  const yes = (value: boolean) => (value ? "yes" : "no");
  const kinds = Object.values(PROTECTION).map((row) => [
    row.what,
    yes(row.protect),
    yes(row.retainOnDelete),
    "flags" in row ? flagsText(row.flags) : "",
    row.why,
  ]);
  return [["what", "`protect`", "`retainOnDelete`", "provider's flag", "why"], ...kinds];
}

/** A flag, and what it is with and without `protect: true` where that differs. */
function flagsText(flags: (isProtected: boolean) => Readonly<Record<string, boolean>>): string {
  const [guarded, free] = [flags(true), flags(false)];
  return Object.entries(guarded)
    .map(([name, value]) =>
      value === free[name] ? `\`${name}: ${value}\`` : `\`${name}: ${value}\`, else ${free[name]}`,
    )
    .join(", ");
}
