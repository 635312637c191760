/** The rows of the book ladder: ten a side, with running sums for the depth bars, and the spread between. */
import type { Book, PriceLevel } from './protocol';

export const LADDER_LEVELS = 10;

export interface LadderRow {
  price: number;
  quantity: number;
  sum: number;
  /** 0..1 of the larger side's sum, so that both sides share one scale. */
  depth: number;
}

export interface Ladder {
  bids: LadderRow[];
  asks: LadderRow[];
  spread: number | null;
  spreadBps: number | null;
}

function sums(levels: PriceLevel[]): LadderRow[] {
  let sum = 0;
  return levels.slice(0, LADDER_LEVELS).map(([price, quantity]) => {
    sum += quantity;
    return { price, quantity, sum, depth: 0 };
  });
}

export function ladderOf(book: Book): Ladder {
  const bids = sums(book.bids);
  const asks = sums(book.asks);
  const largest = Math.max(bids.at(-1)?.sum ?? 0, asks.at(-1)?.sum ?? 0);
  if (largest > 0) for (const row of [...bids, ...asks]) row.depth = row.sum / largest;
  const bid = bids[0]?.price;
  const ask = asks[0]?.price;
  if (bid === undefined || ask === undefined) return { bids, asks, spread: null, spreadBps: null };
  const middle = (bid + ask) / 2;
  return { bids, asks, spread: ask - bid, spreadBps: middle > 0 ? ((ask - bid) / middle) * 10_000 : null };
}
