import type { DatasetName } from "../datasets/dataset.ts";
import type { SqlDialect } from "../warehouse/sql/dialect.ts";
import type { BuilderNames } from "./names.ts";
import type { Ask, Results } from "./asking.ts";
import type { SlotAuction } from "./auction/auction.ts";

/** The plotting library, which is loaded only when something is drawn. */
export type Plotting = typeof import("@observablehq/plot");
export type PlotOptions = import("@observablehq/plot").PlotOptions;

/** What results are shown with. */
export interface Showing extends Ask {
  readonly names: BuilderNames;
  /** The colour of a relay, the same on every page: a CSS value. */
  readonly relayColour: (relay: string) => string;
  /** The colour of a builder by what it is shown as; those without one of their own are grey. */
  readonly builderColour: (builder: string) => string;
  /** The auctions that are drawn. */
  readonly auctions: readonly SlotAuction[];
  /** The quarantine of the lake, where that was read. */
  readonly refused: Refusals | undefined;
}

/** What the lake's quarantine holds in the range. */
export interface Refusals {
  readonly rows: readonly {
    readonly dataset: DatasetName;
    readonly relay: string;
    readonly reason: string;
    readonly rows: number;
  }[];
  /** Chunks whose quarantine wasn't read, since there are many. */
  readonly unread: number;
}

/** One part of the report: its statements, and what is made of their results. */
export interface Section {
  readonly id: string;
  readonly title: string;
  statements(d: SqlDialect, ask: Ask): Readonly<Record<string, string>>;
  view(results: Results, showing: Showing): SectionView;
}

/** A figure at the top of the page. */
export interface Tile {
  readonly label: string;
  readonly value: string;
  /** Of how many it is. */
  readonly n: string;
  /** What is missing from it; empty where nothing is. */
  readonly gap: string;
}

export interface SectionView {
  /** What stands at the top of the page. */
  readonly tiles: readonly Tile[];
  /** What `report --json` says of it. */
  readonly numbers: object;
  readonly figures: readonly Figure[];
  readonly tables: readonly PageTable[];
  /** Why there is nothing to show: then it has neither figures nor tables. */
  readonly nothing?: string | undefined;
}

export interface Figure {
  readonly id: string;
  readonly title: string;
  /** What the axes and colours measure. */
  readonly units: string;
  /** How to read it, one or two sentences. */
  readonly read: string;
  /** The statements that it is drawn from. */
  readonly from: readonly string[];
  readonly legend: readonly { readonly label: string; readonly colour: string }[];
  /** Draws it so wide, px. Or a sentence, where there is nothing to draw. */
  readonly plot: ((plotting: Plotting, width: number) => PlotOptions) | string;
}

export interface PageTable {
  readonly title: string;
  readonly columns: readonly PageColumn[];
  readonly rows: readonly (readonly Cell[])[];
  /** Statements that it is made from, where no figure names them. */
  readonly from?: readonly string[];
}

export interface PageColumn {
  readonly label: string;
  /** Texts stand left, numbers right. */
  readonly numeric: boolean;
}

/** What is shown, and what it is sorted by where that differs. */
export type Cell =
  | string
  | {
      readonly shown: string;
      readonly value: number;
      /** A place on the page that shows more of it: `#` and an id. */
      readonly href?: string;
    };
