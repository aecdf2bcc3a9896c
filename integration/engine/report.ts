/** An event of the engine, as far as it is read here. */
export interface EngineEvent {
  readonly resourcePreEvent?: { readonly metadata: StepMetadata };
  readonly resOpFailedEvent?: { readonly metadata: StepMetadata };
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
export class Report {
  constructor(
    readonly command: string,
    readonly code: number,
    /** All that it printed. */
    readonly text: string,
    readonly events: readonly EngineEvent[],
  ) {}

  /** Every step that isn't `same`, providers and reads included. */
  get steps(): Step[] {
    return this.events.flatMap(({ resourcePreEvent }) => {
      if (!resourcePreEvent || resourcePreEvent.metadata.op === "same") return [];
      const { op, urn, type, detailedDiff, diffs } = resourcePreEvent.metadata;
      return [
        {
          op,
          type,
          name: nameOf(urn),
          changed:
            Object.keys(detailedDiff ?? {}).length > 0 ? Object.keys(detailedDiff ?? {}) : (diffs ?? []),
        },
      ];
    });
  }

  /** Names of the resources that a step of a kind is for. */
  names(op: string): string[] {
    return this.steps.filter((step) => step.op === op).map(({ name }) => name);
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
