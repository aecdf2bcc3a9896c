// Writes ARCHITECTURE's table of rooms and arrows anew: npm run rooms
import { readFileSync, writeFileSync } from "node:fs";
import { ROOMS } from "../.dependency-cruiser.mjs";

const file = new URL("../ARCHITECTURE.md", import.meta.url);
const BEGIN = "<!-- rooms -->";
const END = "<!-- /rooms -->";

/** The text of ARCHITECTURE.md with the table of rooms as `.dependency-cruiser.mjs` has it now. */
export function withRooms(text: string): string {
  const [start, end] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (start < 0 || end < start)
    throw new Error(`ARCHITECTURE.md has no place for its rooms, ${BEGIN} … ${END}`);
  return `${text.slice(0, start + BEGIN.length)}\n\n${roomsTable()}\n\n${text.slice(end)}`;
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
