/** Properties of an object, as plain JSON. */
export type Values = Readonly<Record<string, unknown>>;

/** An object in the pretended cloud. */
export type Reference = readonly [type: string, id: string];

/**
 * What the declarations of the SDK don't say of a resource type, and a stand-in has to know. Everything here is
 * Google's, the provider's or Kubernetes' behaviour, with its source; nothing is this project's choice.
 */
export interface StandinKind {
  /** The id that the provider gives an object. */
  readonly id: (values: Values) => string;
  /** Properties whose change means another object, beside those whose declaration says so. Paths of the SDK. */
  readonly replaces?: readonly string[];
  /** Where `replaces` and the server's forms below are taken from. */
  readonly source: string;
  /** The Google API without which it can't be made. */
  readonly api?: string;
  /** Objects that must be there before it. */
  readonly needs?: (values: Values) => readonly Reference[];
  /** What the provider or the server fills in where nothing is given. */
  readonly defaults?: Values;
  /** What only the server knows. */
  readonly computed?: (values: Values, id: string) => Values;
  /** The form in which the server gives back what it was given. */
  readonly echo?: (values: Values) => Values;
  /** Whether what stands in the cloud is what is wanted, where the provider compares by meaning and not by text. */
  readonly same?: Readonly<Record<string, (stands: unknown, wanted: unknown) => boolean>>;
  /** Whether a change of a property, once it is one, needs another object. */
  readonly replacesWhen?: Readonly<Record<string, (stands: unknown, wanted: unknown) => boolean>>;
  /** Lists whose order has no meaning. */
  readonly sets?: readonly string[];
  /** Refuses what the server would refuse, and neither the provider (integration/provider) nor a policy sees. */
  readonly refuse?: (values: Values) => string | undefined;
  /** The provider doesn't delete it before `deletionProtection` is false in the cloud; true unless given. */
  readonly deletionProtected?: true;
  /** Outputs that a change of an object changes too, so that a preview can't promise them. */
  readonly unsure?: readonly string[];
  /** What the provider looks at beside the arguments: the outputs that differ now. */
  readonly looks?: (stands: Values, wanted: Values) => readonly string[];
  /** It holds others, and only goes with them when this property says so. */
  readonly contains?: string;
  /** Objects whose types begin so live in it, in every cloud the only one of its kind, and go with it. */
  readonly takes?: string;
  /** It doesn't go while others use it. */
  readonly heldByUsers?: true;
  /** Properties that the provider would change in place and the API refuses to change. */
  readonly fixed?: readonly string[];
  /** Making what is there already is no error: a grant, an API. */
  readonly idempotent?: true;
}

export const textOrNone = (value: unknown): string => (typeof value === "string" ? value : "");
export const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
export const map = (value: unknown): Values =>
  value !== null && typeof value === "object" && !Array.isArray(value) ? (value as Values) : {};

/** Compares texts of JSON by meaning. */
export function sameJson(stands: unknown, wanted: unknown): boolean {
  return (
    canonical(JSON.parse(textOrNone(stands) || "null")) ===
    canonical(JSON.parse(textOrNone(wanted) || "null"))
  );
}

/** Compares names of places, which the server writes in capitals. */
export const sameLetters = (stands: unknown, wanted: unknown): boolean =>
  textOrNone(stands).toUpperCase() === textOrNone(wanted).toUpperCase();

/** A value as text, with the keys of its objects in order. */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    inner !== null && typeof inner === "object" && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}

/** A number that looks as if a server had drawn it, the same for the same text. */
export function drawn(from: string): number {
  let hash = 2166136261;
  for (const byte of Buffer.from(from)) hash = Math.imul(hash ^ byte, 16777619) >>> 0;
  return hash;
}

/** The number of a project. */
export const projectNumber = (project: unknown): string =>
  String(100_000_000_000 + drawn(textOrNone(project)));
