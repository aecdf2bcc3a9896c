// Writes ARCHITECTURE's table of rooms and arrows anew: npm run rooms
import { readFileSync, writeFileSync } from "node:fs";
import { ROOMS } from "../.dependency-cruiser.mjs";
import { withPart } from "./generated.ts";

const file = new URL("../ARCHITECTURE.md", import.meta.url);

/** The text of ARCHITECTURE.md with the table of rooms as `.dependency-cruiser.mjs` has it now. */
export function withRooms(text: string): string {
  return withPart(text, "rooms", roomsTable());
}

function roomsTable(): string {
  const lines = ROOMS.map(({ room, job, may }) => `| \`${room}\` | ${job} | ${mayText(may)} |`);
  return ["| folder | its job | may import |", "| --- | --- | --- |", ...lines].join("\n");
}

function mayText(may: readonly string[] | "everything"): string {
  if (may === "everything") return may;
  return may.length === 0 ? "nothing" : may.map((room) => room.replace(/^runtime\//, "")).join(", ");
}

if (process.argv[1] === import.meta.filename) writeFileSync(file, withRooms(readFileSync(file, "utf8")));
