import { crc32 } from "node:zlib";
import type { Network } from "../chain/networks.ts";
import {
  type DecodedAnswer,
  type RefusedRow,
  type SlotRow,
  MalformedAnswerError,
} from "../datasets/answer.ts";
import { bids } from "../datasets/bids.ts";
import type { Dataset } from "../datasets/dataset.ts";
import { lineHead, lineWriter } from "../datasets/line.ts";
import { type KernelExports, type Plan, putCodes, putDataset } from "./layout.ts";
import { KERNEL_MODULE } from "./module.ts";
import { isKernelOn } from "./switch.ts";

/** What became of a relay's answer for one slot. */
export interface PackedAnswer {
  /** The lake lines of all sound rows, deflated as `deflateSlot` does it. */
  readonly block: {
    readonly deflate: Buffer;
    readonly crc: number;
    readonly size: number;
    readonly rows: number;
  };
  /** The rows of the block that were decoded one by one. */
  readonly odd: readonly SlotRow[];
  readonly refused: readonly RefusedRow[];
  /** The plain lines, in the kernel's memory: they stand there up to the next answer. */
  readonly lines: Buffer;
}

/** Whose answer it is, and how a row is decoded that isn't of the usual form, given as a list of one. */
export interface PackQuestion {
  readonly network: Network;
  readonly relay: string;
  readonly slot: number;
  readonly decode: (body: Buffer, slot: number) => DecodedAnswer;
}

const [DONE, ODD] = [0, 1];
/** So many odd rows, and this part of all, are decoded one by one; where there are more, all at once is faster. */
const ODD_ROWS = 8;
const ODD_SHARE = 1 / 16;
/** A relay's name may be so long, and the begin of a line has room for more. */
const LONGEST_RELAY = 128;
/** Zeros behind the body: the kernel reads a little beyond its end. */
const MARGIN = 256;
const CLOSE = Buffer.from("]");
const OPEN = Buffer.from("[");

/** Turns answers of one dataset into lake lines, in memory that never grows. */
export class Kernel {
  readonly #dataset: Dataset;
  readonly #exports: KernelExports;
  readonly #bytes: Buffer;
  readonly #plan: Plan;

  constructor(dataset: Dataset) {
    const module = new WebAssembly.Module(Buffer.from(KERNEL_MODULE, "base64"));
    this.#dataset = dataset;
    this.#exports = new WebAssembly.Instance(module).exports as KernelExports;
    this.#bytes = Buffer.from(this.#exports.memory.buffer);
    putCodes(this.#exports);
    this.#plan = putDataset(this.#exports, dataset);
  }

  /** Its memory, for tests. */
  get memory(): Buffer {
    return this.#bytes;
  }

  /**
   * The answer's rows as compressed lines; undefined where anything about it is unusual that isn't one of its rows. Throws a
   * `WebAssembly.RuntimeError` where the module itself is at fault.
   */
  pack(body: Buffer, question: PackQuestion): PackedAnswer | undefined {
    if (!this.#begin(body, question)) return undefined;
    const kernel = this.#exports;
    let write: ReturnType<typeof lineWriter> | undefined;
    const odd: SlotRow[] = [];
    const refused: RefusedRow[] = [];
    let state = kernel.readRows();
    for (; state === ODD; state = kernel.readRows()) {
      if (odd.length + refused.length >= ODD_ROWS + kernel.rows.value * ODD_SHARE) return undefined;
      const decoded = decodedRow(this.#bytes.subarray(kernel.oddFrom.value, kernel.oddTo.value), question);
      if (!decoded) return undefined;
      refused.push(...decoded.refused);
      for (const row of decoded.rows) {
        odd.push(row);
        write ??= lineWriter(this.#dataset, question.network, question.relay, question.slot);
        if (!this.#take(write(row.row))) return undefined;
      }
    }
    if (state !== DONE) return undefined;
    const lines = this.#bytes.subarray(kernel.LINES.value, kernel.written());
    const rows = kernel.rows.value;
    const bytes = kernel.finish();
    const at = kernel.DEFLATE.value;
    const deflate = rows === 0 ? Buffer.alloc(0) : Buffer.from(this.#bytes.subarray(at, at + bytes));
    return { block: { deflate, crc: crc32(lines), size: lines.length, rows }, odd, refused, lines };
  }

  #begin(body: Buffer, { network, relay, slot }: PackQuestion): boolean {
    const kernel = this.#exports;
    if (body.length > kernel.MAX_BODY.value || relay.length > LONGEST_RELAY) return false;
    const at = kernel.BODY.value;
    this.#bytes.set(body, at);
    this.#bytes.fill(0, at + body.length, at + body.length + MARGIN);
    const head = this.#bytes.write(lineHead(network, relay, slot), kernel.LINE_HEAD.value, "latin1");
    const digits = this.#bytes.write(String(slot), kernel.SLOT.value, "latin1");
    return kernel.begin(body.length, head, digits, this.#plan.columns, this.#plan.required) === 1;
  }

  #take(line: string): boolean {
    const at = this.#exports.written();
    const bytes = Buffer.byteLength(line);
    // Where the kernel has no room for it, nothing else has been written there.
    if (at + bytes > this.#exports.DEFLATE.value) return false;
    this.#bytes.write(line, at, "utf8");
    return this.#exports.take(bytes) === 1;
  }
}

/** The datasets of which a kernel is worth its memory, and theirs once they are asked for: all relays of a process share one. */
const kernels = new Map<Dataset, Kernel | undefined>([[bids, undefined]]);

/** The kernel of a dataset; undefined where there is none, or where it is switched off. */
export function kernelOf(dataset: Dataset): Kernel | undefined {
  if (!kernels.has(dataset) || !isKernelOn()) return undefined;
  const kernel = kernels.get(dataset) ?? new Kernel(dataset);
  kernels.set(dataset, kernel);
  return kernel;
}

/** One row as the relay's whole answer; undefined where it isn't of the slot, or nothing that any answer may hold. */
function decodedRow(text: Buffer, { decode, slot }: PackQuestion): DecodedAnswer | undefined {
  try {
    const decoded = decode(Buffer.concat([OPEN, text, CLOSE]), slot);
    const all = [...decoded.rows, ...decoded.refused];
    return all.length === 1 && all[0]?.slot === slot ? decoded : undefined;
  } catch (error) {
    if (error instanceof MalformedAnswerError) return undefined;
    throw error;
  }
}
