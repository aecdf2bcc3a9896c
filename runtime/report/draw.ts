import { printable } from "../errors.ts";
import { escaped } from "./html.ts";
import type { Figure } from "./section.ts";

/** A figure is drawn for a desk and for a phone, and the page shows the one that fits, without any script. */
const WIDTHS = { desk: 880, phone: 350 } as const;

/** Draws a figure as SVG texts by name of the width, or undefined where there is nothing to draw. */
export type Draw = (figure: Figure) => Readonly<Record<keyof typeof WIDTHS, string>> | undefined;

/** Loads the plotting library and a document to draw into: only now, since most commands never draw. */
export async function drawing(): Promise<Draw> {
  const [plotting, { parseHTML }] = await Promise.all([import("@observablehq/plot"), import("linkedom")]);
  const { document } = parseHTML("<!doctype html><html><body></body></html>") as unknown as {
    document: SvgDocument;
  };
  const svg = (figure: Figure, width: number): string => {
    if (typeof figure.plot === "string") return "";
    const options = {
      ...figure.plot(plotting, width),
      document,
      width,
      className: "plot",
      ariaLabel: `${figure.title}: ${figure.units}`,
    };
    // The library gives figures of several elements where it draws legends; the page has legends of its own.
    const element = plotting.plot(options as never) as unknown as SvgElement;
    element.querySelector("style")?.remove();
    for (const text of element.querySelectorAll("text, tspan, title")) {
      for (const child of text.childNodes) {
        // Control characters would survive the serializer, which escapes only what HTML asks for.
        if (child.nodeType === 3) child.textContent = printable(child.textContent ?? "");
      }
    }
    element.setAttribute("role", "img");
    // Coordinates need no more than two decimals; numbers in texts keep theirs.
    return element.outerHTML.replaceAll(/="[^"]*"/g, (value) => value.replaceAll(/(\d+\.\d{2})\d+/g, "$1"));
  };
  return (figure) =>
    typeof figure.plot === "string"
      ? undefined
      : { desk: svg(figure, WIDTHS.desk), phone: svg(figure, WIDTHS.phone) };
}

interface SvgDocument {
  createElementNS(space: string, name: string): SvgElement;
}

interface SvgElement {
  readonly outerHTML: string;
  readonly childNodes: Iterable<{ readonly nodeType: number; textContent: string | null }>;
  querySelector(selector: string): { remove(): void } | null;
  querySelectorAll(selector: string): Iterable<SvgElement>;
  setAttribute(name: string, value: string): void;
}

/** A figure's SVG in both widths, as the page holds it. */
export function svgHtml(figure: Figure, draw: Draw): string {
  const drawn = draw(figure);
  if (!drawn) return `<p class="nothing">${escaped(String(figure.plot))}</p>`;
  return `<div class="desk">${drawn.desk}</div><div class="phone">${drawn.phone}</div>`;
}
