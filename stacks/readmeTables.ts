import { PROTECTION } from "../components/protection.ts";
import { projectFile } from "./stacks.testing.ts";

/** A table of the README that follows from the program: what it stands between, and its rows. */
interface ReadmeTable {
  readonly name: string;
  readonly rows: readonly (readonly string[])[];
}

/** The README's tables of what the program and Pulumi.yaml say. */
export function readmeTables(): ReadmeTable[] {
  const keys = Object.entries(projectFile.config).map(([key, { type, default: value, description }]) => [
    `\`${key}\``,
    type,
    value === "" ? "" : `\`${typeof value === "string" ? value : JSON.stringify(value)}\``,
    description,
  ]);
  const yes = (value: boolean) => (value ? "yes" : "no");
  const kinds = Object.values(PROTECTION).map((row) => [
    row.what,
    yes(row.protect),
    yes(row.retainOnDelete),
    "flags" in row ? flagsText(row.flags) : "",
    row.why,
  ]);
  return [
    { name: "config keys", rows: [["key", "type", "default", "meaning"], ...keys] },
    {
      name: "protection",
      rows: [["what", "`protect`", "`retainOnDelete`", "provider's flag", "why"], ...kinds],
    },
  ];
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

/** A text in which the tables stand anew between their marks. Throws RangeError where a mark is missing. */
export function withTables(text: string): string {
  return readmeTables().reduce((before, { name, rows }) => {
    const [start, end] = [`<!-- ${name} -->`, `<!-- end of ${name} -->`];
    const [from, to] = [before.indexOf(start), before.indexOf(end)];
    if (from === -1 || to < from) throw new RangeError(`the text has no place for the table ${name}`);
    const lines = rows.map((cells) => `| ${cells.map(escaped).join(" | ")} |`);
    lines.splice(1, 0, `|${" --- |".repeat(rows[0]?.length ?? 0)}`);
    return `${before.slice(0, from + start.length)}\n\n${lines.join("\n")}\n\n${before.slice(to)}`;
  }, text);
}

function escaped(cell: string): string {
  return cell.replaceAll("|", "\\|");
}
