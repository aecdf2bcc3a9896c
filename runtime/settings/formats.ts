import * as E from "fp-ts/lib/Either.js";
import * as t from "io-ts";
import { MAX_SEED, MAX_SLOT } from "../chain/networks.ts";
import type { SlotRange } from "../chain/slots.ts";

/** One setting's value and the text that stands for it in the environment; its name says what is allowed. */
export type Format<A> = t.Type<A, string, string>;

function format<A>(
  allowed: string,
  read: (text: string) => A | undefined,
  write: (value: A) => string,
): Format<A> {
  return new t.Type<A, string, string>(
    allowed,
    // A value is right when its text would be read back: what is rendered is held to the same rules as what is read.
    (u): u is A => {
      try {
        return read(write(u as A)) !== undefined;
      } catch (error) {
        if (error instanceof TypeError) return false;
        throw error;
      }
    },
    (text, context) => {
      const value = read(text);
      return value === undefined ? t.failure(text, context) : t.success(value);
    },
    write,
  );
}

/** A text of a certain form; `allowed` names the form in messages. */
export function text(allowed: string, form: RegExp): Format<string> {
  return format(allowed, (value) => (form.test(value) ? value : undefined), String);
}

/** A network's name, as folders of a lake carry it. */
export const networkName: Format<string> = format(
  "mainnet, hoodi, sepolia or simulated-SEED",
  (value) => {
    const [, seed] = /^simulated-(0|[1-9]\d{0,9})$/.exec(value) ?? [];
    const isKnown = seed === undefined ? /^(?:mainnet|hoodi|sepolia)$/.test(value) : Number(seed) <= MAX_SEED;
    return isKnown ? value : undefined;
  },
  String,
);

/** Where a lake is: a bucket, or a folder (for the simulated network). */
export const lakePlace: Format<string> = text(
  "gs://BUCKET[/PREFIX]",
  /^(?:gs:\/\/[a-z0-9][a-z0-9._-]{1,220}[a-z0-9](?:\/[\w.=-]+)*|\.{0,2}\/[^\u0000-\u001f]*)$/,
);

/** One of a few words. */
export function oneOf<A extends string>(words: readonly A[]): Format<A> {
  return format(
    `one of ${words.join(", ")}`,
    (value) => words.find((word) => word === value),
    (word) => word,
  );
}

/** Some of a few words with commas between them, none twice, in the words' order; `shown` is how the words are listed for readers. */
export function someOf<A extends string>(
  words: readonly A[],
  shown: readonly string[] = words,
): Format<readonly A[]> {
  return format<readonly A[]>(
    `one or more of ${shown.join(", ")}, with commas between them`,
    (value) => {
      const given = value.split(",");
      const known = words.filter((word) => given.includes(word));
      return known.length === given.length ? known : undefined;
    },
    (list) => list.join(","),
  );
}

/** A whole number within bounds, both included; `what` says what it counts. */
export function whole(what: string, least: number, most: number): Format<number> {
  return format(
    `${what} from ${least} to ${most}`,
    (value) => {
      const number = /^\d{1,16}$/.test(value) ? Number(value) : Number.NaN;
      return number >= least && number <= most ? number : undefined;
    },
    String,
  );
}

/** A number above 0, at most `most`. */
export function amount(most: number): Format<number> {
  return format(
    `a number above 0, at most ${most}`,
    (value) => {
      const number = /^(?:\d+\.?\d*|\.\d+)$/.test(value) ? Number(value) : Number.NaN;
      return number > 0 && number <= most ? number : undefined;
    },
    String,
  );
}

/** Names with commas between them, none twice. */
export function names(what: string, form: RegExp): Format<readonly string[]> {
  return format<readonly string[]>(
    `${what} with commas between them`,
    (value) => {
      const list = value === "" ? [] : value.split(",");
      return list.every((name) => form.test(name)) && new Set(list).size === list.length ? list : undefined;
    },
    (list) => list.join(","),
  );
}

/** An inclusive run of slots. */
export const slotRange: Format<SlotRange> = format(
  "FIRST-LAST, two slots, FIRST not above LAST",
  (value) => {
    const match = /^(\d{1,10})-(\d{1,10})$/.exec(value);
    if (!match) return undefined;
    const range = { first: Number(match[1]), last: Number(match[2]) };
    return range.first <= range.last && range.last <= MAX_SLOT ? range : undefined;
  },
  ({ first, last }) => `${first}-${last}`,
);

/** A JSON object that a type holds, without fields that the type doesn't know. */
export function json<A>(allowed: string, type: t.Type<A, unknown, unknown>): Format<A> {
  return format(
    allowed,
    (value) => {
      const result = type.decode(parsed(value));
      return E.isRight(result) ? result.right : undefined;
    },
    (value) => JSON.stringify(type.encode(value)),
  );
}

/** JSON's value, or undefined for what isn't JSON. */
function parsed(value: string): unknown {
  try {
    return JSON.parse(value);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** An object with these fields and no others; `optional` ones may be absent. */
export function fields<R extends t.Props, O extends t.Props>(
  required: R,
  optional: O,
): t.Type<t.TypeOf<t.TypeC<R>> & t.TypeOf<t.PartialC<O>>, unknown, unknown> {
  const type = t.intersection([t.type(required), t.partial(optional)]);
  const known = new Set([...Object.keys(required), ...Object.keys(optional)]);
  const knownOnly = (u: unknown) =>
    typeof u === "object" && u !== null && Object.keys(u).every((key) => known.has(key));
  return new t.Type(
    [...known].join(", "),
    (u): u is t.TypeOf<typeof type> => type.is(u) && knownOnly(u),
    (u, context) => (knownOnly(u) ? type.validate(u, context) : t.failure(u, context)),
    (a) => a,
  );
}
