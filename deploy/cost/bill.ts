import { type PricedItem, prices } from "../../runtime/prices.ts";

/** One line of a bill: what, how it comes about, and US dollars a month. */
export interface Line {
  readonly what: string;
  /** The quantity with its factors, the free share and the price. */
  readonly arithmetic: string;
  readonly item: PricedItem;
  readonly quantity: number;
  readonly usd: number;
}

/** A month's bill. Free shares are taken off once, as if the stack had its billing account to itself. */
export class Bill {
  readonly lines: Line[] = [];
  readonly #left = new Map<PricedItem, number>();

  add(what: string, item: PricedItem, quantity: number, factors: string): void {
    const { usd, unit, free } = prices[item];
    const taken = Math.min(quantity, this.#left.get(item) ?? free);
    this.#left.set(item, (this.#left.get(item) ?? free) - taken);
    const less = taken > 0 ? `, ${shown(taken)} free` : "";
    const product = `${shown(quantity)} ${unit}`;
    this.lines.push({
      what,
      arithmetic: `${factors === product ? "" : `${factors} = `}${product}${less}, at $${plain(usd)}`,
      item,
      quantity,
      usd: (quantity - taken) * usd,
    });
  }

  /** US dollars of the month. */
  get total(): number {
    return this.lines.reduce((sum, { usd }) => sum + usd, 0);
  }
}

/** A number as it is read: three digits, or whole where it has more. */
export function shown(value: number): string {
  if (value === 0) return "0";
  return value >= 100 ? Math.round(value).toLocaleString("en-US") : String(Number(value.toPrecision(3)));
}

function plain(usd: number): string {
  return usd.toFixed(8).replace(/0+$/, "").replace(/\.$/, "");
}
