import type { Values } from "./standin/kind.ts";

/** An event of the engine, as far as it is read here. */
export interface EngineEvent {
  readonly resourcePreEvent?: { readonly metadata: StepMetadata };
  readonly resOutputsEvent?: { readonly metadata: StepMetadata };
  readonly policyEvent?: {
    readonly resourceUrn?: string;
    readonly message: string;
    readonly policyName: string;
    readonly policyPackName: string;
    readonly enforcementLevel: string;
  };
  readonly diagnosticEvent?: { readonly urn?: string; readonly message: string; readonly severity: string };
}

interface StepMetadata {
  readonly op: string;
  readonly urn: string;
  readonly type: string;
  readonly detailedDiff?: Readonly<Record<string, { readonly diffKind: string }>>;
  readonly diffs?: readonly string[] | null;
  readonly new?: { readonly inputs?: Values; readonly outputs?: Values } | null;
}

/** What the engine does, or would do, with a resource. */
export interface Step {
  /** `create`, `update`, `delete`, `replace`, `refresh`, … */
  readonly op: string;
  readonly type: string;
  /** The resource's logical name. */
  readonly name: string;
  /** Properties that differ. */
  readonly changed: readonly string[];
}

/** A policy that a resource breaks. */
export interface Violation {
  readonly policy: string;
  readonly level: string;
  readonly resource: string;
  readonly message: string;
}

/** How a command of the engine ended, and what it did. */
export class EngineReport {
  constructor(
    readonly command: string,
    readonly code: number,
    /** All that it printed. */
    readonly text: string,
    readonly events: readonly EngineEvent[],
  ) {}

  /** What is done or planned with each resource, but for those that stay as they are. */
  get steps(): Step[] {
    return this.#steps(({ resourcePreEvent }) => resourcePreEvent?.metadata);
  }

  /** What a refresh found to be different or gone. */
  get found(): Step[] {
    return this.#steps(({ resOutputsEvent }) => resOutputsEvent?.metadata);
  }

  #steps(of: (event: EngineEvent) => StepMetadata | undefined): Step[] {
    return this.events.flatMap((event) => {
      const { op = "same", urn = "", type = "", detailedDiff, diffs } = of(event) ?? {};
      if (["same", "refresh", "read"].includes(op)) return [];
      const detailed = Object.keys(detailedDiff ?? {});
      return [{ op, type, name: nameOf(urn), changed: detailed.length > 0 ? detailed : (diffs ?? []) }];
    });
  }

  /** Names of the resources that a step of a kind is for. */
  names(op: string): string[] {
    return this.steps.filter((step) => step.op === op).map(({ name }) => name);
  }

  /** The arguments of a resource, as the program gives them. Throws for a resource that it doesn't register. */
  inputs(name: string): Values {
    const found = this.events.find(({ resourcePreEvent: one }) => one && nameOf(one.metadata.urn) === name);
    const inputs = found?.resourcePreEvent?.metadata.new?.inputs;
    if (!inputs) throw new Error(`${this.command} registers no ${name}`);
    return inputs;
  }

  get violations(): Violation[] {
    return this.events.flatMap(({ policyEvent: one }) =>
      one
        ? [
            {
              policy: one.policyName,
              level: one.enforcementLevel,
              resource: nameOf(one.resourceUrn ?? ""),
              message: one.message,
            },
          ]
        : [],
    );
  }

  /** What the engine calls errors and warnings. */
  get errors(): string[] {
    return this.said("error");
  }

  get warnings(): string[] {
    return this.said("warning");
  }

  private said(severity: string): string[] {
    return this.events.flatMap(({ diagnosticEvent: one }) =>
      one?.severity === severity ? [one.message.trim()] : [],
    );
  }

  /** Itself, when the command ended well. Throws with what was printed when it didn't. */
  ok(): this {
    if (this.code !== 0) throw new Error(`${this.command} ended with ${this.code}:\n${this.text}`);
    return this;
  }
}

/** The last part of a URN. */
export function nameOf(urn: string): string {
  return urn.split("::").at(-1) ?? urn;
}

/** Events as the CLI logs them, one JSON object behind another. */
export function readEvents(log: string): EngineEvent[] {
  return log
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => JSON.parse(line) as EngineEvent);
}
