/** Rows of the trade tape, newest first: trades, gaps and drops in the order in which they happened. */
import type { Gap, TapeItem, Trade, TradeList } from './protocol';

export type TapeRow =
  | { key: number; kind: 'trade'; trade: Trade; /** 0..1, fixed when it arrived so that no row changes later. */ weight: number }
  | { key: number; kind: 'gap'; gap: Gap }
  | { key: number; kind: 'dropped'; count: number; by: 'desk' | 'page' };

export const TAPE_ROWS = 120;
const WEIGHED = 100;

export class Tape {
  private rows: TapeRow[] = [];
  private nextKey = 1;
  private sizes: number[] = [];
  lastTrade: Trade | null = null;

  /** A new array whenever something changed, newest first. */
  get list(): readonly TapeRow[] {
    return this.rows;
  }

  clear(): void {
    this.rows = [];
    this.sizes = [];
    this.lastTrade = null;
  }

  reset(snapshot: TradeList): void {
    this.clear();
    this.sizes = snapshot.trades.slice(-WEIGHED).map((trade) => trade.quantity);
    const items: TapeItem[] = snapshot.trades.map((trade) => ({ kind: 'trade', ...trade }));
    this.apply(weaveGaps(items, snapshot.coverage?.gaps ?? []));
  }

  apply(items: TapeItem[]): void {
    if (items.length === 0) return;
    const fresh = items.slice(-TAPE_ROWS).map((item) => this.row(item));
    this.rows = [...fresh.reverse(), ...this.rows].slice(0, TAPE_ROWS);
  }

  private row(item: TapeItem): TapeRow {
    const key = this.nextKey++;
    if (item.kind === 'gap') return { key, kind: 'gap', gap: item };
    if (item.kind === 'dropped') return { key, kind: 'dropped', count: item.count, by: item.by ?? 'desk' };
    this.lastTrade = item;
    this.sizes.push(item.quantity);
    if (this.sizes.length > WEIGHED) this.sizes.shift();
    const largest = Math.max(...this.sizes);
    return { key, kind: 'trade', trade: item, weight: largest > 0 ? item.quantity / largest : 0 };
  }
}

/** Puts a snapshot's unhealed gaps between its trades by time; gaps from before the first trade are history. */
export function weaveGaps(items: TapeItem[], gaps: Gap[]): TapeItem[] {
  const first = items.find((item) => item.kind === 'trade');
  if (!first) return items;
  const open = gaps.filter((gap) => !gap.healed && gap.stream === 'trades' && gap.start !== null && gap.start >= first.ts_event);
  const woven: TapeItem[] = [...items];
  for (const gap of open) {
    const at = woven.findIndex((item) => item.kind === 'trade' && item.ts_event > (gap.start ?? 0));
    woven.splice(at < 0 ? woven.length : at, 0, { kind: 'gap', ...gap });
  }
  return woven;
}
