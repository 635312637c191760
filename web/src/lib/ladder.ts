/** The rows of the book ladder: ten a side at most, with running sums for the depth bars, and the spread between. */
import type { Book, PriceLevel } from './protocol';

export const LADDER_LEVELS = 10;

/** Heights in pixels, as BookPanel.svelte draws them. */
const LEAST_LEVEL_PX = 16;
const MIDDLE_PX = 36;
const HEADS_PX = 20;
const PADDING_PX = 8;

export interface Fitting {
  /** A side, so that the best of both and the spread between are seen in any window. */
  levels: number;
  /** There is room for the names of the columns too. */
  heads: boolean;
}

/** How much of the ladder fits; of a height that is not known yet, all of it. `middle`: of what stands between the sides. */
export function fitting(height: number, middle = MIDDLE_PX): Fitting {
  if (height <= 0) return { levels: LADDER_LEVELS, heads: true };
  const room = height - PADDING_PX - middle;
  const heads = room >= HEADS_PX + 2 * LEAST_LEVEL_PX;
  const levels = Math.floor((room - (heads ? HEADS_PX : 0)) / (2 * LEAST_LEVEL_PX));
  return { levels: Math.min(LADDER_LEVELS, Math.max(1, levels)), heads };
}

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

export function ladderOf(book: Pick<Book, 'bids' | 'asks'>): Ladder {
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
