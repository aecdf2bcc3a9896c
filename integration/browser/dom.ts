/** As much of a browser's DOM as the checks in the page use: the project is compiled without the DOM's types. */
export interface Element {
  readonly id: string;
  readonly tagName: string;
  readonly className: unknown;
  readonly textContent: string;
  readonly scrollWidth: number;
  readonly clientWidth: number;
  open: boolean;
  getBoundingClientRect(): { toJSON(): Box };
  closest(selector: string): Element;
  querySelectorAll(selector: string): Iterable<Element>;
}

export interface Box {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
  readonly width: number;
  readonly height: number;
}

/** What `globalThis` is in a page. Functions that run in a page may name nothing that stands outside of them but types. */
export interface PageWindow {
  readonly document: { readonly documentElement: Element; readonly body: Element };
  readonly hacked?: unknown;
  getComputedStyle(of: Element): Readonly<Record<string, string>>;
}
