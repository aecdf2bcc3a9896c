/**
 * Colours of relays and builders. A name has its colour on every page, whatever its rank there: those known here by a place of
 * their own, others by a hash of the name. The two palettes are unlike (relays cold, builders warm), so that no legend of one
 * is taken for one of the other; a test looks at them as colour-blind readers do.
 */
export const RELAY_PALETTE = paletteOf("r", 12);
export const BUILDER_PALETTE = paletteOf("b", 10);

/** What is too small to have a colour, or has no name. */
export const REST_COLOUR = "var(--rest)";

/** Names in the order of their palette. Networks don't meet on a page, so each begins anew. */
const RELAYS = [
  "flashbots ultrasound titan agnostic bloxroute-max-profit bloxroute-regulated aestus btcs ethgas ultrasound-filtered bloxroute",
  "heron kestrel osprey plover swift tern dunlin lapwing wren merlin dotterel kestrel-filtered",
] as const;
const BUILDERS = [
  "Flashbots,Blocknative,beaverbuild,builder1,rsync-builder,builder0x69,Titan,bloXroute Max Profit,bloXroute Regulated,mantabuilder",
  "gean,fir,beech,damson,cedar,ivy,alder,elder,hazel,juniper",
] as const;

const relayPlaces = placesOf(RELAYS.map((line) => line.split(" ")));
const builderPlaces = placesOf(BUILDERS.map((line) => line.split(",")));

/** The colour of each relay of a page, a CSS value. */
export function relayColours(names: Iterable<string>): (relay: string) => string {
  return coloursOf(names, RELAY_PALETTE, relayPlaces);
}

/** The colour of each builder of a page that is shown in colour. */
export function builderColours(names: Iterable<string>): (builder: string) => string {
  return coloursOf(names, BUILDER_PALETTE, builderPlaces);
}

/**
 * Known names have their place; the others take, in alphabetical order, the place of their hash or the next free one. Where
 * there are more names than colours, some share theirs.
 */
function coloursOf(
  names: Iterable<string>,
  palette: readonly string[],
  places: ReadonlyMap<string, number>,
): (name: string) => string {
  const taken = new Map<string, number>();
  const all = [...new Set(names)];
  for (const name of all) {
    const place = places.get(name);
    if (place !== undefined) taken.set(name, place);
  }
  for (const name of all.filter((one) => !places.has(one)).toSorted()) {
    const used = new Set(taken.values());
    const wanted = hashOf(name) % palette.length;
    const free = palette.map((_, step) => (wanted + step) % palette.length).find((place) => !used.has(place));
    taken.set(name, free ?? wanted);
  }
  return (name) => palette[taken.get(name) ?? -1] ?? REST_COLOUR;
}

/** FNV-1a. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (const character of text) hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193) >>> 0;
  return hash;
}

function paletteOf(letter: string, colours: number): readonly string[] {
  return Array.from({ length: colours }, (_, index) => `var(--${letter}${index})`);
}

function placesOf(lines: readonly (readonly string[])[]): ReadonlyMap<string, number> {
  return new Map(lines.flatMap((line) => line.map((name, index) => [name, index] as const)));
}
