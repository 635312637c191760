/** What was received last, readable by browser tests: the screen can be compared with what was sent. */
import type { Book, Candle, Health, PriceRow, Trade } from './protocol';
import { store } from './store.svelte';

export interface Exposed {
  readonly status: { link: string; badge: string; pill: string; selected: string | null; interval: string; health: Health | null };
  readonly prices: Record<string, PriceRow>;
  readonly book: Book | null;
  readonly lastTrade: Trade | null;
  readonly candles: readonly Candle[];
}

declare global {
  interface Window {
    bethna: Exposed;
  }
}

export function expose(interval: () => string): void {
  window.bethna = {
    get status() {
      return {
        link: store.link.state,
        badge: store.badge.text,
        pill: store.pill.text,
        selected: store.selected,
        interval: interval(),
        health: store.health?.value ?? null,
      };
    },
    get prices() {
      const rows = (store.instruments ?? []).map((name) => store.cell(name).row).filter((row) => row !== null);
      return Object.fromEntries(rows.map((row) => [row.instrument, row]));
    },
    get book() {
      return store.book?.value ?? null;
    },
    get lastTrade() {
      return store.lastTrade;
    },
    get candles() {
      return store.bars.list;
    },
  };
}
