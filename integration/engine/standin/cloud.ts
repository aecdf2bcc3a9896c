import { createHash } from "node:crypto";
import {
  appendFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { Reference, Values } from "./kind.ts";

/** An object as the pretended cloud keeps it: what was asked for, and what the server makes of it. */
export interface CloudObject {
  readonly type: string;
  readonly id: string;
  readonly inputs: Values;
  readonly state: Values;
}

/** What is to go wrong: the n-th matching call from now on. */
export interface PlannedFault {
  readonly call: "create" | "update" | "delete";
  /** Only calls for this type. */
  readonly type?: string;
  /** 1 is the next one. */
  nth: number;
  /** The object is made, but doesn't get ready. */
  readonly partly?: boolean;
  readonly message?: string;
}

/** What was done to the cloud, in order. */
export interface CloudCall {
  readonly call: "create" | "update" | "delete";
  readonly type: string;
  readonly id: string;
}

const absent = (error: unknown) => (error as NodeJS.ErrnoException).code === "ENOENT";

/**
 * The pretended cloud: a folder with a JSON file for each object. Who edits a file makes drift, who deletes one loses an
 * object. Beside them `faults.json` holds what is to go wrong, and `calls.jsonl` what was done.
 */
export class Cloud {
  constructor(readonly folder: string) {
    mkdirSync(join(folder, "objects"), { recursive: true });
  }

  /** The file of an object; ids are longer than names of files may be. */
  file(type: string, id: string): string {
    const hash = createHash("sha256").update(`${type} ${id}`).digest("hex").slice(0, 16);
    return join(this.folder, "objects", `${type.split(":").at(-1)}-${hash}.json`);
  }

  get(type: string, id: string): CloudObject | undefined {
    try {
      return JSON.parse(readFileSync(this.file(type, id), "utf8")) as CloudObject;
    } catch (error) {
      if (absent(error)) return undefined;
      throw error;
    }
  }

  has([type, id]: Reference): boolean {
    return this.get(type, id) !== undefined;
  }

  /** Every object, by type and id. */
  all(): CloudObject[] {
    const folder = join(this.folder, "objects");
    return readdirSync(folder)
      .filter((name) => name.endsWith(".json"))
      .toSorted()
      .map((name) => JSON.parse(readFileSync(join(folder, name), "utf8")) as CloudObject);
  }

  put(object: CloudObject): void {
    replace(this.file(object.type, object.id), JSON.stringify(object, null, 1));
  }

  remove(type: string, id: string): void {
    rmSync(this.file(type, id), { force: true });
  }

  note(call: CloudCall): void {
    appendFileSync(join(this.folder, "calls.jsonl"), `${JSON.stringify(call)}\n`);
  }

  calls(): CloudCall[] {
    try {
      const lines = readFileSync(join(this.folder, "calls.jsonl"), "utf8").split("\n");
      return lines.filter((line) => line !== "").map((line) => JSON.parse(line) as CloudCall);
    } catch (error) {
      if (absent(error)) return [];
      throw error;
    }
  }

  plan(faults: readonly PlannedFault[]): void {
    replace(join(this.folder, "faults.json"), JSON.stringify(faults));
  }

  /** Counts a call; the fault that is planned for it, if one is. */
  fault(call: PlannedFault["call"], type: string): PlannedFault | undefined {
    let faults: PlannedFault[];
    try {
      faults = JSON.parse(readFileSync(join(this.folder, "faults.json"), "utf8")) as PlannedFault[];
    } catch (error) {
      if (absent(error)) return undefined;
      throw error;
    }
    const meant = faults.filter((fault) => fault.call === call && (fault.type ?? type) === type);
    for (const fault of meant) fault.nth -= 1;
    if (meant.length > 0) this.plan(faults.filter((fault) => fault.nth > 0));
    return meant.find((fault) => fault.nth <= 0);
  }
}

function replace(file: string, text: string): void {
  const next = `${file}.next`;
  writeFileSync(next, text);
  renameSync(next, file);
}
