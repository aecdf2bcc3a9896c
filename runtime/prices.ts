import file from "./prices.json" with { type: "json" };

export interface Price {
  /** US dollars for one unit. */
  readonly usd: number;
  readonly unit: string;
  /** Units a month that cost nothing, of the billing account or the project. */
  readonly free: number;
  readonly source: string;
}

/** Something that Google Cloud bills. */
export type PricedItem = keyof typeof file.items;

/** List prices without taxes; region and date stand in prices.json. */
export const prices: Readonly<Record<PricedItem, Price>> = file.items;
