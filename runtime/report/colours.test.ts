import test from "ava";
import fc from "fast-check";
import { BUILDER_PALETTE, RELAY_PALETTE, REST_COLOUR, builderColours, relayColours } from "./colours.ts";
import { STYLE } from "./pageParts.ts";

type Triple = readonly [number, number, number];

/** What the kinds of colour blindness make of linear RGB (Machado, Oliveira and Fernandes 2009, severity 1). */
const VIEWS: Readonly<Record<string, readonly Triple[]>> = {
  usual: [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ],
  protan: [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
  ],
  deutan: [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881],
  ],
  tritan: [
    [1.255528, -0.076749, -0.178779],
    [-0.078411, 0.930809, 0.147602],
    [0.004733, 0.691367, 0.3039],
  ],
};

const times = (rows: readonly Triple[], v: Triple) =>
  rows.map(([a, b, c]) => a * v[0] + b * v[1] + c * v[2]) as unknown as Triple;

/** A colour as someone sees it, in OKLab, where distances are those that eyes tell. */
function seen(hex: string, view: readonly Triple[]): Triple {
  const rgb = [1, 3, 5].map((at) => {
    const part = parseInt(hex.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  }) as unknown as Triple;
  const shown = times(view, rgb).map((part) => Math.min(1, Math.max(0, part))) as unknown as Triple;
  const cones = times(
    [
      [0.4122214708, 0.5363325363, 0.0514459929],
      [0.2119034982, 0.6806995451, 0.1073969566],
      [0.0883024619, 0.2817188376, 0.6299787005],
    ],
    shown,
  ).map(Math.cbrt) as unknown as Triple;
  return times(
    [
      [0.2104542553, 0.793617785, -0.0040720468],
      [1.9779984951, -2.428592205, 0.4505937099],
      [0.0259040371, 0.7827717662, -0.808675766],
    ],
    cones,
  );
}

/** The values of the page's custom properties, of light colours and of dark ones. */
const [light = "", dark = ""] = STYLE.split("@media (prefers-color-scheme:dark)");
function valueOf(name: string, style: string): string {
  const property = /--\w+/.exec(name)?.[0] ?? name;
  const [, hex = ""] = new RegExp(`${property}:(#[0-9a-f]{6})`).exec(style) ?? [];
  return hex;
}

/** How near the two colours of a pair that are nearest come for anybody, and which and for whom. */
function nearest(pairs: readonly (readonly [string, string])[], style: string) {
  let found = { distance: Infinity, pair: "" };
  for (const [one, other] of pairs)
    for (const [kind, view] of Object.entries(VIEWS)) {
      const [a, b] = [seen(valueOf(one, style), view), seen(valueOf(other, style), view)];
      const distance = Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
      if (distance < found.distance) found = { distance, pair: `${one} and ${other}, ${kind}` };
    }
  return found;
}

const within = (palette: readonly string[]) =>
  palette.flatMap((one, index) => palette.slice(index + 1).map((other) => [one, other] as const));

for (const [mode, style] of [
  ["light", light],
  ["dark", dark],
] as const)
  test(`${mode}: no two relays, no two builders, and no relay and builder look alike to colour-blind readers`, (t) => {
    for (const palette of [RELAY_PALETTE, BUILDER_PALETTE]) {
      for (const colour of palette) t.regex(valueOf(colour, style), /^#/, colour);
      const { distance, pair } = nearest(within([...palette, REST_COLOUR]), style);
      t.true(distance > 0.06, `${pair}: ${distance}`);
    }
    const across = RELAY_PALETTE.flatMap((one) => BUILDER_PALETTE.map((other) => [one, other] as const));
    const { distance, pair } = nearest(across, style);
    t.true(distance > 0.045, `${pair}: ${distance}`);
  });

test("a known name has one colour on every page, in any company, and others don't take it", (t) => {
  const known = ["flashbots", "ultrasound", "titan", "aestus"];
  fc.assert(
    fc.property(fc.uniqueArray(fc.string(), { maxLength: 8 }), fc.shuffledSubarray(known), (others, some) => {
      const names = [...others, ...some];
      const colour = relayColours(names);
      for (const name of some) t.is(colour(name), relayColours(known)(name));
      t.is(new Set(names.map(colour)).size, new Set(names).size, "each has one of its own");
      const turned = relayColours(names.toReversed());
      for (const name of names) t.is(turned(name), colour(name), "whatever the order");
    }),
  );
  t.is(builderColours(["alder"])("beech"), REST_COLOUR);
});
