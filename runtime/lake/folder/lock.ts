import { createHash } from "node:crypto";
import { readlink, rm, symlink, unlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { Clock } from "../../chain/clock.ts";
import { codeOf, printable, UserError } from "../../errors.ts";
import { ownerId, ownerState, parseOwner } from "./owner.ts";

/** How long a lock's living holder is waited for, ms. It holds the lock for one rename. */
const PATIENCE_MS = 60_000;
const LONGEST_PAUSE_MS = 100;

/** Names of locks, and of the locks that guard their removal, in a folder. */
export const LOCK_NAME = /^\.lock(?:-break-[0-9a-f]{12})?$/;

export interface LockOptions {
  readonly clock: Clock;
  /** Called while a dead holder's lock is about to be removed. */
  readonly beforeBreak?: () => void | Promise<void>;
}

/** Within this process writers of a folder queue here and don't meet in the file system. */
const queues = new Map<string, Promise<void>>();

/**
 * Runs `work` while this process alone, of all on this host, holds the lock of a folder. A lock whose holder
 * has died is removed. Throws UserError when a living holder doesn't let go for a minute.
 */
export async function withFolderLock<T>(
  folder: string,
  options: LockOptions,
  work: () => Promise<T>,
): Promise<T> {
  const lock = join(folder, ".lock");
  const result = (queues.get(lock) ?? Promise.resolve()).then(() => holding(lock, options, work));
  const settled = result.then(
    () => {},
    () => {}, // told to the caller; the next in the queue has nothing to do with it
  );
  queues.set(lock, settled);
  try {
    return await result;
  } finally {
    if (queues.get(lock) === settled) queues.delete(lock);
  }
}

/** Removes a lock if its holder has died. */
export async function breakIfDead(lock: string, options: LockOptions): Promise<void> {
  const holder = await holderOf(lock);
  if (holder !== undefined && ownerState(holder) === "dead") await breakLock(lock, holder, options);
}

async function holding<T>(lock: string, options: LockOptions, work: () => Promise<T>): Promise<T> {
  await acquire(lock, options);
  try {
    return await work();
  } finally {
    await rm(lock, { force: true }); // someone may have removed it by hand: then there is nothing to let go of
  }
}

/**
 * A lock is a symbolic link whose target is its holder's id: made in one step with its content, so it is
 * never half written.
 */
async function acquire(lock: string, options: LockOptions): Promise<void> {
  const { clock } = options;
  const began = clock.monotonic();
  for (let pause = 1; ;) {
    if (await made(lock)) return;
    const holder = await holderOf(lock);
    if (holder === undefined) continue;
    if (ownerState(holder) === "dead") {
      await breakLock(lock, holder, options);
      continue;
    }
    if (clock.monotonic() - began >= PATIENCE_MS) throw heldTooLong(lock, holder);
    await clock.sleep(pause * (0.5 + Math.random()));
    pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
  }
}

async function made(lock: string): Promise<boolean> {
  try {
    await symlink(ownerId(), lock);
    return true;
  } catch (error) {
    if (codeOf(error) === "EEXIST") return false;
    throw error;
  }
}

/** The id in a lock, undefined when there is no lock, "" when it isn't one of ours. */
async function holderOf(lock: string): Promise<string | undefined> {
  try {
    return await readlink(lock);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    if (codeOf(error) === "EINVAL") return "";
    throw error;
  }
}

/**
 * Removes the lock of a dead holder. Between looking at a lock and removing it, another process may have
 * removed it and a third made its own; so whoever removes the lock of X first takes the lock "removal of X's
 * lock", by the same rules, and looks again.
 */
async function breakLock(lock: string, dead: string, options: LockOptions): Promise<void> {
  const hash = createHash("sha256")
    .update(`${basename(lock)} ${dead}`)
    .digest("hex")
    .slice(0, 12);
  await holding(join(dirname(lock), `.lock-break-${hash}`), options, async () => {
    if ((await holderOf(lock)) !== dead) return;
    await options.beforeBreak?.();
    await unlink(lock);
  });
}

function heldTooLong(lock: string, holder: string): UserError {
  const owner = parseOwner(holder);
  const state = ownerState(holder);
  const by = owner
    ? `process ${owner.pid}${state === "unknown" ? " of another host or container" : ""}`
    : `something that isn't this program (${printable(holder) || "not a link"})`;
  const remedy =
    state === "alive"
      ? `end process ${owner?.pid}, or wait for it`
      : "when that no longer runs, remove the file";
  return new UserError(
    `${lock} has been held by ${by} for ${PATIENCE_MS / 1000} s: ${remedy}, and run again`,
  );
}
