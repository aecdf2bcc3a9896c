import { KEYS } from "./configKeys.ts";

/** Pulumi.yaml with the program's keys, their types, defaults and descriptions in place of what stood there. */
export function withKeys(text: string): string {
  const head = text.slice(0, text.indexOf("\nconfig:\n") + "\nconfig:\n".length);
  // A JSON text is a YAML one.
  const entries = Object.entries(KEYS).map(
    ([name, { type, default: value, description }]) =>
      `  ${name}:\n    type: ${type}\n${type === "array" ? "    items:\n      type: string\n" : ""}` +
      `    default: ${JSON.stringify(value)}\n    description: ${JSON.stringify(description)}\n`,
  );
  return head + entries.join("");
}
