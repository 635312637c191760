/**
 * The newest price of one instrument: the row comes once a second, its trades twenty times.
 *
 * Of two prices the one that was traded later counts; a row without its trade's time yields to any trade.
 */
import type { Micros, PriceRow, Trade } from './protocol';

export interface NewestPrice {
  instrument: string;
  price: number;
  ts_event: Micros | null;
  ts_recv: Micros | null;
  /** Of the last change of price. */
  direction: -1 | 0 | 1;
}

type Source = Pick<Trade, 'price' | 'ts_event' | 'ts_recv'> | { price: number; ts_event: Micros | null; ts_recv: Micros | null };

function later(row: PriceRow | null, trade: Trade | null): Source | null {
  const known = row === null || row.price === null ? null : { price: row.price, ts_event: row.ts_event, ts_recv: row.ts_recv };
  if (trade === null || known === null) return trade ?? known;
  return known.ts_event === null || trade.ts_event >= known.ts_event ? trade : known;
}

/** `before` again when nothing changed, so that nothing is drawn anew. */
export function newestPrice(before: NewestPrice | null, instrument: string | null, row: PriceRow | null, trade: Trade | null): NewestPrice | null {
  const found = later(row, trade);
  if (instrument === null || found === null) return null;
  const { price, ts_event, ts_recv } = found;
  const same = before !== null && before.instrument === instrument ? before : null;
  if (same && same.price === price && same.ts_event === ts_event) return same;
  const direction = same === null || same.price === price ? (same?.direction ?? 0) : price > same.price ? 1 : -1;
  return { instrument, price, ts_event, ts_recv, direction };
}
