import { printable } from "../errors.ts";

/** Text from anywhere made safe inside an element or a quoted attribute; control characters become visible. */
export function escaped(text: string, limit = 10_000): string {
  const entities: Readonly<Record<string, string>> = {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    '"': "&quot;",
    "'": "&#39;",
  };
  return printable(text, limit).replace(/[&<>"']/g, (character) => entities[character] ?? "");
}

/** The same for texts of several lines, such as SQL: line breaks stay. */
export function escapedLines(text: string): string {
  return text
    .split("\n")
    .map((line) => escaped(line))
    .join("\n");
}
