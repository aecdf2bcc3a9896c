import { once } from "node:events";
import type { ChildProcess } from "node:child_process";
import type { Readable } from "node:stream";

/** An account that is there before the first block. */
export interface Account {
  readonly address: string;
  /** Wei. */
  readonly balance: bigint;
  readonly code?: string;
}

/** Where a chain begins. */
export interface Genesis {
  /** Unix s. */
  readonly seconds: number;
  readonly accounts: readonly Account[];
}

/** What a block is to be made of. */
export interface NewBlock {
  readonly seconds: number;
  /** Who gets the priority fees. */
  readonly feeRecipient: string;
  /** Signed, in their order. */
  readonly transactions: readonly string[];
  readonly withdrawals: readonly { readonly address: string; readonly gwei: bigint }[];
}

/** A development node on loopback, which makes blocks only when it is told to. */
export interface DevNode {
  readonly url: string;
  mine(block: NewBlock): Promise<void>;
  /** Makes empty blocks, 12 s apart: FINAL_BEHIND or more of them, so that those before them are final. It makes the last block. */
  finalize(behind: number): Promise<void>;
  stop(): Promise<void>;
}

/** Of both nodes' chains: what signatures are for. */
export const CHAIN_ID = 31_337;

/** Empty blocks that make final what is before them, at any of the nodes. */
export const FINAL_BEHIND = 96;

export const hexOf = (value: bigint | number): string => `0x${value.toString(16)}`;

/** What a program that has started says in `pattern`'s first group. */
export async function heardFrom(
  child: ChildProcess,
  stream: Readable | null,
  pattern: RegExp,
): Promise<string> {
  let said = "";
  return new Promise((found, fail) => {
    stream?.on("data", (part) => {
      said = (said + String(part)).slice(-10_000);
      const what = pattern.exec(said)?.[1];
      if (what !== undefined) found(what);
    });
    child.once("exit", (code) =>
      fail(new Error(`${child.spawnfile} ended (${code}) before it listened: ${said.slice(-300)}`)),
    );
  });
}

export async function endOf(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const exit = once(child, "exit");
  child.kill("SIGKILL");
  await exit;
}
