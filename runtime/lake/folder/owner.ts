import { createHash, randomBytes } from "node:crypto";
import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";
import { codeOf } from "../../errors.ts";

/**
 * Who made a temporary file or a lock: `<pid>-<start>-<host>-<boot>-<pid namespace>-<random>`. Fits a file's
 * name, so that a file says by itself whether its maker lives. Parts that the system doesn't tell are 0.
 */
export interface Owner {
  readonly pid: number;
  /** Start of the process, clock ticks since boot. */
  readonly start: string;
  readonly host: string;
  readonly boot: string;
  readonly namespace: string;
}

export const OWNER_PATTERN = String.raw`\d+-\d+-[0-9a-f]{8}-[0-9a-f]{8}-\d+-[0-9a-f]{8}`;
const OWNER = /^(\d+)-(\d+)-([0-9a-f]{8})-([0-9a-f]{8})-(\d+)-[0-9a-f]{8}$/;

let id: string | undefined;

/** This process's own owner id. */
export function ownerId(): string {
  if (id === undefined) {
    const { pid, start, host, boot, namespace } = here();
    id = [pid, start, host, boot, namespace, randomBytes(4).toString("hex")].join("-");
  }
  return id;
}

/** Reads an owner id; undefined when the text isn't one. */
export function parseOwner(text: string): Owner | undefined {
  const [, pid, start, host, boot, namespace] = OWNER.exec(text) ?? [];
  if (pid === undefined || start === undefined || host === undefined) return undefined;
  if (boot === undefined || namespace === undefined) return undefined;
  return { pid: Number(pid), start, host, boot, namespace };
}

/**
 * Whether an owner lives. `unknown` where this process can't see it: another host, or another container of
 * this one. A machine that was booted again has none of the processes it had.
 */
export function ownerState(text: string): "alive" | "dead" | "unknown" {
  const owner = parseOwner(text);
  if (!owner) return "unknown";
  const self = here();
  if (owner.host !== self.host) return "unknown";
  if (owner.boot !== self.boot) return "dead";
  if (owner.namespace !== self.namespace) return "unknown";
  return lives(owner) ? "alive" : "dead";
}

function lives({ pid, start }: Owner): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (codeOf(error) === "ESRCH") return false;
    if (codeOf(error) !== "EPERM") throw error;
  }
  const now = processStat(pid);
  // A zombie has ended; only its parent hasn't asked yet. A pid may since belong to another process.
  return !now || (now.state !== "Z" && now.state !== "X" && (start === "0" || now.start === start));
}

let self: Owner | undefined;

function here(): Owner {
  return (self ??= {
    pid: process.pid,
    start: processStat(process.pid)?.start ?? "0",
    host: digest(hostname() + (readText("/etc/machine-id") ?? "")),
    boot: digest(readText("/proc/sys/kernel/random/boot_id") ?? ""),
    namespace: /\d+/.exec(namespaceLink())?.[0] ?? "0",
  });
}

/** State and start time of a process (proc(5), fields 3 and 22), undefined where they can't be seen. */
function processStat(pid: number): { state: string; start: string } | undefined {
  const text = readText(`/proc/${pid}/stat`);
  // The command's name comes in parentheses and may hold anything, also parentheses.
  const fields = text?.slice(text.lastIndexOf(")") + 2).split(" ");
  const state = fields?.[0];
  const start = fields?.[19];
  return state !== undefined && start !== undefined ? { state, start } : undefined;
}

function namespaceLink(): string {
  try {
    return readlinkSync("/proc/self/ns/pid");
  } catch (error) {
    if (codeOf(error) !== undefined) return ""; // no such thing on this system, or not for us to see
    throw error;
  }
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (codeOf(error) !== undefined) return undefined; // no such thing on this system, or not for us to see
    throw error;
  }
}

function digest(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 8);
}
