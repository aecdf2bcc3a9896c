import type { Page } from "playwright-core";
import type { Box, PageWindow } from "./dom.ts";

interface Placed {
  readonly name: string;
  readonly text: string;
  readonly box: Box;
  readonly scrollWidth: number;
  readonly clientWidth: number;
}

/** Rounding of fonts and borders, px. */
const SLACK = 1.5;
/** Lines of text may touch by so much, px: boxes are taller than letters. */
const TOUCH = 3;

/** What of a page lies where it shouldn't, in words. */
export async function misplaced(page: Page): Promise<string[]> {
  const { wide, scrollWidth, elements, plots } = await page.evaluate(() => {
    const root = (globalThis as unknown as PageWindow).document.documentElement;
    return {
      wide: root.clientWidth,
      scrollWidth: root.scrollWidth,
      elements: [...root.querySelectorAll("h1, h2, h3, p, li, dd, summary, figure, nav a")].map(
        (element) => ({
          name: element.tagName,
          text: element.textContent.slice(0, 40),
          box: element.getBoundingClientRect().toJSON(),
          scrollWidth: element.scrollWidth,
          clientWidth: element.clientWidth,
        }),
      ),
      plots: [...root.querySelectorAll("figure svg")].map((svg) => ({
        figure: svg.closest("figure").id,
        box: svg.getBoundingClientRect().toJSON(),
        texts: [...svg.querySelectorAll("text")].map((element) => ({
          text: element.textContent,
          box: element.getBoundingClientRect().toJSON(),
        })),
        axes: [...svg.querySelectorAll('g[aria-label$="tick label"]')].map((axis) =>
          [...axis.querySelectorAll("text")].map((element) => element.textContent),
        ),
        around: [...svg.closest("figure").querySelectorAll("figcaption, .legend, .read, details")].map(
          (element) => ({ text: element.tagName, box: element.getBoundingClientRect().toJSON() }),
        ),
      })),
    };
  });
  const said: string[] = [];
  if (scrollWidth > wide) said.push(`the page is ${scrollWidth} px wide, in a window of ${wide}`);
  said.push(...elements.flatMap((element) => cutOff(element, wide)));
  for (const { figure, box: frame, texts, axes, around } of plots.filter(({ box }) => isVisible(box))) {
    for (const axis of axes.map((labels) => labels.filter((label) => label.trim() !== "")))
      if (new Set(axis).size < axis.length) said.push(`${figure}: an axis repeats itself: ${axis.join(" ")}`);
    const shown = texts.filter(({ text, box }) => text.trim() !== "" && isVisible(box));
    for (const { text, box } of shown) {
      const outside = [
        frame.left - box.left,
        box.right - frame.right,
        frame.top - box.top,
        box.bottom - frame.bottom,
      ];
      if (outside.some((px) => px > SLACK)) said.push(`${figure}: "${text}" lies outside of its plot`);
    }
    shown.forEach((one, index) => {
      for (const other of shown.slice(index + 1))
        if (overlap(one.box, other.box)) said.push(`${figure}: "${one.text}" and "${other.text}" overlap`);
    });
    for (const { text, box } of around)
      if (isVisible(box) && overlap(frame, box)) said.push(`${figure}: the plot and its ${text} overlap`);
  }
  return said;
}

function cutOff({ name, text, box, scrollWidth, clientWidth }: Placed, wide: number): string[] {
  if (!isVisible(box)) return [];
  if (box.left < -SLACK || box.right > wide + SLACK) return [`${name} "${text}" is cut off at the side`];
  return name !== "FIGURE" && clientWidth > 0 && scrollWidth > clientWidth + SLACK
    ? [`${name} "${text}" is wider than its place`]
    : [];
}

function isVisible({ width, height }: Box): boolean {
  return width > 0 && height > 0;
}

function overlap(box: Box, other: Box): boolean {
  const across = Math.min(box.right, other.right) - Math.max(box.left, other.left);
  const down = Math.min(box.bottom, other.bottom) - Math.max(box.top, other.top);
  return across > SLACK && down > TOUCH;
}

/** The marks in each figure's visible plot: shapes that aren't axes, rules or texts. */
export async function marksOf(page: Page): Promise<Record<string, number>> {
  const figures = await page.evaluate(() =>
    [...(globalThis as unknown as PageWindow).document.documentElement.querySelectorAll("figure")].map(
      (figure) => ({
        id: figure.id,
        boxes: [
          ...figure.querySelectorAll(
            ["rect", "bar", "dot", "line", "cell"]
              .map((mark) => `svg g[aria-label="${mark}"] :not(title)`)
              .join(", "),
          ),
        ].map((element) => element.getBoundingClientRect().toJSON()),
      }),
    ),
  );
  return Object.fromEntries(
    figures.map(({ id, boxes }) => [id, boxes.filter(({ width, height }) => width > 0 || height > 0).length]),
  );
}
