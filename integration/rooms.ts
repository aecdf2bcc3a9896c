import { ROOMS } from "../.dependency-cruiser.mjs";
import { tableOf } from "./generated.ts";

/** ARCHITECTURE's table of rooms and arrows, as `.dependency-cruiser.mjs` has it. */
export function roomsTable(): string {
  const rows = ROOMS.map(({ room, job, may }) => [`\`${room}\``, job, mayText(may)]);
  return tableOf([["folder", "its job", "may import"], ...rows]);
}

function mayText(may: readonly string[] | "everything"): string {
  if (may === "everything") return may;
  return may.length === 0 ? "nothing" : may.map((room) => room.replace(/^runtime\//, "")).join(", ");
}
